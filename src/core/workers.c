#define _GNU_SOURCE /* pthread_sigmask, clock_gettime */
#include "core/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MIN_WORKERS 4
#define MAX_WORKERS 1024 /* max. value of JSEC_WORKERS */
#define MAX_LOOKUPS 32
#define MAX_ABANDONED_LOOKUPS 224 /* more workers: a cancelled lookup may block for 30 s */
#define IDLE_SECONDS 10           /* seconds of idle time after which a worker ends */

struct JobGroup {
    const WorkersClient *client;
    const char *kind;
    Job *first, **last;
    JobGroup *next;
};

typedef struct Pool {
    pthread_cond_t added;
    JobGroup *groups; /* groups with queued jobs, the next to serve first */
    int queued, threads, idle, abandoned;
} Pool;

/* One lock for all: it is held for a few instructions, and jobs are slow. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER; /* a job that borrows has finished */
static Pool pools[WORKERS_POOLS] = {{.added = PTHREAD_COND_INITIALIZER},
                                    {.added = PTHREAD_COND_INITIALIZER}};

/* --- fork --- */

static void before_fork(void) {
    pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void) {
    pthread_mutex_unlock(&lock);
}

/* The child inherits the queues, but no workers. The workers that it starts serve them. */
static void after_fork_in_child(void) {
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&ended, NULL);
    for (int i = 0; i < WORKERS_POOLS; i++) {
        pthread_cond_init(&pools[i].added, NULL);
        pools[i].threads = pools[i].idle = pools[i].abandoned = 0;
    }
}

static void watch_forks(void) {
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* --- limits --- */

static int count_cores(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < MIN_WORKERS ? MIN_WORKERS : cores > MAX_WORKERS ? MAX_WORKERS : (int)cores;
}

static int read_setting(Failure *failure) {
    const char *setting = getenv("JSEC_WORKERS");
    if (!setting || !*setting) return count_cores();
    char *end;
    long number = strtol(setting, &end, 10);
    if (!*end && number >= 1 && number <= MAX_WORKERS) return (int)number;
    failure_set(failure,
                "the environment variable JSEC_WORKERS is not a number from 1 to %d: set it to "
                "the number of workers, or unset it",
                MAX_WORKERS);
    return 0;
}

/* The setting is read again only while it is wrong. */
int workers_limit(WorkersPool pool, Failure *failure) {
    static atomic_int known;
    if (pool == WORKERS_LOOKUP) return MAX_LOOKUPS;
    int limit = atomic_load(&known);
    if (limit) return limit;
    limit = read_setting(failure);
    atomic_store(&known, limit);
    return limit;
}

static bool may_start(WorkersPool kind, int limit) {
    const Pool *pool = &pools[kind];
    if (pool->queued <= pool->idle) return false;
    if (kind != WORKERS_LOOKUP) return pool->threads < limit;
    return pool->threads - pool->abandoned < limit && pool->threads < limit + MAX_ABANDONED_LOOKUPS;
}

/* --- the queue --- */

static JobGroup *find_group(WorkersPool kind, const Job *job) {
    JobGroup **link = &pools[kind].groups;
    for (; *link; link = &(*link)->next)
        if ((*link)->client == job->client && (*link)->kind == job->kind) return *link;
    JobGroup *group = malloc(sizeof *group);
    if (!group) return NULL;
    *group = (JobGroup){.client = job->client, .kind = job->kind, .last = &group->first};
    *link = group;
    return group;
}

static bool enqueue_job(WorkersPool kind, Job *job) {
    JobGroup *group = find_group(kind, job);
    if (!group) return false;
    job->group = group;
    job->state = JOB_QUEUED;
    job->next = NULL;
    job->link = group->last;
    *group->last = job;
    group->last = &job->next;
    pools[kind].queued++;
    return true;
}

static void unlink_group(Pool *pool, const JobGroup *group) {
    JobGroup **link = &pool->groups;
    while (*link != group) link = &(*link)->next;
    *link = group->next;
}

static void dequeue_job(Job *job) {
    JobGroup *group = job->group;
    Pool *pool = &pools[job->pool];
    *job->link = job->next;
    if (job->next) {
        job->next->link = job->link;
    } else {
        group->last = job->link;
    }
    job->group = NULL;
    job->state = JOB_IDLE;
    pool->queued--;
    if (group->first) return;
    unlink_group(pool, group);
    free(group);
}

/* The first job of the first group, which then goes behind the others. */
static Job *choose_job(Pool *pool) {
    JobGroup *group = pool->groups, **last;
    Job *job = group->first;
    unlink_group(pool, group);
    for (last = &pool->groups; *last; last = &(*last)->next) {
    }
    *last = group;
    group->next = NULL;
    dequeue_job(job);
    return job;
}

/* --- the client's jobs --- */

static void add_owned(WorkersClient *client, Job *job) {
    job->client = client;
    job->next_owned = client->owned;
    if (job->next_owned) job->next_owned->link_owned = &job->next_owned;
    job->link_owned = &client->owned;
    client->owned = job;
}

static void remove_owned(Job *job) {
    *job->link_owned = job->next_owned;
    if (job->next_owned) job->next_owned->link_owned = job->link_owned;
    job->client = NULL;
}

static void add_finished(Job *job) {
    WorkersClient *client = job->client;
    job->state = JOB_FINISHED;
    job->next = NULL;
    job->link = client->last_finished;
    *client->last_finished = job;
    client->last_finished = &job->next;
    client->notify(client);
}

static void remove_finished(Job *job) {
    *job->link = job->next;
    if (job->next) {
        job->next->link = job->link;
    } else {
        job->client->last_finished = job->link;
    }
    job->state = JOB_IDLE;
}

/* --- workers --- */

static bool wait_for_job(Pool *pool) {
    struct timespec until;
    int status = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_SECONDS;
    pool->idle++;
    while (!pool->groups && !status) status = pthread_cond_timedwait(&pool->added, &lock, &until);
    pool->idle--;
    return pool->groups;
}

static void finish_job(Pool *pool, Job *job) {
    if (job->abandoned) pool->abandoned--;
    if (job->client) {
        add_finished(job);
        if (job->borrows) pthread_cond_broadcast(&ended);
        return;
    }
    pthread_mutex_unlock(&lock);
    job->discard(job);
    pthread_mutex_lock(&lock);
}

static void *run_worker(void *argument) {
    Pool *pool = argument;
    pthread_mutex_lock(&lock);
    while (pool->groups || wait_for_job(pool)) {
        Job *job = choose_job(pool);
        job->state = JOB_RUNNING;
        job->process = getpid();
        pthread_mutex_unlock(&lock);
        job->run(job);
        pthread_mutex_lock(&lock);
        finish_job(pool, job);
    }
    pool->threads--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Signals are for the program's own threads. Returns 0 or an errno. */
static int start_worker(Pool *pool) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sigset_t all, before;
    pthread_t thread;
    pthread_once(&once, watch_forks);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int status = pthread_create(&thread, NULL, run_worker, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status) return status;
    pthread_detach(thread);
    pool->threads++;
    return 0;
}

/* --- the client's side --- */

void workers_open(WorkersClient *client, void (*notify)(WorkersClient *client)) {
    *client = (WorkersClient){.notify = notify, .last_finished = &client->finished};
}

/* With the lock held. If no thread can be started, the running workers serve the job. */
static int serve_job(WorkersPool kind, Job *job, int limit) {
    Pool *pool = &pools[kind];
    int status = enqueue_job(kind, job) ? 0 : ENOMEM;
    if (status) return status;
    if (may_start(kind, limit)) status = start_worker(pool);
    if (status && !pool->threads) {
        dequeue_job(job);
        return status;
    }
    pthread_cond_signal(&pool->added);
    return 0;
}

bool workers_add(WorkersClient *client, WorkersPool pool, Job *job, Failure *failure) {
    int limit = workers_limit(pool, failure);
    if (!limit) return false;
    job->pool = pool;
    job->abandoned = false;
    pthread_mutex_lock(&lock);
    add_owned(client, job);
    int status = serve_job(pool, job, limit);
    if (status) remove_owned(job);
    pthread_mutex_unlock(&lock);
    return !status || failure_set(failure, "no worker thread: %s", strerror(status));
}

/* With the lock held. */
static bool withdraw_job(Job *job) {
    if (job->state == JOB_RUNNING) return false;
    if (job->state == JOB_QUEUED) dequeue_job(job);
    if (job->state == JOB_FINISHED) remove_finished(job);
    remove_owned(job);
    return true;
}

bool workers_remove(Job *job) {
    pthread_mutex_lock(&lock);
    bool removed = withdraw_job(job);
    if (!removed && !job->abandoned) {
        job->abandoned = true;
        pools[job->pool].abandoned++;
    }
    pthread_mutex_unlock(&lock);
    return removed;
}

Job *workers_take(WorkersClient *client) {
    pthread_mutex_lock(&lock);
    Job *job = client->finished;
    if (job) withdraw_job(job);
    pthread_mutex_unlock(&lock);
    return job;
}

static bool is_borrowing(const Job *job) {
    return job->borrows && job->state == JOB_RUNNING && job->process == getpid();
}

/* With the lock held: false while a worker reads the client's memory. */
static bool release_jobs(WorkersClient *client, Job **discarded) {
    bool done = true;
    Job *next;
    for (Job *job = client->owned; job; job = next) {
        next = job->next_owned;
        if (is_borrowing(job)) {
            done = false;
        } else if (withdraw_job(job)) {
            job->next = *discarded;
            *discarded = job;
        } else {
            remove_owned(job);
        }
    }
    return done;
}

void workers_close(WorkersClient *client) {
    Job *discarded = NULL, *next;
    pthread_mutex_lock(&lock);
    while (!release_jobs(client, &discarded)) pthread_cond_wait(&ended, &lock);
    pthread_mutex_unlock(&lock);
    for (; discarded; discarded = next) {
        next = discarded->next;
        discarded->discard(discarded);
    }
}

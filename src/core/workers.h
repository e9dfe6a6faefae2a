/* Worker threads for work that would block an event loop. The process has two pools: one for
 * computations, with a worker for each core, and one for name lookups, which mostly wait.
 *
 * The queue of a pool is fair: jobs form groups by client and kind, and the groups take turns. So a
 * client that adds a thousand jobs does not delay the others, and a thousand logins delay no
 * signature. Within a group the first job is served first.
 *
 * A client is an event loop. All functions but `run`, `discard` and `notify` are called on its
 * thread. */
#ifndef JSEC_CORE_WORKERS_H
#define JSEC_CORE_WORKERS_H

#include "core/failure.h"

#include <stdbool.h>
#include <sys/types.h>

typedef enum WorkersPool { WORKERS_COMPUTE, WORKERS_LOOKUP, WORKERS_POOLS } WorkersPool;

typedef struct WorkersClient WorkersClient;
typedef struct JobGroup JobGroup;

typedef enum JobState { JOB_IDLE, JOB_QUEUED, JOB_RUNNING, JOB_FINISHED } JobState;

/* Embedded in its owner, zeroed but for the first four. */
typedef struct Job {
    void (*run)(struct Job *job);     /* on a worker thread */
    void (*discard)(struct Job *job); /* frees the job; on any thread, when its client has closed */
    const char *kind;                 /* a static string, compared by address */
    bool borrows;                     /* reads memory of the client: workers_close waits for it */

    WorkersPool pool;
    JobState state;
    bool abandoned;
    pid_t process; /* process in which it runs: a fork copies jobs, but no threads */
    WorkersClient *client;
    JobGroup *group;
    struct Job *next, **link;             /* in the queue, or among the finished */
    struct Job *next_owned, **link_owned; /* among the client's */
} Job;

struct WorkersClient {
    /* On a worker thread, with the pool's lock held: a job has finished. Must not block. */
    void (*notify)(WorkersClient *client);
    Job *owned;
    Job *finished, **last_finished;
};

void workers_open(WorkersClient *client, void (*notify)(WorkersClient *client));

/* Discard the queued and finished jobs, and wait for the running ones that borrow. Workers discard
 * the other running jobs. */
void workers_close(WorkersClient *client);

/* Queue a job. False: JSEC_WORKERS is wrong, or the system starts no thread and no worker runs. */
bool workers_add(WorkersClient *client, WorkersPool pool, Job *job, Failure *failure);

/* Cancel a job. True: it was queued or finished, and the caller owns it again. False: it runs, and
 * workers_take returns it later. */
bool workers_remove(Job *job);

/* The next finished job, or NULL. The caller owns it again. */
Job *workers_take(WorkersClient *client);

/* How many jobs of a pool run at once: JSEC_WORKERS, or one for each core and at least four. 0 with
 * the reason where JSEC_WORKERS is wrong. */
int workers_limit(WorkersPool pool, Failure *failure);

#endif

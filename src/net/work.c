#include "net/work.h"

#include "base/raise.h"
#include "net/request.h"

#include <math.h>
#include <string.h>

/* This VM's works, and the client by which the workers know the VM. */
typedef struct WorkQueue {
    WorkersClient client;
    Remote remote;    /* called when a worker has finished a job */
    Watcher preparer; /* called in each turn while works are being prepared */
    Work *unprepared, **last_unprepared;
    int prepared; /* works that hold copies of large inputs */
} WorkQueue;

static JANET_THREAD_LOCAL WorkQueue *queue;

/* --- one work --- */

void *work_new(size_t size) {
    void *work = janet_calloc(1, size);
    if (!work) JANET_OUT_OF_MEMORY;
    return work;
}

void work_free(Work *work) {
    if (work->release) work->release(work);
    janet_free(work);
}

static void run_job(Job *job) {
    Work *work = (Work *)job;
    work->run(work);
}

static void discard_job(Job *job) {
    work_free((Work *)job);
}

static void mark_work(GcRoot *root) {
    Work *work = (Work *)(void *)((char *)root - offsetof(Work, root));
    work->mark(work);
}

static void leave_queue(Work *work) {
    poller_remove_root(&work->root);
    if (!work->is_prepared) return;
    queue->prepared--;
    if (queue->unprepared) poller_turn(&queue->preparer);
}

static void finish_work(Work *work) {
    leave_queue(work);
    if (work->done) work->done(work);
    work_free(work);
}

/* --- preparing --- */

static void enqueue_unprepared(Work *work) {
    work->next = NULL;
    work->link = queue->last_unprepared;
    *queue->last_unprepared = work;
    queue->last_unprepared = &work->next;
    poller_turn(&queue->preparer);
}

static void dequeue_unprepared(Work *work) {
    *work->link = work->next;
    if (work->next) {
        work->next->link = work->link;
    } else {
        queue->last_unprepared = work->link;
    }
    work->link = NULL;
}

/* A slot for the copies of one more work; waiting works hold no copies. */
static bool claim_place(Work *work) {
    if (work->is_prepared) return true;
    if (queue->prepared >= workers_limit(work->job.pool, &work->failure)) return false;
    work->is_prepared = true;
    queue->prepared++;
    return true;
}

static void prepare_first(Watcher *watcher, unsigned ready) {
    (void)ready;
    Work *work = queue->unprepared;
    if (!work || !claim_place(work)) return;
    WorkStep step = work->prepare(work);
    if (step != WORK_AGAIN) dequeue_unprepared(work);
    if (queue->unprepared) poller_turn(watcher);
    if (step == WORK_AGAIN) return;
    bool added = step == WORK_READY &&
                 workers_add(&queue->client, work->job.pool, &work->job, &work->failure);
    if (added) return;
    work->failed = true;
    finish_work(work);
}

/* --- this VM's queue --- */

static void notify_client(WorkersClient *client) {
    poller_call_remote(&((WorkQueue *)client)->remote);
}

static void collect_finished(Remote *remote) {
    (void)remote;
    Job *job;
    while ((job = workers_take(&queue->client))) finish_work((Work *)job);
}

static int close_queue(void *pointer, size_t size) {
    (void)size;
    WorkQueue *self = pointer;
    Work *next;
    workers_close(&self->client);
    for (Work *work = self->unprepared; work; work = next) {
        next = work->next;
        work_free(work);
    }
    queue = NULL;
    return 0;
}

static const JanetAbstractType queue_type = {"jsec/work-queue", close_queue, JANET_ATEND_GC};

/* A threaded abstract: at the VM's end Janet frees these before all other values, some of which
 * workers may be reading. */
static void make_queue(void) {
    poller_start();
    WorkQueue *made = janet_abstract_threaded(&queue_type, sizeof *made);
    memset(made, 0, sizeof *made);
    made->last_unprepared = &made->unprepared;
    made->preparer = (Watcher){.ready = prepare_first, .descriptor = -1};
    workers_open(&made->client, notify_client);
    janet_gcroot(janet_wrap_abstract(made));
    poller_add_remote(&made->remote, collect_finished);
    queue = made;
}

static bool open_queue(Failure *failure) {
    if (queue) return true;
    JanetTryState state;
    if (janet_try(&state) == JANET_SIGNAL_OK) make_queue();
    janet_restore(&state);
    return queue || failure_set(failure, "%s", (const char *)janet_to_string(state.payload));
}

/* --- starting and ending --- */

static bool begin_work(Work *work, WorkersPool pool, Failure *failure) {
    if (!open_queue(failure) || !workers_limit(pool, failure)) return false;
    if (work->mark) poller_add_root(&work->root, mark_work);
    if (work->prepare && (queue->unprepared || !claim_place(work))) {
        enqueue_unprepared(work);
        return true;
    }
    WorkStep step = work->prepare ? work->prepare(work) : WORK_READY;
    if (step == WORK_AGAIN) enqueue_unprepared(work);
    if (step == WORK_FAILED) *failure = work->failure;
    return step == WORK_AGAIN ||
           (step == WORK_READY && workers_add(&queue->client, pool, &work->job, failure));
}

bool work_start(Work *work, WorkersPool pool, Failure *failure) {
    work->job.run = run_job;
    work->job.discard = discard_job;
    work->job.kind = work->function;
    work->job.pool = pool;
    if (begin_work(work, pool, failure)) return true;
    leave_queue(work);
    work_free(work);
    return false;
}

void work_cancel(Work *work) {
    work->done = NULL;
    if (work->link) {
        dequeue_unprepared(work);
    } else if (!workers_remove(&work->job)) {
        return; /* a worker runs it: it is freed when it has ended */
    }
    finish_work(work);
}

/* --- awaiting --- */

typedef struct WorkRequest {
    Request request; /* must be first */
    Work *work;      /* NULL: it has ended */
} WorkRequest;

static void cancel_request(Request *request) {
    WorkRequest *waiting = (WorkRequest *)request;
    if (waiting->work) work_cancel(waiting->work);
}

static const RequestKind request_kind = {.cancelled = cancel_request};

static void complete_request(Work *work) {
    WorkRequest *waiting = work->request;
    waiting->work = NULL;
    if (!request_waits(&waiting->request)) return;
    Janet value = work->failed ? janet_wrap_nil() : work->result(work);
    if (work->failed) {
        request_fail(&waiting->request, NULL, raise_text(work->function, &work->failure));
    } else {
        request_complete(&waiting->request, NULL, value);
    }
}

void work_await(Work *work, WorkersPool pool) {
    const char *function = work->function;
    Failure failure;
    if (!janet_root_fiber()) {
        work_free(work);
        janet_panic("can't wait outside of the event loop");
    }
    WorkRequest *waiting = request_new(sizeof *waiting, 0, &request_kind);
    waiting->work = work;
    work->request = waiting;
    work->done = complete_request;
    if (!work_start(work, pool, &failure)) {
        janet_free(waiting);
        raise_failure(function, &failure);
    }
    request_park(&waiting->request, INFINITY);
}

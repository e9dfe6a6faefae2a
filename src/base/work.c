#include "base/work.h"

#include "base/raise.h"

void *work_new(size_t size) {
    void *work = janet_calloc(1, size);
    if (!work) JANET_OUT_OF_MEMORY;
    return work;
}

void work_free(Work *work) {
    if (work->release) work->release(work);
    janet_free(work);
}

/* Work on its way to a thread or back. At the end of the process some may be in the event loop's
 * pipe, where leak checkers do not see it. */
static _Thread_local Work *away;

static void enlist(Work *work) {
    work->next = away;
    work->link = &away;
    if (away) away->link = &work->next;
    away = work;
}

static void delist(const Work *work) {
    *work->link = work->next;
    if (work->next) work->next->link = work->link;
}

static JanetEVGenericMessage on_thread(JanetEVGenericMessage message) {
    Work *work = message.argp;
    work->run(work);
    return message;
}

static void on_loop(JanetEVGenericMessage message) {
    Work *work = message.argp;
    delist(work);
    work->done(work);
    work_free(work);
}

bool work_start(Work *work, Failure *failure) {
    JanetEVGenericMessage message = {.argp = work};
    JanetTryState state;
    enlist(work);
    bool started = janet_try(&state) == JANET_SIGNAL_OK;
    if (started) janet_ev_threaded_call(on_thread, message, on_loop);
    janet_restore(&state);
    if (started) return true;
    delist(work);
    work_free(work);
    return failure_set(failure, "no thread for it: %s",
                       (const char *)janet_to_string(state.payload));
}

/* The fiber may have been cancelled, timed out or gone on to another wait since. */
static void wake(Work *work) {
    JanetFiber *fiber = work->fiber;
    if (fiber->sched_id == work->sched_id && janet_fiber_can_resume(fiber)) {
        Janet value = work->failed ? janet_wrap_nil() : work->result(work);
        if (work->failed) {
            janet_cancel(fiber, raise_text(work->function, &work->failure));
        } else {
            janet_schedule(fiber, value);
        }
    }
    janet_gcunroot(janet_wrap_fiber(fiber));
}

void work_await(Work *work) {
    work->done = wake;
    work->fiber = janet_root_fiber();
    if (!work->fiber) {
        work_free(work);
        janet_panic("can't wait outside of the event loop");
    }
    work->sched_id = work->fiber->sched_id;
    janet_gcroot(janet_wrap_fiber(work->fiber));
    const char *function = work->function;
    JanetFiber *fiber = work->fiber;
    Failure failure;
    if (!work_start(work, &failure)) {
        janet_gcunroot(janet_wrap_fiber(fiber));
        raise_failure(function, &failure);
    }
    janet_await();
}

/* The worker threads: order, cancellation, the end of a client. Also run under ThreadSanitizer. */
#define _GNU_SOURCE
#include "check.h"
#include "core/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* A client without an event loop: notify writes to a pipe. */
typedef struct Loop {
    WorkersClient client;
    int pipe[2];
} Loop;

typedef struct Call {
    Job job;
    int number, microseconds;
    const int *borrowed;
} Call;

static atomic_int discarded, order_count, order[64];
static atomic_bool gate_open, gate_reached;

static void notify(WorkersClient *client) {
    ssize_t written = write(((Loop *)client)->pipe[1], "x", 1);
    (void)written;
}

static void open_loop(Loop *loop) {
    if (pipe(loop->pipe)) exit(1);
    workers_open(&loop->client, notify);
}

static void close_loop(Loop *loop) {
    workers_close(&loop->client);
    close(loop->pipe[0]);
    close(loop->pipe[1]);
}

static Call *wait_for_call(Loop *loop) {
    char byte;
    Job *job;
    while (!(job = workers_take(&loop->client)))
        if (read(loop->pipe[0], &byte, 1) != 1) exit(1);
    return (Call *)job;
}

static void run_call(Job *job) {
    const Call *call = (Call *)job;
    if (call->microseconds) usleep((useconds_t)call->microseconds);
    int place = atomic_fetch_add(&order_count, 1);
    if (place < 64)
        atomic_store(&order[place], call->number + (call->borrowed ? *call->borrowed : 0));
}

static void wait_at_gate(Job *job) {
    (void)job;
    atomic_store(&gate_reached, true);
    while (!atomic_load(&gate_open)) usleep(1000);
}

static void discard_call(Job *job) {
    atomic_fetch_add(&discarded, 1);
    free(job);
}

static Call *add_call(Loop *loop, const char *kind, int number, int microseconds) {
    Failure failure;
    Call *call = calloc(1, sizeof *call);
    call->job.run = run_call;
    call->job.discard = discard_call;
    call->job.kind = kind;
    call->number = number;
    call->microseconds = microseconds;
    if (!workers_add(&loop->client, WORKERS_COMPUTE, &call->job, &failure)) exit(1);
    return call;
}

/* Occupy the only worker, so that what is added meanwhile is queued. */
static Call *close_gate(Loop *loop) {
    Failure failure;
    Call *call = calloc(1, sizeof *call);
    atomic_store(&gate_open, false);
    atomic_store(&gate_reached, false);
    call->job.run = wait_at_gate;
    call->job.discard = discard_call;
    call->job.kind = "gate";
    if (!workers_add(&loop->client, WORKERS_COMPUTE, &call->job, &failure)) exit(1);
    while (!atomic_load(&gate_reached)) usleep(100);
    return call;
}

static void free_calls(Loop *loop, int count) {
    while (count--) free(wait_for_call(loop));
}

static void test_order(Loop *loop) {
    close_gate(loop);
    for (int i = 0; i < 5; i++) add_call(loop, "flood", i, 0);
    add_call(loop, "other", 10, 0);
    add_call(loop, "other", 11, 0);
    atomic_store(&order_count, 0);
    atomic_store(&gate_open, true);
    free_calls(loop, 8);
    const int expected[] = {0, 10, 1, 11, 2, 3, 4};
    bool same = true;
    for (int i = 0; i < 7; i++) same = same && order[i] == expected[i];
    CHECK("kinds of jobs take turns, and each kind is served in order", same);
}

static void test_clients(Loop *loop) {
    Loop other;
    open_loop(&other);
    close_gate(loop);
    for (int i = 0; i < 5; i++) add_call(loop, "flood", i, 0);
    Call *one = add_call(&other, "flood", 10, 0);
    atomic_store(&order_count, 0);
    atomic_store(&gate_open, true);
    CHECK("each client gets its own jobs", wait_for_call(&other) == one);
    free(one);
    free_calls(loop, 6);
    CHECK("clients take turns", order[1] == 10);
    close_loop(&other);
}

static void test_removal(Loop *loop) {
    Call *gate = close_gate(loop);
    Call *queued = add_call(loop, "call", 1, 0);
    CHECK("a queued job can be removed", workers_remove(&queued->job));
    CHECK("a running job can't be removed", !workers_remove(&gate->job));
    free(queued);
    atomic_store(&order_count, 0);
    atomic_store(&gate_open, true);
    CHECK("an abandoned job comes back when it has ended", wait_for_call(loop) == gate);
    free(gate);
    Call *finished = add_call(loop, "call", 2, 0);
    char byte;
    bool read_one = read(loop->pipe[0], &byte, 1) == 1;
    CHECK("a finished job can be removed", read_one && workers_remove(&finished->job));
    CHECK("a removed job does not come back", !workers_take(&loop->client));
    CHECK("a removed job does not run", order_count == 1 && order[0] == 2);
    free(finished);
}

static void test_close(void) {
    Loop loop;
    int *memory = malloc(sizeof *memory);
    *memory = 1000;
    atomic_store(&discarded, 0);
    open_loop(&loop);
    Call *borrowing = calloc(1, sizeof *borrowing);
    Failure failure;
    borrowing->job = (Job){.run = run_call, .discard = discard_call, .kind = "a", .borrows = true};
    borrowing->microseconds = 50000;
    borrowing->borrowed = memory;
    atomic_store(&order_count, 0);
    if (!workers_add(&loop.client, WORKERS_COMPUTE, &borrowing->job, &failure)) exit(1);
    usleep(10000); /* it runs now, unless the machine is very slow */
    for (int i = 0; i < 5; i++) add_call(&loop, "b", i, 20000);
    close_loop(&loop);
    *memory = 0;
    free(memory); /* ThreadSanitizer and AddressSanitizer report a worker that still reads it */
    CHECK("closing discards queued jobs, and a borrowing job when it has ended", discarded == 6);
    open_loop(&loop);
    close_gate(&loop);
    close_loop(&loop);
    CHECK("closing does not wait for a job that borrows nothing", !gate_open);
    atomic_store(&gate_open, true);
    while (discarded < 7) usleep(1000);
    CHECK("a job whose client has closed is discarded by its worker", discarded == 7);
}

static void *use_workers(void *argument) {
    Loop loop;
    unsigned seed = *(unsigned *)argument;
    open_loop(&loop);
    for (int i = 0; i < 300; i++) {
        Call *call = add_call(&loop, seed & 1 ? "odd" : "even", 0, (int)(seed >> 8) % 200);
        seed = seed * 1103515245 + 12345;
        if (seed & 0x10000 && workers_remove(&call->job)) free(call);
        if (seed & 0x20000) free(workers_take(&loop.client));
    }
    close_loop(&loop);
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[6];
    unsigned seeds[6] = {1, 2, 3, 4, 5, 6};
    for (int i = 0; i < 6; i++) pthread_create(&threads[i], NULL, use_workers, &seeds[i]);
    for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
    CHECK("six clients add, remove, take and close at the same time", true);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Does the limit of address space count? qemu's does not. */
static bool memory_is_limited(void) {
    void *got = mmap(NULL, 8 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) return true;
    munmap(got, 8 << 20);
    return false;
}

/* Without room for a stack pthread_create fails. This test comes first: glibc reuses the stacks of
 * earlier threads. */
static void test_no_thread(Loop *loop) {
    struct rlimit before, none;
    Failure failure;
    Call *call = calloc(1, sizeof *call);
    call->job.run = run_call;
    call->job.kind = "lookup";
    getrlimit(RLIMIT_AS, &before);
    none = (struct rlimit){1 << 20, before.rlim_max};
    setrlimit(RLIMIT_AS, &none);
    bool limited = memory_is_limited();
    bool added = limited && workers_add(&loop->client, WORKERS_LOOKUP, &call->job, &failure);
    setrlimit(RLIMIT_AS, &before);
    if (limited) {
        CHECK("without a thread a job is refused, with the reason",
              !added &&
                  !strcmp(failure.text, "no worker thread: Resource temporarily unavailable"));
        CHECK("a refused job is not added to the client", !loop->client.owned);
    } else {
        puts("skip - without a thread a job is refused: RLIMIT_AS has no effect here");
    }
    added = workers_add(&loop->client, WORKERS_LOOKUP, &call->job, &failure);
    CHECK("the same job runs when there is a thread", added && wait_for_call(loop) == call);
    free(call);
}
#else
static void test_no_thread(const Loop *loop) {
    (void)loop; /* the sanitizers end the process when they get no memory for a thread */
}
#endif

int main(void) {
    Failure failure;
    Loop loop;
    setenv("JSEC_WORKERS", "none", 1);
    CHECK("a wrong JSEC_WORKERS is an error", !workers_limit(WORKERS_COMPUTE, &failure));
    setenv("JSEC_WORKERS", "1", 1);
    CHECK("JSEC_WORKERS is the limit", workers_limit(WORKERS_COMPUTE, &failure) == 1);
    open_loop(&loop);
    test_no_thread(&loop);
    test_order(&loop);
    test_clients(&loop);
    test_removal(&loop);
    test_close();
    close_loop(&loop);
    test_threads();
    return check_end();
}

#define _GNU_SOURCE /* madvise */
#include "crypto/offload.h"

#include "base/raise.h"
#include "net/heap.h"
#include "net/work.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SHORT ((size_t)64 << 10) /* bytes of an input that is copied at the call */
#define WHOLE                                                                                      \
    ((size_t)16 << 20)          /* bytes of a buffer that is copied at once when there is a place */
#define PIECE ((size_t)1 << 20) /* bytes that are copied in a turn of a longer one */
#define HUGE_PAGE ((size_t)2 << 20)

/* A task on its way through a worker: the task is a copy, and so are its inputs, except long
 * strings. They can't change, so the collector keeps them instead. */
typedef struct Offload {
    Work work;
    Task *task;
    size_t size;
    Janet sources[TASK_INPUTS];   /* the long string or buffer that an input is a view of, or nil */
    uint8_t *copies[TASK_INPUTS]; /* of the other inputs */
    size_t copied[TASK_INPUTS];   /* bytes of a buffer, so far */
} Offload;

/* --- inputs --- */

static uint8_t *allocate_copy(size_t length) {
    void *memory;
    if (length < SHORT) return malloc(length + 1);
    if (posix_memalign(&memory, HUGE_PAGE, length)) return NULL;
#ifdef MADV_HUGEPAGE
    madvise(memory, length, MADV_HUGEPAGE); /* page faults cost more than the copying */
#endif
    return memory;
}

/* Cleansing large inputs takes time, so the worker does it. */
static void free_copies(Offload *offload) {
    for (int i = 0; i < TASK_INPUTS; i++) {
        if (!offload->copies[i]) continue;
        OPENSSL_cleanse(offload->copies[i], offload->copied[i]);
        free(offload->copies[i]);
        offload->copies[i] = NULL;
    }
}

static bool is_view_of(Bytes bytes, Janet value) {
    if (janet_checktype(value, JANET_BUFFER)) {
        const JanetBuffer *buffer = janet_unwrap_buffer(value);
        return buffer->data == bytes.data && (size_t)buffer->count == bytes.length;
    }
    if (!janet_checktypes(value, JANET_TFLAG_STRING | JANET_TFLAG_SYMBOL | JANET_TFLAG_KEYWORD))
        return false;
    return janet_unwrap_string(value) == bytes.data;
}

static Janet find_in_struct(Bytes bytes, Janet structure) {
    const JanetStructHead *head = heap_struct(structure);
    for (int32_t i = 0; i < head->capacity; i++)
        if (is_view_of(bytes, head->data[i].value)) return head->data[i].value;
    return janet_wrap_nil();
}

/* Look for the value among the arguments of the running C function, and in structs among them. */
static Janet find_source(Bytes bytes) {
    const JanetFiber *fiber = janet_current_fiber();
    const Janet *argument = fiber->data + fiber->frame;
    const Janet *end = fiber->data + fiber->stackstart - JANET_FRAME_SIZE;
    for (; argument < end; argument++) {
        if (is_view_of(bytes, *argument)) return *argument;
        if (!janet_checktype(*argument, JANET_STRUCT)) continue;
        Janet found = find_in_struct(bytes, *argument);
        if (!janet_checktype(found, JANET_NIL)) return found;
    }
    return janet_wrap_nil();
}

static bool copy_now(Offload *offload, int i) {
    Bytes *input = &offload->task->inputs[i];
    uint8_t *copy = offload->copies[i] = allocate_copy(input->length);
    if (copy && input->length) memcpy(copy, input->data, input->length);
    offload->copied[i] = input->length;
    input->data = copy;
    return copy;
}

/* The value to read an input from later: a long buffer, or a long string that the task may borrow.
 * Nil: copy it now, so that the end of the VM does not have to wait for a worker that reads it. */
static Janet choose_source(const Task *task, Bytes input) {
    if (input.length < SHORT) return janet_wrap_nil();
    Janet source = find_source(input);
    bool is_kept = task->is_linear || janet_checktype(source, JANET_BUFFER);
    return is_kept ? source : janet_wrap_nil();
}

static bool take_inputs(Offload *offload) {
    bool taken = true;
    for (int i = 0; i < TASK_INPUTS; i++) {
        Bytes input = offload->task->inputs[i];
        offload->sources[i] = janet_wrap_nil();
        if (!input.data) continue;
        offload->sources[i] = choose_source(offload->task, input);
        if (janet_checktype(offload->sources[i], JANET_NIL)) {
            taken = copy_now(offload, i) && taken;
        } else if (!janet_checktype(offload->sources[i], JANET_BUFFER)) {
            offload->work.job.borrows = true;
        }
    }
    return taken;
}

static WorkStep copy_piece(Work *work, int i) {
    Offload *offload = (Offload *)work;
    Bytes *input = &offload->task->inputs[i];
    if (!is_view_of(*input, offload->sources[i])) {
        failure_set(&work->failure, "a buffer changed during the call: give a string");
        return WORK_FAILED;
    }
    if (!offload->copies[i]) offload->copies[i] = allocate_copy(input->length);
    if (!offload->copies[i]) {
        failure_set(&work->failure, "out of memory");
        return WORK_FAILED;
    }
    size_t at = offload->copied[i], left = input->length - at;
    size_t most = input->length <= WHOLE ? WHOLE : PIECE, piece = left < most ? left : most;
    memcpy(offload->copies[i] + at, input->data + at, piece);
    offload->copied[i] += piece;
    if (piece < left) return WORK_AGAIN;
    input->data = offload->copies[i];
    offload->sources[i] = janet_wrap_nil();
    return WORK_READY;
}

static bool is_buffer(const Offload *offload, int i) {
    return janet_checktype(offload->sources[i], JANET_BUFFER);
}

static WorkStep copy_buffers(Work *work) {
    WorkStep step = WORK_READY;
    for (int i = 0; i < TASK_INPUTS && step == WORK_READY; i++)
        if (is_buffer((Offload *)work, i)) step = copy_piece(work, i);
    return step;
}

static void mark_sources(Work *work) {
    const Offload *offload = (Offload *)work;
    for (int i = 0; i < TASK_INPUTS; i++) janet_mark(offload->sources[i]);
}

/* --- output --- */

static void free_output(Task *task) {
    if (!task->output) return;
    OPENSSL_cleanse(task->output, task->room);
    janet_free(task->output);
    task->output = NULL;
}

/* A buffer gets the worker's memory itself. */
static void give_to_buffer(Task *task) {
    task->buffer = janet_buffer(0);
    janet_free(task->buffer->data);
    task->buffer->data = task->output;
    task->buffer->capacity = (int32_t)task->room + 1;
    janet_gcpressure(task->room);
}

/* --- on the worker, and back --- */

static void run_task(Work *work) {
    Offload *offload = (Offload *)work;
    Task *task = offload->task;
    task->output = janet_malloc(task->room + 1);
    work->failed = !(task->output ? task->run(task, &work->failure)
                                  : failure_set(&work->failure, "out of memory"));
    if (work->failed) free_output(task);
    free_copies(offload);
}

static Janet make_string(Task *task) {
    uint8_t *made = task->output;
    task_take_memory(task);
    memcpy(task->output, made, task->room);
    Janet value = task_finish(task);
    task->output = made;
    return value;
}

static Janet take_result(Work *work) {
    Task *task = ((Offload *)work)->task;
    Janet value;
    if (task->is_string) {
        value = make_string(task);
    } else {
        bool is_kept = !task->result || task->room;
        if (is_kept) give_to_buffer(task);
        value = task_finish(task);
        if (is_kept) task->output = NULL;
    }
    work->failed = task->failed && !failure_set(&work->failure, "%s", task->failed);
    return value;
}

static void release_offload(Work *work) {
    Offload *offload = (Offload *)work;
    Task *task = offload->task;
    if (!task) return;
    free_copies(offload);
    free_output(task);
    task_release(task);
    OPENSSL_clear_free(task, offload->size);
}

static bool has_buffers(const Offload *offload) {
    int i = 0;
    while (i < TASK_INPUTS && !is_buffer(offload, i)) i++;
    return i < TASK_INPUTS;
}

static Offload *make_offload(Task *task, size_t size) {
    Offload *offload = work_new(sizeof *offload);
    offload->work = (Work){.run = run_task,
                           .release = release_offload,
                           .mark = mark_sources,
                           .function = task->function,
                           .result = take_result};
    offload->size = size;
    offload->task = OPENSSL_memdup(task, size);
    return offload;
}

void offload_task(Task *task, size_t size) {
    Offload *offload = make_offload(task, size);
    if (!offload->task) task_release(task);
    if (!offload->task || !take_inputs(offload)) {
        work_free(&offload->work);
        raise_format(task->function, "out of memory");
    }
    if (has_buffers(offload)) offload->work.prepare = copy_buffers;
    work_await(&offload->work, WORKERS_COMPUTE);
}

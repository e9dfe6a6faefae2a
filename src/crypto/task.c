#include "crypto/task.h"

#include "base/raise.h"
#include "base/work.h"

#include <openssl/crypto.h>
#include <string.h>

/* A task's journey on a thread: the task is a copy, its inputs and output are its own. */
typedef struct Offload {
    Work work;
    Task *task;
    size_t size;
} Offload;

bool task_is_large(const Task *task) {
    size_t total = task->room;
    for (int i = 0; i < TASK_INPUTS; i++) total += task->inputs[i].length;
    return total > TASK_LARGE;
}

Janet task_output(Task *task) {
    if (task->is_string) return janet_wrap_string(janet_string_end(task->output));
    task->buffer->count = (int32_t)task->length;
    return janet_wrap_buffer(task->buffer);
}

Janet task_fail(Task *task, const char *why) {
    task->failed = why;
    return janet_wrap_nil();
}

/* Janet's own memory, filled without a detour. */
static void take_memory(Task *task) {
    if (task->result && !task->room) return;
    if (task->is_string) {
        task->output = janet_string_begin((int32_t)task->room);
        return;
    }
    task->buffer = janet_buffer((int32_t)task->room);
    task->output = task->buffer->data;
}

static Janet result_of(Task *task) {
    return task->result ? task->result(task) : task_output(task);
}

static void release(Task *task) {
    if (task->release) task->release(task);
}

static Janet run_here(Task *task) {
    Failure failure;
    take_memory(task);
    bool done = task->run(task, &failure);
    Janet value = janet_wrap_nil();
    if (done) {
        value = result_of(task);
        done = !task->failed || failure_set(&failure, "%s", task->failed);
    } else if (task->room) {
        OPENSSL_cleanse(task->output, task->room); /* plaintext that did not authenticate, say */
    }
    release(task);
    if (!done) raise_failure(task->function, &failure);
    return value;
}

static void offload_run(Work *work) {
    Task *task = ((Offload *)work)->task;
    work->failed = !task->run(task, &work->failure);
}

static Janet offload_result(Work *work) {
    Task *task = ((Offload *)work)->task;
    uint8_t *made = task->output;
    take_memory(task);
    if (task->length) memcpy(task->output, made, task->length);
    Janet value = result_of(task);
    task->output = made;
    work->failed = task->failed && !failure_set(&work->failure, "%s", task->failed);
    return value;
}

static void offload_release(Work *work) {
    Offload *offload = (Offload *)work;
    Task *task = offload->task;
    if (!task) return;
    for (int i = 0; i < TASK_INPUTS; i++) {
        union { /* the copies are ours to free */
            const uint8_t *borrowed;
            uint8_t *owned;
        } input = {task->inputs[i].data};
        OPENSSL_clear_free(input.owned, task->inputs[i].length);
    }
    OPENSSL_clear_free(task->output, task->room);
    release(task);
    OPENSSL_clear_free(task, offload->size);
}

static bool copy_inputs(Task *task) {
    bool copied = true;
    for (int i = 0; i < TASK_INPUTS; i++) {
        Bytes *input = task->inputs + i;
        if (!input->data) continue;
        uint8_t *copy = OPENSSL_malloc(input->length + 1);
        if (copy) memcpy(copy, input->data, input->length);
        copied = copied && copy;
        input->data = copy;
    }
    return copied;
}

JANET_NO_RETURN static void start_offload(Task *task, size_t size) {
    Offload *offload = work_new(sizeof *offload);
    offload->work = (Work){.run = offload_run,
                           .release = offload_release,
                           .function = task->function,
                           .result = offload_result};
    offload->size = size;
    offload->task = OPENSSL_memdup(task, size);
    if (!offload->task) {
        release(task);
        work_free(&offload->work);
        raise_format(task->function, "out of memory");
    }
    offload->task->output = OPENSSL_malloc(task->room + 1);
    if (!copy_inputs(offload->task) || !offload->task->output) {
        work_free(&offload->work);
        raise_format(task->function, "out of memory");
    }
    work_await(&offload->work);
}

Janet task_run(Task *task, size_t size, bool heavy) {
    if (task->room > INT32_MAX - 1) {
        release(task);
        raise_format(task->function, "the result would be larger than 2 GB");
    }
    if (heavy) start_offload(task, size);
    return run_here(task);
}

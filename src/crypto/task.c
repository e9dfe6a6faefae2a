#include "crypto/task.h"

#include "base/raise.h"
#include "crypto/offload.h"

#include <openssl/crypto.h>

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

void task_take_memory(Task *task) {
    if (task->result && !task->room) return;
    if (task->is_string) {
        task->output = janet_string_begin((int32_t)task->room);
        return;
    }
    task->buffer = janet_buffer((int32_t)task->room);
    task->output = task->buffer->data;
}

Janet task_finish(Task *task) {
    return task->result ? task->result(task) : task_output(task);
}

void task_release(Task *task) {
    if (task->release) task->release(task);
}

static Janet run_here(Task *task) {
    Failure failure;
    task_take_memory(task);
    bool done = task->run(task, &failure);
    Janet value = janet_wrap_nil();
    if (done) {
        value = task_finish(task);
        done = !task->failed || failure_set(&failure, "%s", task->failed);
    } else if (task->room) {
        OPENSSL_cleanse(task->output, task->room); /* plaintext that did not authenticate, say */
    }
    task_release(task);
    if (!done) raise_failure(task->function, &failure);
    return value;
}

Janet task_run(Task *task, size_t size, bool heavy) {
    if (task->room > INT32_MAX - 1) {
        task_release(task);
        raise_format(task->function, "the result would be larger than 2 GB");
    }
    if (heavy) offload_task(task, size);
    return run_here(task);
}

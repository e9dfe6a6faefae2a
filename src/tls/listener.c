#include "tls/listener.h"

#include "core/once.h"
#include "net/listener.h"
#include "net/poller.h"
#include "tls/accept.h"

#include <stdlib.h>
#include <string.h>

/* --- options --- */

static int mark_options(void *pointer, size_t size) {
    (void)size;
    janet_mark(janet_wrap_abstract(((ServerOptions *)pointer)->context));
    return 0;
}

static const JanetAbstractType options_type = {
    .name = "jsec/tls-server-options",
    .gcmark = mark_options,
};

ServerOptions *server_options_new(Context *context, const ConnectionOptions *connection) {
    static const Bytes none = {NULL, 0};
    ServerOptions *self = janet_abstract(&options_type, sizeof *self);
    self->context = context;
    self->connection = *connection;
    self->connection.hostname = self->connection.verify_hostname = none;
    self->connection.session = none;
    self->connection.on_session = janet_wrap_nil();
    questions_init(&self->connection.questions);
    return self;
}

/* --- listeners --- */

/* A listener is never written to, so the place of the fiber that waits to write is free. A fiber
 * there holds the options: Janet marks it as long as the stream lives. (A table with weak keys
 * would leak at the end of each thread, since Janet does not free these.) */
static void ignore_event(JanetFiber *fiber, JanetAsyncEvent event) {
    (void)fiber, (void)event;
}

static void attach_options(JanetStream *stream, ServerOptions *options) {
    JanetFiber *holder = poller_fiber();
    holder->ev_callback = ignore_event;
    holder->last_value = janet_wrap_abstract(options);
    stream->write_fiber = holder;
}

static size_t count_methods(const JanetMethod *methods) {
    size_t count = 0;
    while (methods[count].name) count++;
    return count;
}

/* Core's methods, with those of TLS in place of two. */
static void *make_methods(const void *argument) {
    const JanetStream *stream = argument;
    const JanetMethod *core = stream->methods;
    size_t size = (count_methods(core) + 1) * sizeof *core;
    JanetMethod *methods = malloc(size);
    if (!methods) return NULL;
    memcpy(methods, core, size);
    for (JanetMethod *method = methods; method->name; method++) {
        if (!strcmp(method->name, "accept")) method->cfun = cfun_listener_accept;
        if (!strcmp(method->name, "accept-loop")) method->cfun = cfun_listener_accept_loop;
    }
    return methods;
}

void tls_listener_make(JanetStream *stream, ServerOptions *options) {
    static Once once;
    const JanetMethod *methods = once_get(&once, make_methods, stream);
    if (!methods) JANET_OUT_OF_MEMORY;
    listener_take_from_core(stream, methods);
    if (options) attach_options(stream, options);
}

const ServerOptions *tls_listener_options(const JanetStream *stream) {
    const JanetFiber *holder = stream->write_fiber;
    bool has = holder && holder->ev_callback == ignore_event;
    return has ? janet_unwrap_abstract(holder->last_value) : NULL;
}

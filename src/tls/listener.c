#include "tls/listener.h"

#include "core/once.h"
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
    self->connection.on_session = self->connection.on_staple = janet_wrap_nil();
    return self;
}

/* --- listeners --- */

/* A VM's listeners with options. The keys are weak: a listener that is collected leaves. The root
 * environment keeps the table. */
static JanetTable *listeners(void) {
    JanetTable *root = janet_core_env(NULL);
    Janet key = janet_ckeywordv("jsec/listeners");
    Janet found = janet_table_get(root, key);
    if (janet_checktype(found, JANET_TABLE)) return janet_unwrap_table(found);
    JanetTable *made = janet_table_weakk(8);
    janet_table_put(root, key, janet_wrap_table(made));
    return made;
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
    static Once methods;
    stream->methods = once_get(&methods, make_methods, stream);
    if (!stream->methods) JANET_OUT_OF_MEMORY;
    if (!options) return;
    janet_table_put(listeners(), janet_wrap_abstract(stream), janet_wrap_abstract(options));
}

const ServerOptions *tls_listener_options(JanetStream *stream) {
    Janet found = janet_table_get(listeners(), janet_wrap_abstract(stream));
    return janet_checktype(found, JANET_NIL) ? NULL : janet_unwrap_abstract(found);
}

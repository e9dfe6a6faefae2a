#define _GNU_SOURCE /* getnameinfo */
#include "net/bind_request.h"

#include "base/args.h"
#include "base/raise.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static void get_text(const char *function, const Janet *argv, int32_t n, char *text, size_t room) {
    JanetByteView view;
    if (janet_checkint(argv[n])) {
        snprintf(text, room, "%d", janet_unwrap_integer(argv[n]));
        return;
    }
    view = args_view(function, argv, n);
    if (view.len && memchr(view.bytes, 0, (size_t)view.len)) {
        raise_type(function, n, "text without NUL bytes", argv[n]);
    }
    if ((size_t)view.len >= room) raise_type(function, n, "shorter text", argv[n]);
    snprintf(text, room, "%.*s", (int)view.len, view.len ? (const char *)view.bytes : "");
}

void bind_request_get(const char *function, const Janet *argv, BindRequest *bind_request) {
    get_text(function, argv, 0, bind_request->host, sizeof bind_request->host);
    get_text(function, argv, 1, bind_request->port, sizeof bind_request->port);
}

static Janet open_first(BindRequest *bind_request, Failure *failure) {
    Janet out;
    for (int i = 0; i < bind_request->addresses.count && !bind_request->refused; i++) {
        if (bind_request->open(bind_request, bind_request->addresses.list + i, &out, failure))
            return out;
    }
    return janet_wrap_nil();
}

bool bind_request_refuse(BindRequest *bind_request, const Address *address, Failure *failure) {
    char host[NI_MAXHOST];
    bind_request->refused = true;
    getnameinfo((const struct sockaddr *)&address->storage, address->length, host, sizeof host,
                NULL, 0, NI_NUMERICHOST);
    return failure_set(failure,
                       "port %s of %s: %s: end the server that listens there, or give "
                       ":share-port true to both",
                       bind_request->port, host, strerror(EADDRINUSE));
}

static void run_lookup(Work *work) {
    BindRequest *self = (BindRequest *)work;
    work->failed =
        !resolve(self->host, self->port, self->type, false, true, &self->addresses, &work->failure);
}

static Janet make_result(Work *work) {
    Janet opened = open_first((BindRequest *)work, &work->failure);
    work->failed = janet_checktype(opened, JANET_NIL);
    return opened;
}

static void mark_value(Work *work) {
    janet_mark(((BindRequest *)work)->keeps);
}

void *bind_request_new(size_t size, const char *function, int type) {
    BindRequest *bind_request = work_new(size);
    bind_request->work.function = function;
    bind_request->work.run = run_lookup;
    bind_request->work.result = make_result;
    bind_request->work.mark = mark_value;
    bind_request->keeps = janet_wrap_nil();
    bind_request->type = type;
    return bind_request;
}

Janet bind_request_open(BindRequest *bind_request) {
    Failure failure;
    const char *function = bind_request->work.function;
    if (!resolve(bind_request->host, bind_request->port, bind_request->type, true, true,
                 &bind_request->addresses, &failure)) {
        work_await(&bind_request->work, WORKERS_LOOKUP);
    }
    Janet opened = open_first(bind_request, &failure);
    work_free(&bind_request->work);
    if (janet_checktype(opened, JANET_NIL)) raise_failure(function, &failure);
    return opened;
}

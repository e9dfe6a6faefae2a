#define _GNU_SOURCE /* getnameinfo */
/* listen: core's own, with a backlog to choose and the name resolved off the event loop. */
#include "base/module.h"
#include "base/raise.h"
#include "base/work.h"
#include "net/resolve.h"
#include "register.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static const char function[] = "tls/listen";

typedef struct ListenOptions {
    int32_t backlog;
} ListenOptions;

static const OptionRange backlog_range = {1, 65535};
static const OptionRow rows[] = {
    OPTION_WITH("backlog", option_integer, &backlog_range, ListenOptions, backlog,
                "Connections that may wait to be accepted. Default 1024."),
};
static const OptionSet set = OPTION_SET(rows);

static Janet listen_on(Janet host, Janet port, int32_t backlog) {
    Janet arguments[] = {host, port, janet_ckeywordv("stream")};
    Janet core = janet_resolve_core("net/listen");
    if (!janet_checktype(core, JANET_CFUNCTION))
        janet_panicf("%s: net/listen was redefined", function);
    Janet listener = janet_unwrap_cfunction(core)(3, arguments);
    JanetStream *stream = janet_unwrap_abstract(listener);
    if (listen(stream->handle, backlog)) janet_panicf("%s: %s", function, strerror(errno));
    return listener;
}

/* --- a name --- */

typedef struct ListenWork {
    Work work;
    Addresses addresses;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    int32_t backlog;
} ListenWork;

static void run(Work *work) {
    ListenWork *self = (ListenWork *)work;
    work->failed = !resolve(self->host, self->port, SOCK_STREAM, false, true, &self->addresses,
                            &work->failure);
}

static bool try_address(const Address *address, int32_t backlog, Janet *out) {
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getnameinfo((const struct sockaddr *)&address->storage, address->length, host, sizeof host,
                    port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV)) {
        return false;
    }
    JanetTryState state;
    bool listening = janet_try(&state) == JANET_SIGNAL_OK;
    if (listening) *out = listen_on(janet_cstringv(host), janet_cstringv(port), backlog);
    janet_restore(&state);
    return listening;
}

static Janet result(Work *work) {
    ListenWork *self = (ListenWork *)work;
    Janet listener = janet_wrap_nil();
    for (int i = 0; i < self->addresses.count; i++) {
        if (try_address(&self->addresses.list[i], self->backlog, &listener)) return listener;
    }
    work->failed = true;
    failure_set(&work->failure, "could not bind to any address of \"%s\"", self->host);
    return janet_wrap_nil();
}

JANET_NO_RETURN static void await_name(const char *host, const char *port, int32_t backlog) {
    ListenWork *self = work_new(sizeof *self);
    self->work.run = run;
    self->work.result = result;
    self->work.function = function;
    self->backlog = backlog;
    snprintf(self->host, sizeof self->host, "%s", host);
    snprintf(self->port, sizeof self->port, "%s", port);
    work_await(&self->work);
}

static const char *text_of(const Janet *argv, int32_t n, size_t room) {
    if (janet_checkint(argv[n])) return (const char *)janet_to_string(argv[n]);
    JanetByteView view = janet_getbytes(argv, n);
    for (int32_t i = 0; i < view.len; i++) {
        if (!view.bytes[i]) raise_type(n, "text without NUL bytes", argv[n]);
    }
    if ((size_t)view.len >= room) raise_type(n, "shorter text", argv[n]);
    return (const char *)janet_string(view.bytes, view.len); /* only strings end in NUL */
}

static Janet cfun_tls_listen(int32_t argc, Janet *argv) {
    janet_arity(argc, 2, 3);
    ListenOptions options = {1024};
    bool unix_socket = janet_keyeq(argv[0], "unix");
    const char *host = unix_socket ? NULL : text_of(argv, 0, NI_MAXHOST);
    const char *port = text_of(argv, 1, unix_socket ? SIZE_MAX : NI_MAXSERV);
    if (argc > 2) options_read(function, &set, argv[2], &options);
    Addresses addresses;
    Address path;
    Failure failure;
    /* Core cuts a path that is too long, and listens there. */
    if (unix_socket && !resolve_unix(port, strlen(port), &path, &failure)) {
        raise_failure(function, &failure);
    }
    if (unix_socket || resolve(host, port, SOCK_STREAM, true, true, &addresses, &failure)) {
        return listen_on(unix_socket ? argv[0] : janet_cstringv(host), janet_cstringv(port),
                         options.backlog);
    }
    await_name(host, port, options.backlog);
}

static const FunctionRow functions[] = {
    {"tls/listen", cfun_tls_listen,
     "(tls/listen host port &opt opts)\n\n"
     "Listen for connections on an address and port, or on a unix socket with `:unix` for `host` and its path for "
     "`port`. Port \"0\" takes a free one, which `(net/localname listener)` tells. Several processes or threads may listen on one "
     "TCP port; the kernel shares the connections out between them. A unix socket's path must not exist "
     "yet.\n\n"
     "Returns a listener: a stream of core's, as of `net/listen`, for `tls/accept` and `tls/accept-loop`. Closing it "
     "ends those. Raises when the address can't be resolved or is in use.\n\nOptions:",
     &set},
    {NULL, NULL, NULL, NULL},
};

void tls_listen_register(JanetTable *env) {
    module_functions(env, functions);
}

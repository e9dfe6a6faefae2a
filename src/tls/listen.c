#define _GNU_SOURCE /* getnameinfo */
/* listen: like core's, but resolves the name on a worker thread and sets the backlog. */
#include "base/module.h"
#include "base/raise.h"
#include "core/shown.h"
#include "net/bind_request.h"
#include "register.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

typedef struct ListenOptions {
    int32_t backlog;
} ListenOptions;

static const OptionRange backlog_range = {1, 65535};
static const OptionRow rows[] = {
    OPTION_WITH("backlog", option_integer, &backlog_range, ListenOptions, backlog,
                "Connections that may wait to be accepted. Default 1024."),
};
static const OptionSet set = OPTION_SET(rows);

static Janet call_core_listen(Janet host, Janet port) {
    Janet arguments[] = {host, port, janet_ckeywordv("stream")};
    Janet core = janet_resolve_core("net/listen");
    if (!janet_checktype(core, JANET_CFUNCTION)) janet_panic("net/listen was redefined");
    return janet_unwrap_cfunction(core)(3, arguments);
}

/* Core's only reason is "could not bind to any sockets". */
static void explain_failure(Failure *failure, const char *text, int errnum) {
    const char *why = strerror(errnum);
    failure_set(failure, "%s", text);
    if (errnum && !strstr(text, why)) failure_set(failure, "%s: %s", text, why);
}

static bool try_listen(Janet host, Janet port, int32_t backlog, Janet *listener, Failure *failure) {
    JanetTryState state;
    errno = 0;
    bool listening = janet_try(&state) == JANET_SIGNAL_OK;
    if (listening) {
        *listener = call_core_listen(host, port);
    } else {
        explain_failure(failure, (const char *)janet_to_string(state.payload), errno);
    }
    janet_restore(&state);
    if (!listening) return false;
    /* Core's backlog is 1024; a second call changes it. */
    JanetStream *stream = janet_unwrap_abstract(*listener);
    return !listen(stream->handle, backlog) || failure_set(failure, "%s", strerror(errno));
}

/* --- host and port --- */

typedef struct Listening {
    BindRequest bind_request; /* first: it is one */
    int32_t backlog;
} Listening;

static bool listen_at(BindRequest *bind_request, const Address *address, Janet *out,
                      Failure *failure) {
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getnameinfo((const struct sockaddr *)&address->storage, address->length, host, sizeof host,
                    port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV)) {
        return failure_set(failure, "not an address: %s", bind_request->host);
    }
    return try_listen(janet_cstringv(host), janet_cstringv(port),
                      ((Listening *)bind_request)->backlog, out, failure);
}

static void explain_path(Failure *failure, JanetByteView path) {
    Shown shown;
    char text[sizeof failure->text];
    bool is_used = strstr(failure->text, strerror(EADDRINUSE));
    snprintf(text, sizeof text, "%s", failure->text);
    failure_set(failure, "unix socket %s: %s%s",
                shown_path((Bytes){path.bytes, (size_t)path.len}, &shown), text,
                is_used ? ": remove the file if no process listens there" : "");
}

static Janet listen_unix(const char *function, const Janet *argv, int32_t backlog) {
    Address path;
    Failure failure;
    Janet listener;
    JanetByteView view = janet_getbytes(argv, 1);
    if (view.len && memchr(view.bytes, 0, (size_t)view.len)) {
        raise_type(1, "text without NUL bytes", argv[1]);
    }
    /* Core would truncate a path that is too long, and listen at the shorter path. */
    bool listening = resolve_unix((const char *)view.bytes, (size_t)view.len, &path, &failure) &&
                     try_listen(argv[0], janet_wrap_string(janet_string(view.bytes, view.len)),
                                backlog, &listener, &failure);
    if (listening) return listener;
    explain_path(&failure, view);
    raise_failure(function, &failure);
}

FUNCTION(tls_listen, "tls/listen", "host port &opt opts",
         "Listen for connections on an address and port, or on a unix socket with `:unix` for "
         "`host` and its path for `port`. Port \"0\" takes a free one, see `(net/localname "
         "listener)`. Several processes or threads may listen on one TCP port; the kernel shares "
         "the connections out between them. A unix socket's path must not exist yet.\n\n"
         "Returns a listener: a core stream as from `net/listen`, for `tls/accept` and "
         "`tls/accept-loop`. Closing it ends their calls. Raises when the address can't be "
         "resolved or is in use.\n\n"
         "Options:",
         &set) {
    janet_arity(argc, 2, 3);
    ListenOptions options = {1024};
    BindRequest names;
    bool unix_socket = janet_keyeq(argv[0], "unix");
    if (!unix_socket) bind_request_get(argv, &names);
    if (argc > 2) options_read(function, &set, argv[2], &options);
    if (unix_socket) return listen_unix(function, argv, options.backlog);
    Listening *self = bind_request_new(sizeof *self, function, SOCK_STREAM);
    bind_request_get(argv, &self->bind_request);
    self->bind_request.open = listen_at;
    self->backlog = options.backlog;
    return bind_request_open(&self->bind_request);
}

static const Function *const functions[] = {
    &function_tls_listen,
    NULL,
};

void tls_listen_register(JanetTable *env) {
    module_register(env, functions);
}

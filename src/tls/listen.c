#define _GNU_SOURCE /* getnameinfo */
/* listen: like core's, but resolves the name on a worker thread and sets the backlog. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "context/argument.h"
#include "context/layout.h"
#include "core/shown.h"
#include "net/bind_request.h"
#include "net/listener.h"
#include "net/socket.h"
#include "register.h"
#include "tls/accept.h"
#include "tls/listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

typedef struct ListenOptions {
    ContextOptions tls; /* first: the shared rows fill it */
    int32_t backlog;
    bool share_port;
} ListenOptions;

static const OptionRange backlog_range = {1, 65535};
static const OptionRow rows[] = {
    OPTION_WITH("backlog", option_integer, &backlog_range, ListenOptions, backlog,
                "Connections that may wait to be accepted. Default 1024."),
    OPTION("share-port", option_boolean, ListenOptions, share_port,
           "Listen beside other listeners of this TCP port, which must share it too: the kernel "
           "distributes the connections among them. Default `false`: raises \"Address already in "
           "use\"."),
};
static const OptionSet own_set = OPTION_SET(rows);
static const OptionSet *const parts[] = {&tls_option_set, NULL};
static const OptionSet set = {rows, sizeof rows / sizeof *rows, NULL, parts, &layout_server};

/* What a listener is made with, besides its address. */
typedef struct ListenSettings {
    int32_t backlog;
    bool share_port;
    ServerOptions *server; /* NULL: it was given no options of TLS */
} ListenSettings;

static bool is_of_socket(Janet key) {
    return janet_keyeq(key, "backlog") || janet_keyeq(key, "share-port");
}

static bool has_others(JanetDictView view) {
    for (int32_t i = 0; i < view.cap; i++) {
        Janet key = view.kvs[i].key;
        if (!janet_checktype(key, JANET_NIL) && !is_of_socket(key)) return true;
    }
    return false;
}

static bool has_tls_options(Janet given) {
    JanetDictView view;
    if (context_object(given)) return true;
    for (int depth = 0; depth <= JANET_MAX_PROTO_DEPTH; depth++) {
        if (!janet_dictionary_view(given, &view.kvs, &view.len, &view.cap)) return false;
        if (has_others(view)) return true;
        given = options_prototype(given);
    }
    return false; /* options_read refuses them */
}

/* Those of core's net/listen, and with them whatever tls/accept would be given. */
static ServerOptions *read_server(const char *function, const Janet *argv, int32_t argc, int32_t n,
                                  ListenOptions *options) {
    static const OptionSet *const beside_parts[] = {&own_set, &tls_beside_set, NULL};
    const OptionSet beside = {NULL, 0, tls_beside_set.where, beside_parts, NULL};
    ContextKind kind = tls_kind;
    kind.set = &set;
    kind.beside = &beside;
    context_options_init(&options->tls);
    Context *context = argument_context(function, &kind, argv, argc, n, &options->tls);
    accept_check(function, context);
    return server_options_new(context, &options->tls.connection);
}

static ListenSettings read_settings(const char *function, const Janet *argv, int32_t argc) {
    ListenOptions options;
    ListenSettings settings;
    int32_t n = tls_options_slot(function, argv, argc);
    Janet given = args_options(argv, argc, n);
    options.backlog = 1024;
    options.share_port = false;
    settings.server = NULL;
    if (has_tls_options(given)) {
        settings.server = read_server(function, argv, argc, n, &options);
    } else {
        options_read(function, &own_set, given, &options);
    }
    settings.backlog = options.backlog;
    settings.share_port = options.share_port;
    return settings;
}

static Janet call_core_listen(Janet host, Janet port) {
    Janet arguments[] = {host, port, janet_ckeywordv("stream")};
    return listener_call_core(3, arguments);
}

/* Core's only reason is "could not bind to any sockets". */
static void explain_failure(Failure *failure, const char *text, int errnum) {
    const char *why = strerror(errnum);
    failure_set(failure, "%s", text);
    if (errnum && !strstr(text, why)) failure_set(failure, "%s: %s", text, why);
}

static bool try_listen(Janet host, Janet port, const ListenSettings *settings, Janet *listener,
                       Failure *failure) {
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
    tls_listener_make(stream, settings->server);
    return !listen(stream->handle, settings->backlog) ||
           failure_set(failure, "%s", strerror(errno));
}

/* --- host and port --- */

typedef struct Listening {
    BindRequest bind_request; /* first: it is one */
    ListenSettings settings;
} Listening;

static bool is_taken(const Address *address) {
    return socket_has_listener((const struct sockaddr *)&address->storage, address->length);
}

static bool listen_at(BindRequest *bind_request, const Address *address, Janet *out,
                      Failure *failure) {
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getnameinfo((const struct sockaddr *)&address->storage, address->length, host, sizeof host,
                    port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV)) {
        return failure_set(failure, "not an address: %s", bind_request->host);
    }
    const ListenSettings *settings = &((Listening *)bind_request)->settings;
    if (!settings->share_port && is_taken(address)) {
        return bind_request_refuse(bind_request, address, failure);
    }
    return try_listen(janet_cstringv(host), janet_cstringv(port), settings, out, failure);
}

/* The path of a file that exists is shown, since it can not be a key. */
static void explain_path(Failure *failure, Bytes path) {
    Shown shown;
    bool is_file = path.length && path.data[0] != '@'; /* others are names in the kernel */
    if (!is_file || !strstr(failure->text, strerror(EADDRINUSE))) {
        failure_prefix(failure, "unix socket %s", shown_path(path, &shown));
        return;
    }
    failure_set(failure, "unix socket \"%.*s\": %s: remove the file if no process listens there",
                (int)path.length, (const char *)path.data, failure->text);
}

static Janet listen_unix(const char *function, const Janet *argv, const ListenSettings *settings) {
    Address path;
    Failure failure;
    Janet listener;
    JanetByteView view = args_view(function, argv, 1);
    if (view.len && memchr(view.bytes, 0, (size_t)view.len)) {
        raise_type(function, 1, "text without NUL bytes", argv[1]);
    }
    /* Core would truncate a path that is too long, and listen at the shorter path. */
    bool listening = resolve_unix((const char *)view.bytes, (size_t)view.len, &path, &failure) &&
                     try_listen(argv[0], janet_wrap_string(janet_string(view.bytes, view.len)),
                                settings, &listener, &failure);
    if (listening) return listener;
    explain_path(&failure, (Bytes){view.bytes, (size_t)view.len});
    raise_failure(function, &failure);
}

FUNCTION(
    tls_listen, "tls/listen", "host port &opt type opts",
    "Listen for connections on an address and port, or on a unix socket with `:unix` for "
    "`host` and its path for `port`. Port \"0\" takes a free one, see `(net/localname "
    "listener)`. If another server listens on the port it raises, unlike `net/listen`, which "
    "silently takes a part of that server's connections; for workers that share a port there "
    "is `:share-port`. A unix socket's path must not exist yet.\n\n"
    "`opts` is a table or struct of `:backlog`, `:share-port` and the options of a TLS server, as "
    "for `tls/accept`, or a context. `:stream` may stand before it, as for `net/listen`; "
    "`:datagram` raises, since DTLS is in `jsec/dtls`.\n\n"
    "Returns a listener: a core stream as from `net/listen`, for `tls/accept` and "
    "`tls/accept-loop`. Closing it ends their calls. With options of a TLS server, "
    "`net/accept`, `net/accept-loop`, `:accept` and `:accept-loop` take it too and give TLS "
    "streams; `:accept` leaves the handshake to the first read or write. Without, these four "
    "raise: they would serve in the clear. Raises when the address can't be resolved or is in "
    "use, and when options of a server lack what a server needs.\n\n"
    "Options:",
    &set) {
    args_arity(function, argc, 2, 4);
    BindRequest names;
    bool unix_socket = janet_keyeq(argv[0], "unix");
    if (!unix_socket) bind_request_get(function, argv, &names);
    ListenSettings settings = read_settings(function, argv, argc);
    if (unix_socket) return listen_unix(function, argv, &settings);
    Listening *self = bind_request_new(sizeof *self, function, SOCK_STREAM);
    bind_request_get(function, argv, &self->bind_request);
    self->bind_request.open = listen_at;
    self->settings = settings;
    if (settings.server) self->bind_request.keeps = janet_wrap_abstract(settings.server);
    return bind_request_open(&self->bind_request);
}

FUNCTION(tls_listener_options, "tls/listener-options?", "listener",
         "Was a listener given the options of a TLS server by `tls/listen`? Returns a boolean. "
         "Raises when it is no open listener.",
         NULL) {
    args_arity(function, argc, 1, 1);
    return janet_wrap_boolean(tls_listener_options(listener_get(function, argv, 0)) != NULL);
}

static const Function *const functions[] = {
    &function_tls_listen,
    &function_tls_listener_options,
    NULL,
};

void tls_listen_register(JanetTable *env) {
    module_register(env, functions);
}

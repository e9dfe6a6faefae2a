/* upgrade and wrap: TLS on an existing connection. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/tls/context_data.h"
#include "net/socket.h"
#include "register.h"
#include "stream/handshake.h"
#include "stream/memory.h"
#include "tls/options.h"
#include "tls/stream.h"

static const char *get_text(const char *function, const Janet *argv, int32_t n) {
    JanetByteView view = args_view(function, argv, n);
    for (int32_t i = 0; i < view.len; i++) {
        if (!view.bytes[i]) raise_type(function, n, "text without NUL bytes", argv[n]);
    }
    return (const char *)janet_string(view.bytes, view.len); /* only strings end in NUL */
}

/* A TLS server waits for the ClientHello. Earlier bytes are plaintext, from the peer or from an
 * attacker, and must not be taken for TLS. */
static bool has_leftovers(Janet transport) {
    char byte;
    const JanetStream *core = janet_checkabstract(transport, &janet_stream_type);
    if (!core) return memory_waiting(transport);
    if (core->flags & JANET_STREAM_CLOSED) return false;
    return recv(core->handle, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void attach_transport(Stream *stream, Janet transport, const char *function) {
    Failure failure;
    JanetStream *core = janet_checkabstract(transport, &janet_stream_type);
    if (!core) {
        memory_attach(stream, transport);
        return;
    }
    if (!stream_attach(stream, socket_detach(core, SOCK_STREAM, function), true, &failure)) {
        raise_failure(function, &failure);
    }
}

static Janet take_over(const char *function, Janet transport, EngineRole role, Context *context,
                       const ConnectionOptions *options, const char *hostname) {
    Failure failure;
    if (options->proxy.length || networks_given(&options->proxy.trusted)) {
        raise_format(function, "the options :send-proxy and :proxy-protocol are for connections "
                               "that jsec makes or accepts itself");
    }
    poller_start();
    Stream *stream = stream_new(&tls_stream_kind, context, role, &options->settings, &failure);
    if (!stream || !stream_prepare(stream, options, hostname, &failure)) {
        raise_failure(function, &failure);
    }
    if (role == ENGINE_CLIENT && has_leftovers(transport)) {
        raise_format(function, "plaintext is left over on the stream: read it before TLS begins, "
                               "and if the peer sent it unasked, trust nothing of it");
    }
    attach_transport(stream, transport, function);
    if (!options->handshake) return janet_wrap_abstract(stream);
    handshake_await(stream, function, options->timeout, true);
}

/* A stream of core's, or a pair of memory BIOs. */
static Janet get_transport(const char *function, const Janet *argv, int32_t n) {
    bool fit = janet_checkabstract(argv[n], &janet_stream_type) || memory_is_pair(argv[n]);
    if (!fit) raise_type(function, n, "core/stream or [in out] of memory BIOs", argv[n]);
    return argv[n];
}

FUNCTION(tls_upgrade, "tls/upgrade", "stream hostname &opt opts",
         "Switch a plaintext connection to TLS, as the client: STARTTLS. Call it when the server "
         "has agreed and all of its answer has been read. Bytes left over on the stream are "
         "refused: they are plaintext and must not pass for data under TLS.\n\n"
         "`stream` is a connected stream socket of core's; it is closed, and the result takes "
         "over its connection. `hostname` is sent as SNI and verified. `opts` is as for "
         "`tls/connect`, or a context.\n\n"
         "Returns a TLS stream. Raises as `tls/connect` does; the connection is closed then.\n\n"
         "Options:",
         &tls_client_set) {
    args_arity(function, argc, 2, 3);
    ConnectionOptions options;
    Janet transport = get_transport(function, argv, 0);
    const char *hostname = get_text(function, argv, 1);
    Context *context = tls_choose(function, &tls_client_set, argv, argc, 2, &options);
    return take_over(function, transport, ENGINE_CLIENT, context, &options, hostname);
}

/* A host name makes a client; a certificate without a host name, a server. */
static EngineRole role_of(const Context *context, const ConnectionOptions *options) {
    bool named = options->hostname.data || options->verify_hostname.data;
    SSL_CTX *now = context_slot_get(context->slot);
    const ContextData *data = context_data(now);
    bool serves = !named && (data->has_certificate || data->has_hosts);
    SSL_CTX_free(now);
    return serves ? ENGINE_SERVER : ENGINE_CLIENT;
}

FUNCTION(tls_wrap, "tls/wrap", "stream &opt hostname-or-opts opts",
         "Speak TLS on an existing connection, as a client or as a server.\n\n"
         "With a host name, a string or the option `:hostname`, as a client that asks for and "
         "verifies it. Without one, and with `:cert` and `:key` (or a context that has them), as "
         "a server. Without either, as a client, which can't verify and so needs `:verify "
         "false`.\n\n"
         "`stream` is a connected stream socket of core's, from `net/connect` or `net/accept`; "
         "it is closed, its connection lives on in the result. Or it is a pair `[in out]` of "
         "memory BIOs (`jsec/bio`), which the program fills and empties. A server that switches "
         "to TLS at a client's request (STARTTLS) must not act on bytes beyond that request: "
         "they are plaintext, from the client or from an attacker.\n\n"
         "Returns a TLS stream. Raises when `stream` is no such socket or in use, when plaintext "
         "is left over on it (clients only), and as `tls/connect` and `tls/accept` do; the "
         "connection is closed then.\n\n"
         "Options:",
         &tls_option_set) {
    args_arity(function, argc, 1, 3);
    ConnectionOptions options;
    Janet transport = get_transport(function, argv, 0);
    bool named = argc > 1 && janet_checktypes(argv[1], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER);
    bool nameless = argc > 1 && janet_checktype(argv[1], JANET_NIL);
    if (argc > 2 && !named && !nameless) {
        raise_type(function, 1, "host name, where options follow it", argv[1]);
    }
    const char *hostname = named ? get_text(function, argv, 1) : NULL;
    Context *context = tls_choose(function, named ? &tls_client_set : &tls_option_set, argv, argc,
                                  named || nameless ? 2 : 1, &options);
    EngineRole role = named ? ENGINE_CLIENT : role_of(context, &options);
    return take_over(function, transport, role, context, &options, hostname);
}

static const Function *const functions[] = {
    &function_tls_upgrade,
    &function_tls_wrap,
    NULL,
};

void tls_wrap_register(JanetTable *env) {
    module_register(env, functions);
}

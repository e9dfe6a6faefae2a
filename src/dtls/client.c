/* connect and upgrade. */
#include "dtls/client.h"

#include "base/module.h"
#include "base/raise.h"
#include "context/argument.h"
#include "dtls/functions.h"
#include "dtls/options.h"
#include "net/endpoint.h"
#include "net/socket.h"
#include "register.h"
#include "stream/connect.h"

#include <sys/socket.h>

static const JanetMethod methods[] = {
    DTLS_INFO_METHODS,
    {"get-session", cfun_shared_get_session},
    {"set-session", cfun_shared_set_session},
    {NULL, NULL},
};

static const JanetAbstractType client_type = STREAM_OBJECT_TYPE("jsec/dtls-client");

const StreamKind dtls_client_kind = {
    .type = &client_type,
    .prefix = "dtls",
    .what = "DTLS client",
    .methods = methods,
    .datagram = true,
};

/* --- connect --- */

static Stream *prepare(const char *function, Context *context, const ConnectionOptions *options,
                       const char *host) {
    Failure failure;
    poller_start();
    Stream *stream =
        stream_new(&dtls_client_kind, context, ENGINE_CLIENT, &options->settings, &failure);
    if (!stream || !stream_prepare(stream, options, host, &failure)) {
        raise_failure(function, &failure);
    }
    return stream;
}

static Janet cfun_dtls_connect(int32_t argc, Janet *argv) {
    static const char function[] = "dtls/connect";
    janet_arity(argc, 2, 3);
    Target target;
    DtlsOptions all;
    stream_get_target(function, argv, false, &target);
    dtls_options_init(&all);
    const ConnectionOptions *options = &all.context.connection;
    Context *context = argument_context(function, &dtls_kind, argv, argc, 2, &all.context);
    Stream *stream = prepare(function, context, options, (const char *)target.host.bytes);
    stream_connect(function, stream, &target, options);
}

/* --- upgrade --- */

/* The address that a socket is connected to: whom to verify where nobody said a name. */
static const char *peer_address(const char *function, const JanetStream *socket) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    Endpoint endpoint;
    char host[ENDPOINT_TEXT];
    if (socket->flags & JANET_STREAM_CLOSED) return NULL; /* socket_detach says so */
    if (getpeername(socket->handle, (struct sockaddr *)&peer, &size)) return NULL;
    if (!endpoint_of(&endpoint, &peer)) {
        raise_format(function, "the stream is not connected to an IP address");
    }
    endpoint_host(&endpoint, host);
    return (const char *)janet_cstring(host);
}

static Janet cfun_dtls_upgrade(int32_t argc, Janet *argv) {
    static const char function[] = "dtls-stream/upgrade";
    janet_arity(argc, 1, 2);
    Failure failure;
    DtlsOptions all;
    JanetStream *socket = raise_unless_abstract(argv, 0, &janet_stream_type);
    dtls_options_init(&all);
    const ConnectionOptions *options = &all.context.connection;
    Context *context = argument_context(function, &dtls_kind, argv, argc, 1, &all.context);
    Stream *stream = prepare(function, context, options, peer_address(function, socket));
    if (!stream_attach(stream, socket_detach(socket, SOCK_DGRAM, function), true, &failure)) {
        raise_failure(function, &failure);
    }
    if (!options->handshake) return janet_wrap_abstract(stream);
    handshake_await(stream, function, options->timeout, true);
}

static const FunctionRow functions[] = {
    {"dtls/connect", cfun_dtls_connect,
     "(dtls/connect host port &opt opts)\n\n"
     "Connect to a DTLS server over UDP. `host` is a name or an IP address, `port` a number or a string. All addresses "
     "of the host are greeted, one a moment after the other, and the first that answers is taken; the handshake is sent again "
     "where datagrams are lost; the fiber waits, the event loop goes on.\n\n"
     "The server's certificate is verified, as in `tls/connect`. `opts` is a table or struct of options, or a context from "
     "`dtls/new-context`.\n\n"
     "Returns a DTLS client, a stream of datagrams: `ev/read` gives one (or what is left of one), `ev/write` sends one and "
     "returns its bytes, `ev/close` closes. Like all datagrams they may be lost or overtake each other, but none is "
     "forged, altered or given twice. Raises \"timeout\" after `:timeout` seconds, else with what failed: \"Connection "
     "refused\" where the host says that nobody listens, the name not resolved, the certificate's check that failed with what "
     "was wanted and found, no answer within `:handshake-timeout`.\n\n"
     "    (with [c (dtls/connect \"device.example\" 5684)]\n"
     "      (ev/write c \"ping\")\n"
     "      (print (ev/read c 1500)))\n\nOptions:",
     &dtls_context_options},
    {"dtls-stream/upgrade", cfun_dtls_upgrade,
     "(dtls-stream/upgrade stream &opt opts)\n\n"
     "Speak DTLS, as the client, over a connected UDP socket of core's (`(net/connect host port :datagram)`), which is "
     "closed by that; its socket lives on in the result. The name to ask for and verify is `:hostname` (or `:sni`); without "
     "one the address that the socket is connected to is verified, against the certificate's IP SANs. `opts` as for "
     "`dtls/connect`, or a context.\n\n"
     "Returns a DTLS client. Raises when `stream` is no such socket or in use, and as `dtls/connect` does; the socket is "
     "closed then.\n\nOptions:",
     &dtls_context_options},
    {NULL, NULL, NULL, NULL},
};

void dtls_client_register(JanetTable *env) {
    stream_register_kind(&dtls_client_kind);
    module_functions(env, functions);
}

/* DTLS clients: streams of datagrams on a connected socket. */
#include "dtls/client.h"

#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "context/argument.h"
#include "dtls/options.h"
#include "net/endpoint.h"
#include "net/socket.h"
#include "register.h"
#include "stream/connect.h"
#include "stream/info.h"

#include <sys/socket.h>

static const JanetMethod methods[] = {
    {"handshake-time", cfun_stream_handshake_time},
    {"version", cfun_stream_version},
    {"cipher", cfun_stream_cipher},
    {"cipher-bits", cfun_stream_cipher_bits},
    {"connection-info", cfun_stream_connection_info},
    {"peer-certificate", cfun_stream_peer_certificate},
    {"peer-chain", cfun_stream_peer_chain},
    {"verify-result", cfun_stream_verify_result},
    {"session-reused?", cfun_stream_session_reused},
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

/* --- making one --- */

static Stream *new_client(const char *function, Context *context, const ConnectionOptions *options,
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

FUNCTION(dtls_connect, "dtls/connect", "host port &opt opts",
         "Connect to a DTLS server over UDP. `host` is a name or an IP address, `port` a number or "
         "a string. The ClientHello goes to all addresses of the host, one after the other, and "
         "the first that answers is used. Lost datagrams of the handshake are retransmitted. The "
         "fiber waits, the event loop continues.\n\n"
         "The server's certificate is verified, as in `tls/connect`. `opts` is a table or struct "
         "of options, or a context from `dtls/new-context`.\n\n"
         "Returns a DTLS client, a stream of datagrams: `ev/read` returns one (or what is left of "
         "one), `ev/write` sends one and returns its length, `ev/close` closes. Datagrams may be "
         "lost or overtake each other, but none is forged, altered or delivered twice. Raises "
         "\"timeout\" after `:timeout` seconds, else with the reason: \"Connection refused\" when "
         "the host reports that no server listens, a name that was not resolved, a certificate "
         "that failed verification with what was wanted and found, no answer within "
         "`:handshake-timeout`.\n\n"
         "    (with [c (dtls/connect \"device.example\" 5684)]\n"
         "      (ev/write c \"ping\")\n"
         "      (print (ev/read c 1500)))\n\nOptions:",
         &dtls_client_options) {
    args_arity(function, argc, 2, 3);
    Target target;
    DtlsOptions all;
    stream_get_target(function, argv, false, &target);
    dtls_options_init(&all);
    const ConnectionOptions *options = &all.context.connection;
    Context *context = argument_context(function, &dtls_connect_kind, argv, argc, 2, &all.context);
    Stream *stream = new_client(function, context, options, (const char *)target.host.bytes);
    stream_connect(function, stream, &target, options);
}

/* The address that a socket is connected to: the name to verify if the options give none. */
static const char *peer_address(const char *function, const JanetStream *socket) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    Endpoint endpoint;
    char host[ENDPOINT_TEXT];
    if (socket->flags & JANET_STREAM_CLOSED) return NULL; /* socket_detach raises */
    if (getpeername(socket->handle, (struct sockaddr *)&peer, &size)) return NULL;
    if (!endpoint_of(&endpoint, &peer)) {
        raise_format(function, "the stream is not connected to an IP address");
    }
    endpoint_host(&endpoint, host);
    return (const char *)janet_cstring(host);
}

FUNCTION(dtls_upgrade, "dtls-stream/upgrade", "stream &opt opts",
         "Use DTLS, as the client, on a connected UDP socket of Janet's (`(net/connect host port "
         ":datagram)`). That stream is closed; its socket lives on in the result. `:hostname` (or "
         "`:sni`) is the name to ask for and verify. Without one the address that the socket is "
         "connected to is verified against the certificate's IP SANs. `opts` is as for "
         "`dtls/connect`, or a context.\n\n"
         "Returns a DTLS client. Raises when `stream` is no such socket or in use, and as "
         "`dtls/connect` does; the socket is closed then.\n\nOptions:",
         &dtls_client_options) {
    args_arity(function, argc, 1, 2);
    Failure failure;
    DtlsOptions all;
    JanetStream *socket = raise_unless_abstract(function, argv, 0, &janet_stream_type);
    dtls_options_init(&all);
    const ConnectionOptions *options = &all.context.connection;
    Context *context = argument_context(function, &dtls_connect_kind, argv, argc, 1, &all.context);
    Stream *stream = new_client(function, context, options, peer_address(function, socket));
    if (!stream_attach(stream, socket_detach(socket, SOCK_DGRAM, function), true, &failure)) {
        raise_failure(function, &failure);
    }
    if (!options->handshake) return janet_wrap_abstract(stream);
    handshake_await(stream, function, options->timeout, true);
}

/* --- methods as functions: each is a shared one, for DTLS clients only --- */

#define CLIENT_FUNCTION(id, call, name, parameters, min, max, text)                                \
    FUNCTION(id, name, parameters, text, NULL) {                                                   \
        args_arity(function, argc, min, max);                                                      \
        raise_unless_abstract(function, argv, 0, dtls_client_kind.type);                           \
        return call;                                                                               \
    }

CLIENT_FUNCTION(
    dtls_read, shared_read(function, argc, argv), "dtls/read", "client n &opt buf timeout", 2, 4,
    "Read a datagram: up to `n` bytes of it are appended to `buf`, or to a new buffer; the next "
    "read returns the rest of it. A read never joins two datagrams.\n\n"
    "Returns the buffer, or nil when the server has ended the session. Raises \"timeout\" after "
    "`timeout` seconds (a number or `{:timeout n}`), \"Connection refused\" and the like when the "
    "network reports it (the client stays usable), and \"stream is closed\" on a closed client. "
    "The same as `ev/read` and the method `:read`.")

CLIENT_FUNCTION(
    dtls_write, shared_write(function, argc, argv), "dtls/write", "client data &opt timeout", 2, 3,
    "Send a datagram: a string, buffer, symbol or keyword of up to 16384 bytes; 1200 bytes pass on "
    "every path of the internet. Empty data are not sent: OpenSSL cannot seal them.\n\n"
    "Returns the number of bytes. Raises when the data are too long (nothing is sent then), "
    "\"timeout\" after `timeout` seconds in which the socket had no room, what the network "
    "reports, and \"stream is closed\" on a closed client. The same as `ev/write` and the method "
    "`:write`.")

CLIENT_FUNCTION(
    dtls_close, cfun_shared_close(argc, argv), "dtls/close", "client &opt force", 1, 2,
    "End the session with a close_notify, or without one if `force` is true, and close the socket. "
    "It does not wait for the answer, which may be lost. No effect on a closed client. Returns the "
    "client. Raises only when `client` is not one. The same as `ev/close` and the method `:close`.")

CLIENT_FUNCTION(
    dtls_chunk, shared_chunk(function, argc, argv), "dtls-stream/chunk",
    "client n &opt buf timeout", 2, 4,
    "Read exactly `n` bytes, from as many datagrams as it takes, or to the end of the session. "
    "Datagrams that were lost or overtook each other leave gaps. Returns the buffer, or nil when "
    "the session ended before the first byte. Raises as `dtls/read` does; what was read before a "
    "timeout stays in the given buffer.")

CLIENT_FUNCTION(
    dtls_shutdown, shared_shutdown(function, argc, argv), "dtls-stream/shutdown",
    "client &opt mode timeout", 1, 3,
    "End the session without closing the socket: a close_notify is sent, further writes raise, "
    "reads return nil. `mode` as for `tls-stream/shutdown`: `:r`, `:w`, `:rw` (default), or true "
    "for both without close_notify. Returns the client. Raises on a closed one, and on another "
    "keyword.")

CLIENT_FUNCTION(
    dtls_handshake, shared_handshake(function, argc, argv), "dtls-stream/handshake",
    "client &opt timeout", 1, 2,
    "Make the handshake of a client that was made with `:handshake false`; no effect when it is "
    "done. Returns the client. Raises \"timeout\" after `timeout` seconds, and when the handshake "
    "fails.")

CLIENT_FUNCTION(
    dtls_peername, cfun_shared_peername(argc, argv), "dtls-stream/peername", "client", 1, 1,
    "The server's address, a tuple of host and port. Raises \"stream closed\" on a closed client.")

CLIENT_FUNCTION(
    dtls_get_session, cfun_shared_get_session(argc, argv), "dtls-stream/get-session", "client", 1,
    1,
    "The session as a byte string, which `:session` of `dtls/connect` resumes, in this process or "
    "another; nil if the server gave none. A secret, valid for the same host and verification "
    "settings only, and for `:session-lifetime`. Raises before the handshake is done, when it "
    "failed, and on a closed client.")

CLIENT_FUNCTION(
    dtls_set_session, shared_set_session(function, argc, argv), "dtls-stream/set-session",
    "client session", 2, 2,
    "Offer a session in the coming handshake, on a client made with `:handshake false`. See "
    "`tls-stream/set-session`. Returns the client. Raises when the session was made for another "
    "host or under other verification settings, when the bytes are no session, and when the "
    "handshake has begun.")

static const Function *const functions[] = {
    &function_dtls_connect,     &function_dtls_upgrade,     &function_dtls_read,
    &function_dtls_write,       &function_dtls_close,       &function_dtls_chunk,
    &function_dtls_shutdown,    &function_dtls_handshake,   &function_dtls_peername,
    &function_dtls_get_session, &function_dtls_set_session, NULL,
};

void dtls_client_register(JanetTable *env) {
    stream_register_kind(&dtls_client_kind);
    module_register(env, functions);
}

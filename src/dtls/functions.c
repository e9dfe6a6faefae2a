#include "dtls/functions.h"

#include "base/module.h"
#include "base/raise.h"
#include "dtls/address.h"
#include "dtls/client.h"
#include "dtls/server.h"
#include "register.h"

Janet dtls_client_call(JanetCFunction method, int32_t argc, Janet *argv) {
    raise_unless_abstract(argv, 0, dtls_client_kind.type);
    return method(argc, argv);
}

/* --- what connections tell --- */

static Negotiated peer_of(const Janet *argv, const char *name) {
    Endpoint endpoint;
    const Server *server = server_get_open(argv, 0);
    if (!address_endpoint(argv[1], &endpoint)) {
        raise_type(1, "jsec/dtls-address or [host port]", argv[1]);
    }
    const Peer *peer = peers_find(server, &endpoint);
    if (!peer || peer->state != PEER_OPEN) raise_format(name, "no session with %v", argv[1]);
    return (Negotiated){peer->engine.ssl, server->settings.timing ? peer->took : -1};
}

/* Of a client or of a server's peer; *next is where further arguments are. */
static Negotiated negotiated(int32_t argc, Janet *argv, const char *name, int32_t further,
                             int32_t *next) {
    janet_arity(argc, 1, 2 + further);
    bool server = server_object(argv[0]) != NULL;
    *next = server ? 2 : 1;
    janet_arity(argc, *next, *next + further);
    if (server) return peer_of(argv, name);
    if (!janet_checkabstract(argv[0], dtls_client_kind.type)) {
        raise_type(0, "jsec/dtls-client or jsec/dtls-server", argv[0]);
    }
    return info_of(argv, name);
}

static Janet tell(int32_t argc, Janet *argv, const char *name,
                  Janet (*told)(const Negotiated *it)) {
    int32_t next;
    Negotiated it = negotiated(argc, argv, name, 0, &next);
    return told(&it);
}

Janet cfun_dtls_version(int32_t argc, Janet *argv) {
    return tell(argc, argv, "dtls-stream/version", info_version);
}

Janet cfun_dtls_cipher(int32_t argc, Janet *argv) {
    return tell(argc, argv, "dtls-stream/cipher", info_cipher);
}

Janet cfun_dtls_cipher_bits(int32_t argc, Janet *argv) {
    return tell(argc, argv, "dtls-stream/cipher-bits", info_cipher_bits);
}

Janet cfun_dtls_handshake_time(int32_t argc, Janet *argv) {
    return tell(argc, argv, "dtls-stream/handshake-time", info_handshake_time);
}

Janet cfun_dtls_connection_info(int32_t argc, Janet *argv) {
    return tell(argc, argv, "dtls-stream/connection-info", info_connection);
}

Janet cfun_dtls_verify_result(int32_t argc, Janet *argv) {
    return tell(argc, argv, "dtls-stream/verify-result", info_verify_result);
}

Janet cfun_dtls_session_reused(int32_t argc, Janet *argv) {
    return tell(argc, argv, "dtls-stream/session-reused?", info_session_reused);
}

Janet cfun_dtls_peer_certificate(int32_t argc, Janet *argv) {
    int32_t next;
    Negotiated it = negotiated(argc, argv, "dtls-stream/peer-certificate", 1, &next);
    return info_peer_certificate(&it, argc, argv, next);
}

Janet cfun_dtls_peer_chain(int32_t argc, Janet *argv) {
    int32_t next;
    Negotiated it = negotiated(argc, argv, "dtls-stream/peer-chain", 1, &next);
    return info_peer_chain(&it, argc, argv, next);
}

/* --- methods of clients, as functions --- */

static Janet cfun_dtls_read(int32_t argc, Janet *argv) {
    janet_arity(argc, 2, 4);
    return dtls_client_call(cfun_shared_read, argc, argv);
}

static Janet cfun_dtls_chunk(int32_t argc, Janet *argv) {
    janet_arity(argc, 2, 4);
    return dtls_client_call(cfun_shared_chunk, argc, argv);
}

static Janet cfun_dtls_write(int32_t argc, Janet *argv) {
    janet_arity(argc, 2, 3);
    return dtls_client_call(cfun_shared_write, argc, argv);
}

static Janet cfun_dtls_close(int32_t argc, Janet *argv) {
    janet_arity(argc, 1, 2);
    return dtls_client_call(cfun_shared_close, argc, argv);
}

static Janet cfun_dtls_shutdown(int32_t argc, Janet *argv) {
    janet_arity(argc, 1, 3);
    return dtls_client_call(cfun_shared_shutdown, argc, argv);
}

static Janet cfun_dtls_peername(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return dtls_client_call(cfun_shared_peername, argc, argv);
}

static Janet cfun_dtls_handshake(int32_t argc, Janet *argv) {
    janet_arity(argc, 1, 2);
    return dtls_client_call(cfun_shared_handshake, argc, argv);
}

static Janet cfun_dtls_get_session(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return dtls_client_call(cfun_shared_get_session, argc, argv);
}

static Janet cfun_dtls_set_session(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 2);
    return dtls_client_call(cfun_shared_set_session, argc, argv);
}

#define OF_EITHER                                                                                                               \
    "Of a client, or of a server and the address of one of its peers. Raises before the handshake is done, when it failed, on " \
    "a closed client or server, and where there is no session with that address."

static const FunctionRow functions[] = {
    {"dtls/read", cfun_dtls_read,
     "(dtls/read client n &opt buf timeout)\n\n"
     "Read a datagram: up to `n` bytes of it are appended to `buf`, or to a new buffer; what is left of it comes with the "
     "next read. A read never joins two datagrams.\n\n"
     "Returns the buffer, or nil when the server has ended the session. Raises \"timeout\" after `timeout` seconds (a "
     "number or `{:timeout n}`), \"Connection refused\" and the like where the network says so (the client stays usable), "
     "and \"stream is closed\" on a closed client. The same as `ev/read` and the method `:read`.",
     NULL},
    {"dtls/write", cfun_dtls_write,
     "(dtls/write client data &opt timeout)\n\n"
     "Send a datagram: a string, buffer, symbol or keyword of up to 16384 bytes; for paths in the internet 1200 are safe. "
     "An empty one is not sent: OpenSSL seals none.\n\n"
     "Returns the number of bytes. Raises when the data are too long (nothing is sent then), \"timeout\" after `timeout` "
     "seconds in which the socket took nothing, what the network says, and \"stream is closed\" on a closed client. "
     "The same as `ev/write` and the method `:write`.",
     NULL},
    {"dtls/close", cfun_dtls_close,
     "(dtls/close client &opt force)\n\n"
     "End the session with a close_notify, or without if `force` is true, and close the socket. The answer, which may be "
     "lost, is not waited for. Nothing where it is closed. Returns the client. Raises only when `client` is none. The same "
     "as `ev/close` and the method `:close`.",
     NULL},
    {"dtls-stream/chunk", cfun_dtls_chunk,
     "(dtls-stream/chunk client n &opt buf timeout)\n\n"
     "Read exactly `n` bytes, of as many datagrams as it takes, or to the end of the session. Datagrams that were lost or "
     "overtook each other are not made up for. Returns the buffer, nil where the end came first. Raises as `dtls/read` "
     "does; what was read before a timeout stays in the given buffer.",
     NULL},
    {"dtls-stream/shutdown", cfun_dtls_shutdown,
     "(dtls-stream/shutdown client &opt mode timeout)\n\n"
     "End the session without closing the socket: a close_notify is sent, further writes raise, reads give nil. `mode` as for "
     "`tls-stream/shutdown`: `:r`, `:w`, `:rw` (default), or true for both without close_notify. Returns the "
     "client. Raises on a closed one, and on another keyword.",
     NULL},
    {"dtls-stream/handshake", cfun_dtls_handshake,
     "(dtls-stream/handshake client &opt timeout)\n\n"
     "Make the handshake of a client that was made with `:handshake false`; nothing where it is done. Returns the client. "
     "Raises \"timeout\" after `timeout` seconds, and when the handshake fails.",
     NULL},
    {"dtls-stream/peername", cfun_dtls_peername,
     "(dtls-stream/peername client)\n\n"
     "The server's address, a tuple of host and port. Raises \"stream closed\" on a closed client.",
     NULL},
    {"dtls-stream/get-session", cfun_dtls_get_session,
     "(dtls-stream/get-session client)\n\n"
     "The session as a byte string, which `:session` of `dtls/connect` resumes, in this process or another; nil where the "
     "server gave none. A secret, and good for the same host and verification settings only. Raises before the "
     "handshake is done, when it failed, and on a closed client.",
     NULL},
    {"dtls-stream/set-session", cfun_dtls_set_session,
     "(dtls-stream/set-session client session)\n\n"
     "Offer a session in the handshake to come, on a client made with `:handshake false`. See `tls-stream/set-session`. "
     "Returns the client. Raises when the session is another host's or was made under other verification settings, when the "
     "bytes are no session, and when the handshake has begun.",
     NULL},
    {"dtls-stream/version", cfun_dtls_version,
     "(dtls-stream/version client-or-server &opt addr)\n\n"
     "The protocol version that was agreed on, e.g. \"DTLSv1.2\". " OF_EITHER,
     NULL},
    {"dtls-stream/cipher", cfun_dtls_cipher,
     "(dtls-stream/cipher client-or-server &opt addr)\n\n"
     "OpenSSL's name of the cipher suite in use. " OF_EITHER,
     NULL},
    {"dtls-stream/cipher-bits", cfun_dtls_cipher_bits,
     "(dtls-stream/cipher-bits client-or-server &opt addr)\n\n"
     "Key length of the cipher in use, in bits. " OF_EITHER,
     NULL},
    {"dtls-stream/handshake-time", cfun_dtls_handshake_time,
     "(dtls-stream/handshake-time client-or-server &opt addr)\n\n"
     "How long the handshake took, in seconds; nil unless `:handshake-timing true` was given. " OF_EITHER,
     NULL},
    {"dtls-stream/connection-info", cfun_dtls_connection_info,
     "(dtls-stream/connection-info client-or-server &opt addr)\n\n"
     "What was negotiated and with whom, a struct of the keys that `tls-stream/connection-info` has: `:version :cipher "
     ":cipher-bits :alpn :server-name :group :signature-algorithm :session-reused :verify-result :peer-certificate "
     ":peer-chain :handshake-time`. " OF_EITHER,
     NULL},
    {"dtls-stream/peer-certificate", cfun_dtls_peer_certificate,
     "(dtls-stream/peer-certificate client &opt form) or (... server addr &opt form)\n\n"
     "The other side's certificate: PEM, or as `form` says `:pem`, `:der` or `:data`; nil where it gave none. It says who "
     "is there only if it was verified. " OF_EITHER,
     NULL},
    {"dtls-stream/peer-chain", cfun_dtls_peer_chain,
     "(dtls-stream/peer-chain client &opt form) or (... server addr &opt form)\n\n"
     "The certificates that the other side sent, a tuple, its own first; nil where it gave none. " OF_EITHER,
     NULL},
    {"dtls-stream/verify-result", cfun_dtls_verify_result,
     "(dtls-stream/verify-result client-or-server &opt addr)\n\n"
     "How the other side's certificate was verified, a struct of `:ok`, `:reason` and `:code`. " OF_EITHER,
     NULL},
    {"dtls-stream/session-reused?", cfun_dtls_session_reused,
     "(dtls-stream/session-reused? client-or-server &opt addr)\n\n"
     "Whether the handshake resumed a session: true or false. " OF_EITHER,
     NULL},
    {NULL, NULL, NULL, NULL},
};

void dtls_functions_register(JanetTable *env) {
    module_functions(env, functions);
}

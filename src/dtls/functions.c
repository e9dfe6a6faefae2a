/* The functions of DTLS servers. Those that describe a session take a client as well. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "context/argument.h"
#include "dtls/address.h"
#include "dtls/client.h"
#include "dtls/driver.h"
#include "dtls/receive.h"
#include "dtls/send.h"
#include "net/bind_request.h"
#include "net/generic.h"
#include "net/socket.h"
#include "register.h"
#include "stream/info.h"

#include <errno.h>
#include <string.h>

#define NATIVE_SIZE (256 << 10) /* of a server's buffers, reported to the collector */

static const JanetMethod methods[];

static void get_address(const char *function, const Janet *argv, int32_t n, Endpoint *endpoint) {
    if (address_endpoint(argv[n], endpoint)) return;
    raise_type(function, n, "jsec/dtls-address or [host port]", argv[n]);
}

/* --- listening --- */

static bool listen_at(BindRequest *bind_request, const Address *address, Janet *out,
                      Failure *failure) {
    Server *server = janet_unwrap_abstract(bind_request->keeps);
    int descriptor = udp_bind(&address->storage, address->length, server->options.share_port);
    if (descriptor < 0 && errno == EADDRINUSE) {
        return bind_request_refuse(bind_request, address, failure);
    }
    if (descriptor < 0) return failure_set(failure, "%s", strerror(errno));
    *out = bind_request->keeps;
    return server_attach(server, descriptor, failure);
}

FUNCTION(dtls_listen, "dtls/listen", "host port opts",
         "Make a DTLS server on a UDP address and port. One socket serves all peers. Each peer "
         "that finishes its handshake has a session, named by its address. Handshakes continue "
         "even while no fiber waits in `dtls/recv-from`. A peer has to prove that it receives at "
         "its address (the cookie of RFC 6347) before the server stores anything about it. Port 0 "
         "picks a free one, which `dtls/localname` returns. A port on which another server "
         "listens raises, unless both share it (`:share-port`).\n\n"
         "`opts` is a table or struct of options, `:cert` and `:key` among them, or a context from "
         "`dtls/new-context`. With `:verify true` the server refuses a client without a "
         "certificate that the given CAs vouch for.\n\n"
         "Returns a DTLS server. Raises when an option is unknown or does not fit, and when the "
         "address can't be resolved or bound.\n\n"
         "    (with [s (dtls/listen \"127.0.0.1\" 5684 {:cert \"cert.pem\" :key \"key.pem\"})]\n"
         "      (forever\n"
         "        (def buf @\"\")\n"
         "        (def peer (dtls/recv-from s 1500 buf))\n"
         "        (dtls/send-to s peer buf)))\n\nOptions:",
         &dtls_listen_options) {
    args_arity(function, argc, 2, 3);
    DtlsOptions options;
    BindRequest names;
    bind_request_get(function, argv, &names);
    dtls_options_init(&options);
    Context *context =
        argument_context(function, &dtls_server_kind, argv, argc, 2, &options.context);
    poller_start();
    Server *server = server_new(function, context, &options, driver_ready, methods);
    janet_gcpressure(NATIVE_SIZE);
    BindRequest *bind_request = bind_request_new(sizeof *bind_request, function, SOCK_DGRAM);
    bind_request_get(function, argv, bind_request);
    bind_request->open = listen_at;
    bind_request->keeps = janet_wrap_abstract(server);
    return bind_request_open(bind_request);
}

FUNCTION(dtls_close_server, "dtls/close-server", "server &opt force",
         "Close a server. Each session ends with a close_notify, or without one if `force` is "
         "true, and waiting calls return. No effect on a closed server. Returns the server. "
         "Raises only when `server` is not one.",
         NULL) {
    args_arity(function, argc, 1, 2);
    server_close(server_get(function, argv, 0), !(argc > 1 && janet_truthy(argv[1])));
    return argv[0];
}

FUNCTION(dtls_localname, "dtls/localname", "server-or-client",
         "The address that a server or a client's socket is bound to, a tuple of host and port. "
         "Raises \"stream closed\" on a closed one.",
         NULL) {
    args_arity(function, argc, 1, 1);
    const Server *server = server_object(argv[0]);
    Endpoint own;
    if (!server) {
        raise_unless_abstract(function, argv, 0, dtls_client_kind.type);
        return cfun_shared_localname(argc, argv);
    }
    if (server->closed) janet_panic("stream closed");
    if (!server_endpoint(server, &own)) raise_format(function, "%s", strerror(errno));
    return address_tuple(&own);
}

static Janet cfun_setsockopt(int32_t argc, Janet *argv) {
    args_arity(NULL, argc, 3, 3);
    Server *server = server_get_open(NULL, argv, 0);
    return socket_call_core("net/setsockopt", server->watcher.descriptor, argc, argv);
}

/* --- messages --- */

FUNCTION(dtls_recv_from, "dtls/recv-from", "server nbytes buf &opt timeout",
         "Wait for the next datagram of any peer and append up to `nbytes` of it to `buf`. The "
         "rest of a longer one is dropped, as by `net/recv-from`.\n\n"
         "Returns the peer's address, a value for `dtls/send-to`. Returns nil after `timeout` "
         "seconds (a number or `{:timeout n}`) without a datagram, and when the server is closed "
         "while the call waits. Raises \"stream is closed\" on a closed server.",
         NULL) {
    args_arity(function, argc, 3, 4);
    Server *server = server_get_open(function, argv, 0);
    int32_t max = args_natural(function, argv, 1);
    JanetBuffer *buffer = args_buffer(function, argv, 2);
    return receive_message(server, max, buffer, args_timeout(function, argv, argc, 3));
}

FUNCTION(dtls_send_to, "dtls/send-to", "server addr data &opt timeout",
         "Send a datagram to a peer that has a session. `addr` is what `dtls/recv-from` returned, "
         "an address from `dtls-stream/address`, or a tuple of host and port. `data` is a string "
         "or buffer of up to 16384 bytes; 1200 bytes pass on every path of the internet. Empty "
         "data are not sent: OpenSSL cannot seal them.\n\n"
         "Returns the number of bytes. Raises when there is no session with that address, when "
         "the data are too long (nothing is sent then), \"timeout\" after `timeout` seconds in "
         "which the socket had no room, and \"stream is closed\" on a closed server.",
         NULL) {
    args_arity(function, argc, 3, 4);
    Endpoint to;
    Server *server = server_get_open(function, argv, 0);
    get_address(function, argv, 1, &to);
    JanetByteView data = args_view(function, argv, 2);
    double timeout = args_timeout(function, argv, argc, 3);
    stream_check_datagram(function, (size_t)data.len);
    return send_message(server, &to, data, timeout);
}

/* --- peers --- */

FUNCTION(dtls_peers, "dtls/peers", "server",
         "The addresses of all peers with a session, an array in no order. Raises on a closed "
         "server.",
         NULL) {
    args_arity(function, argc, 1, 1);
    const Peers *peers = &server_get_open(function, argv, 0)->peers;
    JanetArray *list = janet_array((int32_t)peers->table.count);
    for (Peer *peer = peers_each(peers, NULL); peer; peer = peers_each(peers, peer)) {
        if (peer->state == PEER_OPEN) janet_array_push(list, peers_address(peer));
    }
    return janet_wrap_array(list);
}

FUNCTION(dtls_close_peer, "dtls/close-peer", "server addr &opt force",
         "End the session with one peer, with a close_notify unless `force` is true. Returns true "
         "if there was a session. Raises on a closed server.",
         NULL) {
    args_arity(function, argc, 2, 3);
    Endpoint endpoint;
    Server *server = server_get_open(function, argv, 0);
    get_address(function, argv, 1, &endpoint);
    Peer *peer = peers_find(&server->peers, &endpoint);
    if (peer) peers_remove(peer, !(argc > 2 && janet_truthy(argv[2])));
    udp_flush(&server->udp);
    return janet_wrap_boolean(peer != NULL);
}

/* --- sessions --- */

static Negotiated session_of_peer(const char *function, const Janet *argv) {
    Endpoint endpoint;
    const Server *server = server_get_open(function, argv, 0);
    get_address(function, argv, 1, &endpoint);
    const Peer *peer = peers_find(&server->peers, &endpoint);
    if (!peer || peer->state != PEER_OPEN) raise_format(function, "no session with %v", argv[1]);
    int64_t took = server->settings.timing ? peer->took : -1;
    return (Negotiated){peer->engine.ssl, took, janet_wrap_nil()};
}

/* The session of a client, or of a server's peer. *next is the number of the next argument, of
 * which there may be `further`. */
static Negotiated session_of(const char *function, int32_t argc, Janet *argv, int32_t further,
                             int32_t *next) {
    args_arity(function, argc, 1, 2 + further);
    bool is_server = server_object(argv[0]) != NULL;
    *next = is_server ? 2 : 1;
    args_arity(function, argc, *next, *next + further);
    if (is_server) return session_of_peer(function, argv);
    if (!janet_checkabstract(argv[0], dtls_client_kind.type)) {
        raise_type(function, 0, "jsec/dtls-client or jsec/dtls-server", argv[0]);
    }
    return info_of(argv, function);
}

static Janet describe_session(const char *function, int32_t argc, Janet *argv,
                              Janet (*describe)(const Negotiated *session)) {
    int32_t next;
    Negotiated session = session_of(function, argc, argv, 0, &next);
    return describe(&session);
}

#define OF_EITHER                                                                                  \
    "Of a client, or of a server and the address of one of its peers. Raises before the "          \
    "handshake is done, when it failed, on a closed client or server, and when there is no "       \
    "session with that address."

FUNCTION(dtls_version, "dtls-stream/version", "client-or-server &opt addr",
         "The negotiated protocol version, e.g. \"DTLSv1.2\". " OF_EITHER, NULL) {
    return describe_session(function, argc, argv, info_version);
}

FUNCTION(dtls_cipher, "dtls-stream/cipher", "client-or-server &opt addr",
         "OpenSSL's name of the cipher suite in use. " OF_EITHER, NULL) {
    return describe_session(function, argc, argv, info_cipher);
}

FUNCTION(dtls_cipher_bits, "dtls-stream/cipher-bits", "client-or-server &opt addr",
         "Key length of the cipher in use, in bits. " OF_EITHER, NULL) {
    return describe_session(function, argc, argv, info_cipher_bits);
}

FUNCTION(dtls_handshake_time, "dtls-stream/handshake-time", "client-or-server &opt addr",
         "How long the handshake took, in seconds; nil unless `:handshake-timing true` was "
         "given. " OF_EITHER,
         NULL) {
    return describe_session(function, argc, argv, info_handshake_time);
}

FUNCTION(dtls_connection_info, "dtls-stream/connection-info", "client-or-server &opt addr",
         "What was negotiated and with which peer, a struct with the keys of "
         "`tls-stream/connection-info`: `:version :cipher :cipher-bits :alpn :server-name :group "
         ":signature-algorithm :session-reused :verify-result :peer-certificate :peer-chain "
         ":certificate-request :handshake-time`. " OF_EITHER,
         NULL) {
    return describe_session(function, argc, argv, info_connection);
}

FUNCTION(
    dtls_verify_result, "dtls-stream/verify-result", "client-or-server &opt addr",
    "How the peer's certificate was verified, a struct of `:ok`, `:reason` and `:code`. " OF_EITHER,
    NULL) {
    return describe_session(function, argc, argv, info_verify_result);
}

FUNCTION(dtls_session_reused, "dtls-stream/session-reused?", "client-or-server &opt addr",
         "Whether the handshake resumed a session: true or false. " OF_EITHER, NULL) {
    return describe_session(function, argc, argv, info_session_reused);
}

FUNCTION(dtls_peer_certificate, "dtls-stream/peer-certificate",
         "client &opt form) or (... server addr &opt form",
         "The peer's certificate: PEM, or in the form `:pem`, `:der` or `:data`; nil if the peer "
         "sent none. It identifies the peer only if it was verified. " OF_EITHER,
         NULL) {
    int32_t next;
    Negotiated session = session_of(function, argc, argv, 1, &next);
    return info_peer_certificate(function, &session, argc, argv, next);
}

FUNCTION(
    dtls_peer_chain, "dtls-stream/peer-chain", "client &opt form) or (... server addr &opt form",
    "The certificates that the peer sent, a tuple, its own first; nil if it sent none. " OF_EITHER,
    NULL) {
    int32_t next;
    Negotiated session = session_of(function, argc, argv, 1, &next);
    return info_peer_chain(function, &session, argc, argv, next);
}

static const JanetMethod methods[] = {
    {"recv-from", cfun_dtls_recv_from},
    {"send-to", cfun_dtls_send_to},
    {"close", cfun_dtls_close_server},
    {"localname", cfun_dtls_localname},
    {"setsockopt", cfun_setsockopt},
    {"peers", cfun_dtls_peers},
    {"close-peer", cfun_dtls_close_peer},
    {"version", cfun_dtls_version},
    {"cipher", cfun_dtls_cipher},
    {"cipher-bits", cfun_dtls_cipher_bits},
    {"handshake-time", cfun_dtls_handshake_time},
    {"connection-info", cfun_dtls_connection_info},
    {"peer-certificate", cfun_dtls_peer_certificate},
    {"peer-chain", cfun_dtls_peer_chain},
    {"verify-result", cfun_dtls_verify_result},
    {"session-reused?", cfun_dtls_session_reused},
    {NULL, NULL},
};

static const Function *const functions[] = {
    &function_dtls_listen,
    &function_dtls_recv_from,
    &function_dtls_send_to,
    &function_dtls_close_server,
    &function_dtls_localname,
    &function_dtls_peers,
    &function_dtls_close_peer,
    &function_dtls_version,
    &function_dtls_cipher,
    &function_dtls_cipher_bits,
    &function_dtls_handshake_time,
    &function_dtls_connection_info,
    &function_dtls_verify_result,
    &function_dtls_session_reused,
    &function_dtls_peer_certificate,
    &function_dtls_peer_chain,
    NULL,
};

void dtls_server_register(JanetTable *env) {
    generic_know(&server_type, methods);
    module_register(env, functions);
}

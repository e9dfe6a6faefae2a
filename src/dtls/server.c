/* listen and close-server, and what drives a server. */
#include "dtls/server.h"

#include "base/module.h"
#include "base/raise.h"
#include "context/argument.h"
#include "core/tls/context_data.h"
#include "dtls/address.h"
#include "dtls/functions.h"
#include "net/bind_request.h"
#include "net/generic.h"
#include "net/socket.h"
#include "register.h"

#include <errno.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

static const char function[] = "dtls/listen";

#define NATIVE_SIZE (256 << 10) /* buffers, as the collector is told */

/* --- the abstract type --- */

static void free_native(Server *server, bool notify, bool collected) {
    peers_free(server, notify, collected);
    if (server->udp.batches) udp_flush(&server->udp);
    udp_free(&server->udp);
    table_free(&server->peers);
    table_free(&server->hosts);
    OPENSSL_cleanse(&server->secrets, sizeof server->secrets);
    server_free_messages(server);
    poller_close(&server->watcher);
    server->closed = true;
}

static int server_gc(void *pointer, size_t size) {
    (void)size;
    Server *server = pointer;
    if (!server->closed) free_native(server, false, true);
    return 0;
}

static int server_mark(void *pointer, size_t size) {
    (void)size;
    Server *server = pointer;
    janet_mark(server->context);
    janet_mark(server->on_error);
    server_mark_messages(server);
    for (Peer *peer = peers_each(server, NULL); peer; peer = peers_each(server, peer)) {
        janet_mark(peer->address);
    }
    return 0;
}

static const JanetMethod methods[];

static int server_getter(void *pointer, Janet key, Janet *out) {
    (void)pointer;
    if (!janet_checktype(key, JANET_KEYWORD)) return 0;
    return janet_getmethod(janet_unwrap_keyword(key), methods, out);
}

static Janet server_next(void *pointer, Janet key) {
    (void)pointer;
    return janet_nextmethod(methods, key);
}

static void server_marshal(void *pointer, JanetMarshalContext *context) {
    (void)pointer, (void)context;
    janet_panic("a DTLS server can't be marshalled: it belongs to the thread that made it");
}

static void *server_unmarshal(JanetMarshalContext *context) {
    (void)context;
    janet_panic("a DTLS server can't be unmarshalled");
}

static bool own_endpoint(const Server *server, Endpoint *endpoint) {
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    return !getsockname(server->watcher.descriptor, (struct sockaddr *)&own, &size) &&
           endpoint_of(endpoint, &own);
}

static void server_tostring(void *pointer, JanetBuffer *buffer) {
    const Server *server = pointer;
    Endpoint own;
    char host[ENDPOINT_TEXT];
    if (server->closed || !own_endpoint(server, &own)) {
        janet_buffer_push_cstring(buffer, "closed");
        return;
    }
    endpoint_host(&own, host);
    janet_formatb(buffer, own.family == AF_INET6 ? "[%s]:%d" : "%s:%d", host, own.port);
    janet_formatb(buffer, " %d sessions", (int)server->peers.count);
}

static const JanetAbstractType server_type = {
    .name = "jsec/dtls-server",
    .gc = server_gc,
    .gcmark = server_mark,
    .get = server_getter,
    .marshal = server_marshal,
    .unmarshal = server_unmarshal,
    .tostring = server_tostring,
    .next = server_next,
};

Server *server_object(Janet value) {
    return janet_checkabstract(value, &server_type);
}

Server *server_get(const Janet *argv, int32_t n) {
    return raise_unless_abstract(argv, n, &server_type);
}

Server *server_get_open(const Janet *argv, int32_t n) {
    Server *server = server_get(argv, n);
    if (server->closed) janet_panic("stream is closed");
    return server;
}

/* --- driving --- */

void server_advance(Server *server) {
    server->now = timer_now();
    udp_flush(&server->udp);
    server_serve_writers(server);
    server_serve_readers(server);
    /* Whoever was given something comes back for more, and what is there waits for that; if nobody
     * does, the next turn takes it in. */
    if (server->given) {
        poller_turn(&server->watcher);
    } else {
        server_take_in(server);
    }
    udp_flush(&server->udp);
}

static void on_ready(Watcher *watcher, unsigned ready) {
    Server *server = (Server *)watcher;
    if (server->closed) return; /* a turn that was asked for after the end */
    if (ready & READY_IN) server->udp.readable = true;
    if (ready & READY_OUT) server->udp.writable = true;
    server_advance(server);
}

void server_close(Server *server, bool notify) {
    if (server->closed) return;
    free_native(server, notify, false);
    poller_remove_root(&server->root);
    server_wake_for_close(server);
}

/* --- listen --- */

static Server *new_server(Context *context, const DtlsOptions *options) {
    Failure failure;
    uint64_t seed;
    Server *server = janet_abstract(&server_type, sizeof *server);
    memset(server, 0, sizeof *server);
    server->watcher.ready = on_ready;
    server->watcher.descriptor = -1;
    server->closed = true; /* until it has what it needs */
    server->context = janet_wrap_abstract(context);
    server->with = context;
    server->on_error = options->server.on_error;
    server->settings = options->context.connection.settings;
    server->options = options->server;
    server->last_message = &server->messages;
    server->now = timer_now();
    request_queue_init(&server->readers);
    request_queue_init(&server->writers);
    if (!context_data_can_serve(context->context, &failure)) raise_failure(function, &failure);
    if (RAND_bytes((unsigned char *)&seed, sizeof seed) != 1 ||
        !cookie_secrets_init(&server->secrets, &failure)) {
        raise_format(function, "no random bytes");
    }
    server->closed = false;
    if (!table_init(&server->peers, seed) || !table_init(&server->hosts, seed)) {
        raise_format(function, "out of memory");
    }
    if (!peers_prepare(server, &failure)) raise_failure(function, &failure);
    return server;
}

static bool listen_at(BindRequest *bind_request, const Address *address, Janet *out,
                      Failure *failure) {
    Server *server = janet_unwrap_abstract(bind_request->keeps);
    int descriptor = udp_bind(&address->storage, address->length);
    if (descriptor < 0) return failure_set(failure, "%s", strerror(errno));
    if (!udp_init(&server->udp, descriptor) || !poller_add(&server->watcher, descriptor)) {
        failure_set(failure, "%s", strerror(errno));
        udp_free(&server->udp);
        close(descriptor);
        return false;
    }
    *out = bind_request->keeps;
    return true;
}

static Janet cfun_dtls_listen(int32_t argc, Janet *argv) {
    janet_arity(argc, 2, 3);
    DtlsOptions options;
    BindRequest names;
    bind_request_get(argv, &names);
    dtls_options_init(&options);
    Context *context =
        argument_context(function, &dtls_server_kind, argv, argc, 2, &options.context);
    if (!janet_checktype(options.context.connection.on_staple, JANET_NIL)) {
        raise_format(function, "a function as :ocsp-response: give bytes, and renew them in the "
                               "context with tls-stream/set-ocsp-response");
    }
    poller_start();
    Server *server = new_server(context, &options);
    janet_gcpressure(NATIVE_SIZE);
    BindRequest *bind_request = bind_request_new(sizeof *bind_request, function, SOCK_DGRAM);
    bind_request_get(argv, bind_request);
    bind_request->open = listen_at;
    bind_request->keeps = janet_wrap_abstract(server);
    return bind_request_open(bind_request);
}

static Janet cfun_dtls_close_server(int32_t argc, Janet *argv) {
    janet_arity(argc, 1, 2);
    server_close(server_get(argv, 0), !(argc > 1 && janet_truthy(argv[1])));
    return argv[0];
}

static Janet cfun_server_localname(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    const Server *server = server_get(argv, 0);
    Endpoint own;
    if (server->closed) janet_panic("stream closed");
    if (!own_endpoint(server, &own)) raise_format("dtls/localname", "%s", strerror(errno));
    return address_tuple(&own);
}

static Janet cfun_server_setsockopt(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 3);
    Server *server = server_get_open(argv, 0);
    return socket_call_core("net/setsockopt", server->watcher.descriptor, argc, argv);
}

static Janet cfun_dtls_localname(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    return server_object(argv[0]) ? cfun_server_localname(argc, argv)
                                  : dtls_client_call(cfun_shared_localname, argc, argv);
}

/* --- peers --- */

static Janet cfun_dtls_peers(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    Server *server = server_get_open(argv, 0);
    JanetArray *peers = janet_array((int32_t)server->peers.count);
    for (Peer *peer = peers_each(server, NULL); peer; peer = peers_each(server, peer)) {
        if (peer->state == PEER_OPEN) janet_array_push(peers, peers_address(peer));
    }
    return janet_wrap_array(peers);
}

static Janet cfun_dtls_close_peer(int32_t argc, Janet *argv) {
    janet_arity(argc, 2, 3);
    Server *server = server_get_open(argv, 0);
    Endpoint endpoint;
    if (!address_endpoint(argv[1], &endpoint)) {
        raise_type(1, "jsec/dtls-address or [host port]", argv[1]);
    }
    Peer *peer = peers_find(server, &endpoint);
    if (peer) peers_remove(peer, !(argc > 2 && janet_truthy(argv[2])));
    udp_flush(&server->udp);
    return janet_wrap_boolean(peer != NULL);
}

static const JanetMethod methods[] = {
    {"recv-from", cfun_dtls_recv_from},
    {"send-to", cfun_dtls_send_to},
    {"close", cfun_dtls_close_server},
    {"localname", cfun_server_localname},
    {"setsockopt", cfun_server_setsockopt},
    {"peers", cfun_dtls_peers},
    {"close-peer", cfun_dtls_close_peer},
    DTLS_INFO_METHODS,
    {NULL, NULL},
};

static const FunctionRow functions[] = {
    {"dtls/listen", cfun_dtls_listen,
     "(dtls/listen host port opts)\n\n"
     "Make a DTLS server on a UDP address and port. One socket serves all peers; each that finishes its handshake has a "
     "session, named by its address. Handshakes go on by themselves, whether or not anybody waits in `dtls/recv-from`. A peer "
     "has to show that it receives at its address (the cookie of RFC 6347) before anything is kept of it. Port 0 takes a "
     "free one, which `dtls/localname` tells. Several processes or threads may listen on one port; the kernel shares the "
     "peers out between them.\n\n"
     "`opts` is a table or struct of options, `:cert` and `:key` among them, or a context from `dtls/new-context`. With "
     "`:verify true` a client without a certificate that the given CAs vouch for is refused.\n\n"
     "Returns a DTLS server. Raises when an option is unknown or does not fit, and when the address can't be resolved or "
     "bound.\n\n"
     "    (with [s (dtls/listen \"127.0.0.1\" 5684 {:cert \"cert.pem\" :key \"key.pem\"})]\n"
     "      (forever\n"
     "        (def buf @\"\")\n"
     "        (def peer (dtls/recv-from s 1500 buf))\n"
     "        (dtls/send-to s peer buf)))\n\nOptions:",
     &dtls_listen_options},
    {"dtls/recv-from", cfun_dtls_recv_from,
     "(dtls/recv-from server nbytes buf &opt timeout)\n\n"
     "Wait for the next datagram of any peer. Up to `nbytes` of it are appended to `buf`; what is longer is cut off, as "
     "with `net/recv-from`.\n\n"
     "Returns the peer's address, a value for `dtls/send-to`; nil after `timeout` seconds (a number or `{:timeout n}`) "
     "without one, and when the server is closed meanwhile. Raises \"stream is closed\" on a closed one.",
     NULL},
    {"dtls/send-to", cfun_dtls_send_to,
     "(dtls/send-to server addr data &opt timeout)\n\n"
     "Send a datagram to a peer that has a session. `addr` is what `dtls/recv-from` returned, one from "
     "`dtls-stream/address`, or a tuple of host and port. `data` is a string or buffer of up to 16384 bytes; for paths in the "
     "internet 1200 are safe. An empty one is not sent: OpenSSL seals none.\n\n"
     "Returns the number of bytes. Raises when there is no session with that address (any more), when the data "
     "are too long (nothing is sent then), \"timeout\" after `timeout` seconds in which the socket took nothing, and "
     "\"stream is closed\" on a closed server.",
     NULL},
    {"dtls/close-server", cfun_dtls_close_server,
     "(dtls/close-server server &opt force)\n\n"
     "Close a server: all sessions are ended with a close_notify each, or without if `force` is true, and waiting calls "
     "return. Nothing where it is closed. Returns the server. Raises only when `server` is none.",
     NULL},
    {"dtls/localname", cfun_dtls_localname,
     "(dtls/localname server)\n\n"
     "The address that a server is bound to (or a client's socket), a tuple of host and port. Raises \"stream closed\" on a "
     "closed one.",
     NULL},
    {"dtls/peers", cfun_dtls_peers,
     "(dtls/peers server)\n\n"
     "The addresses of all peers with a session, an array in no order. Raises on a closed server.",
     NULL},
    {"dtls/close-peer", cfun_dtls_close_peer,
     "(dtls/close-peer server addr &opt force)\n\n"
     "End the session with one peer, with a close_notify unless `force` is true. Returns true if there was one. Raises on a "
     "closed server.",
     NULL},
    {NULL, NULL, NULL, NULL},
};

void dtls_server_register(JanetTable *env) {
    generic_know(&server_type, methods);
    module_functions(env, functions);
}

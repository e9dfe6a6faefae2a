#include "dtls/server.h"

#include "base/raise.h"
#include "core/tls/context_data.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* --- life --- */

static void free_native(Server *server, bool notify, bool collected) {
    peers_free(&server->peers, notify, collected);
    if (server->udp.batches) udp_flush(&server->udp);
    udp_free(&server->udp);
    inbox_free(&server->inbox);
    poller_close(&server->watcher);
    server->closed = true;
}

static void mark_server(GcRoot *root) {
    janet_mark(janet_wrap_abstract((char *)root - offsetof(Server, peers.root)));
}

static void init_server(Server *server, Context *context, const DtlsOptions *options) {
    memset(server, 0, sizeof *server);
    server->watcher.descriptor = -1;
    server->context = janet_wrap_abstract(context);
    server->settings = options->context.connection.settings;
    server->options = options->server;
    server->peers.udp = &server->udp;
    server->peers.slot = context->slot;
    server->peers.questions = &context->connection.questions;
    server->peers.settings = &server->settings;
    server->peers.options = &server->options;
    server->peers.mark = mark_server;
    inbox_init(&server->inbox);
    request_queue_init(&server->readers);
    request_queue_init(&server->writers);
}

Server *server_new(const char *function, Context *context, const DtlsOptions *options,
                   void (*ready)(Watcher *watcher, unsigned ready), const JanetMethod *methods) {
    Failure failure;
    if (!context_slot_can_serve(context->slot, &failure)) raise_failure(function, &failure);
    Server *server = janet_abstract(&server_type, sizeof *server);
    init_server(server, context, options);
    server->watcher.ready = ready;
    server->methods = methods;
    if (!peers_init(&server->peers, &failure)) raise_failure(function, &failure);
    return server;
}

bool server_attach(Server *server, int descriptor, Failure *failure) {
    if (udp_init(&server->udp, descriptor) && poller_add(&server->watcher, descriptor)) return true;
    failure_set(failure, "%s", strerror(errno));
    udp_free(&server->udp);
    close(descriptor);
    return false;
}

static void end_calls(Server *server) {
    Request *request;
    request_end_dead(&server->readers);
    request_end_dead(&server->writers);
    while ((request = request_first_waiting(&server->readers))) {
        request_complete(request, &server->readers, janet_wrap_nil());
    }
    while ((request = request_first_waiting(&server->writers))) {
        request_fail(request, &server->writers, janet_cstringv("stream closed"));
    }
}

void server_close(Server *server, bool notify) {
    if (server->closed) return;
    free_native(server, notify, false);
    end_calls(server);
}

bool server_endpoint(const Server *server, Endpoint *endpoint) {
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    return !getsockname(server->watcher.descriptor, (struct sockaddr *)&own, &size) &&
           endpoint_of(endpoint, &own);
}

/* --- the abstract type --- */

static int collect_server(void *pointer, size_t size) {
    (void)size;
    Server *server = pointer;
    if (!server->closed) free_native(server, false, true);
    return 0;
}

static int mark_values(void *pointer, size_t size) {
    (void)size;
    Server *server = pointer;
    janet_mark(server->context);
    janet_mark(server->options.on_error);
    inbox_mark(&server->inbox);
    const Peers *peers = &server->peers;
    for (Peer *peer = peers_each(peers, NULL); peer; peer = peers_each(peers, peer)) {
        janet_mark(peer->address);
        asker_mark(&peer->asker);
        if (peer->successor) asker_mark(&peer->successor->asker);
    }
    return 0;
}

static int get_method(void *pointer, Janet key, Janet *out) {
    const Server *server = pointer;
    if (!janet_checktype(key, JANET_KEYWORD)) return 0;
    return janet_getmethod(janet_unwrap_keyword(key), server->methods, out);
}

static Janet next_method(void *pointer, Janet key) {
    return janet_nextmethod(((const Server *)pointer)->methods, key);
}

static void refuse_marshal(void *pointer, JanetMarshalContext *context) {
    (void)pointer, (void)context;
    janet_panic("a DTLS server can't be marshalled: it belongs to the thread that made it");
}

static void *refuse_unmarshal(JanetMarshalContext *context) {
    (void)context;
    janet_panic("a DTLS server can't be unmarshalled");
}

static void describe_server(void *pointer, JanetBuffer *buffer) {
    const Server *server = pointer;
    Endpoint own;
    char host[ENDPOINT_TEXT];
    if (server->closed || !server_endpoint(server, &own)) {
        janet_buffer_push_cstring(buffer, "closed");
        return;
    }
    endpoint_host(&own, host);
    janet_formatb(buffer, own.family == AF_INET6 ? "[%s]:%d" : "%s:%d", host, own.port);
    janet_formatb(buffer, " %d sessions", (int)server->peers.table.count);
}

const JanetAbstractType server_type = {
    .name = "jsec/dtls-server",
    .gc = collect_server,
    .gcmark = mark_values,
    .get = get_method,
    .marshal = refuse_marshal,
    .unmarshal = refuse_unmarshal,
    .tostring = describe_server,
    .next = next_method,
};

Server *server_object(Janet value) {
    return janet_checkabstract(value, &server_type);
}

Server *server_get(const char *function, const Janet *argv, int32_t n) {
    return raise_unless_abstract(function, argv, n, &server_type);
}

Server *server_get_open(const char *function, const Janet *argv, int32_t n) {
    Server *server = server_get(function, argv, n);
    if (server->closed) janet_panic("stream is closed");
    return server;
}

/* From what a user gives, options or a context, to the context and options of a connection. */
#include "base/raise.h"
#include "context/options.h"
#include "context/parse.h"
#include "core/tls/session.h"

#include <math.h>
#include <string.h>

#define HANDSHAKE_TIMEOUT 30.0 /* seconds */
#define CLOSE_TIMEOUT 1.0
#define RETRANSMIT 0.25 /* seconds */
#define MTU 1200        /* bytes: what every path of the internet carries */

void context_options_init(ContextOptions *options) {
    memset(options, 0, sizeof *options);
    context_settings_init(&options->settings);
    options->context = options->hosts = options->staple = janet_wrap_nil();
    options->connection = (ConnectionOptions){
        .settings = {.handshake_timeout = HANDSHAKE_TIMEOUT,
                     .close_timeout = CLOSE_TIMEOUT,
                     .retransmit = RETRANSMIT,
                     .mtu = MTU,
                     .nodelay = true},
        .on_session = janet_wrap_nil(),
        .on_staple = janet_wrap_nil(),
        .timeout = INFINITY,
        .handshake = true,
    };
}

static Context *as_context(const ContextKind *kind, Janet value) {
    return janet_checkabstract(value, kind->type);
}

static void merge_names(const char *function, ContextOptions *options) {
    if (!options->sni.data) return;
    if (options->connection.hostname.data) {
        raise_format(function, "options :hostname and :sni say the same: give one of them");
    }
    options->connection.hostname = options->sni;
}

static Context *read_beside(const char *function, const ContextKind *kind, Janet table,
                            ContextOptions *options) {
    Context *context = as_context(kind, options->context);
    if (!context) {
        raise_format(function, "bad option :context, expected a %s context, got %s", kind->protocol,
                     raise_shown(options->context));
    }
    options->connection = context->connection;
    options->context = janet_wrap_nil();
    options_read(function, kind->beside, table, options);
    if (options->sni.data) options->connection.hostname = options->sni;
    bool told = !janet_checktype(options->connection.on_session, JANET_NIL);
    if (told && !context_data(context->context)->tells_sessions) {
        raise_format(function, ":on-session beside a context that was made without: its sessions "
                               "are not kept");
    }
    return context;
}

/* --- virtual hosts --- */

static Context *make_context(const char *function, const ContextKind *kind,
                             ContextOptions *options);

/* What is settled before the name is known, or is no matter of a host's at all, would be read here and
 * have no effect. */
static void refuse_listeners(const char *function, Janet options, const char *name) {
    if (janet_checktype(janet_get(options, janet_ckeywordv(name)), JANET_NIL)) return;
    raise_format(function, "option :%s in :sni: it is the listener's, give it beside :sni", name);
}

static void check_host(const char *function, const ContextKind *kind, Janet options) {
    static const char *const listeners[] = {"sni", "ticket-keys", "session-cache-size",
                                            "session-timeout", "session-lifetime"};
    for (size_t i = 0; i < sizeof listeners / sizeof *listeners; i++) {
        refuse_listeners(function, options, listeners[i]);
    }
    const OptionRow *row;
    for (size_t i = 0; (row = options_row(kind->beside, i)); i++) {
        refuse_listeners(function, options, row->name);
    }
}

static Context *read_host(const char *function, const ContextKind *kind, Janet value) {
    ContextOptions options;
    if (!options_given(value)) {
        raise_format(function, "bad option :sni, expected options or a %s context, got %s",
                     kind->protocol, raise_shown(value));
    }
    check_host(function, kind, value);
    context_options_init(&options);
    options_read(function, kind->context_set, value, &options);
    return make_context(function, kind, &options);
}

static Context *host_context(const char *function, const ContextKind *kind, Janet value) {
    Context *context = as_context(kind, value);
    if (!context) context = read_host(function, kind, value);
    if (!janet_checktype(context->connection.on_staple, JANET_NIL)) {
        raise_format(function,
                     "a function as :ocsp-response in :sni: give it beside :sni, or bytes");
    }
    return context;
}

static Bytes host_name(const char *function, Janet key) {
    JanetByteView name;
    if (janet_keyeq(key, "default")) return (Bytes){(const uint8_t *)"", 0};
    if (!janet_checktype(key, JANET_STRING) || !janet_bytes_view(key, &name.bytes, &name.len) ||
        !name.len || memchr(name.bytes, 0, (size_t)name.len)) {
        raise_format(function, "bad option :sni, expected host names or :default, got %s",
                     raise_shown(key));
    }
    return (Bytes){name.bytes, (size_t)name.len};
}

/* The array lives in a buffer of Janet's, as long as the running C function. */
static void read_hosts(const char *function, const ContextKind *kind, ContextOptions *options) {
    JanetDictView view;
    JanetBuffer *array = janet_buffer(256);
    if (!janet_dictionary_view(options->hosts, &view.kvs, &view.len, &view.cap)) return;
    for (int32_t i = 0; i < view.cap; i++) {
        const JanetKV *kv = view.kvs + i;
        if (janet_checktype(kv->key, JANET_NIL)) continue;
        VirtualHost host = {.name = host_name(function, kv->key),
                            .context = host_context(function, kind, kv->value)->context};
        janet_buffer_push_bytes(array, (const uint8_t *)&host, sizeof host);
    }
    options->settings.hosts = (const VirtualHost *)(const void *)array->data;
    options->settings.host_count = (size_t)view.len;
}

static void read_staple(ContextOptions *options) {
    JanetByteView view;
    if (janet_bytes_view(options->staple, &view.bytes, &view.len)) {
        const uint8_t *bytes = view.bytes ? view.bytes : (const uint8_t *)"";
        options->settings.staple = (Bytes){bytes, (size_t)view.len};
    } else {
        options->connection.on_staple = options->staple;
        options->settings.asks_staple = janet_checktype(options->staple, JANET_FUNCTION);
    }
}

void context_options_finish(const char *function, const ContextKind *kind,
                            ContextOptions *options) {
    merge_names(function, options);
    options->settings.datagram = kind->datagram;
    options->settings.read_ahead = (size_t)options->connection.settings.buffer_size;
    options->settings.tells_sessions = !janet_checktype(options->connection.on_session, JANET_NIL);
    read_staple(options);
    read_hosts(function, kind, options);
}

static Context *make_context(const char *function, const ContextKind *kind,
                             ContextOptions *options) {
    Failure failure;
    context_options_finish(function, kind, options);
    Context *made = janet_abstract(kind->type, sizeof *made);
    memset(made, 0, sizeof *made);
    made->connection.on_session = made->connection.on_staple = janet_wrap_nil();
    made->connection.on_staple = options->connection.on_staple;
    made->context = context_cached(&options->settings, &failure);
    if (!made->context) raise_failure(function, &failure);
    return made;
}

Context *context_choose(const char *function, const ContextKind *kind, const Janet *argv,
                        int32_t argc, int32_t n, ContextOptions *options) {
    Janet given = n < argc ? argv[n] : janet_wrap_nil();
    Context *context = as_context(kind, given);
    if (context) {
        options->connection = context->connection;
        return context;
    }
    if (!options_given(given)) raise_type(n, kind->wanted, given);
    options_read(function, kind->set, given, options);
    bool beside = !janet_checktype(options->context, JANET_NIL);
    return beside ? read_beside(function, kind, given, options)
                  : make_context(function, kind, options);
}

/* --- a connection --- */

static const char *text(Bytes bytes) {
    return (const char *)bytes.data;
}

bool connection_prepare(SSL *ssl, const ConnectionOptions *connection, const char *host,
                        Failure *failure) {
    const char *name = connection->hostname.data ? text(connection->hostname) : host;
    const char *verify_name =
        connection->verify_hostname.data ? text(connection->verify_hostname) : name;
    if (!context_prepare(ssl, name, verify_name, failure)) return false;
    if (!connection->session.data) return true;
    if (SSL_is_server(ssl)) return failure_set(failure, ":session is for clients");
    return session_import(ssl, connection->session, failure);
}

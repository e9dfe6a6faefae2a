/* From what a user gives, options or a context, to the context and options of a connection. */
#include "base/raise.h"
#include "core/session.h"
#include "tls/options.h"
#include "tls/parse.h"

#include <string.h>

static TlsContext *as_context(Janet value) {
    return janet_checkabstract(value, &tls_context_type);
}

static TlsContext *read_beside(const char *function, Janet table, Janet value,
                               ConnectionOptions *connection) {
    TlsContext *context = as_context(value);
    if (!context) {
        raise_format(function, "bad option :context, expected a TLS context, got %v", value);
    }
    TlsOptions options;
    tls_options_init(&options);
    options.connection = context->connection;
    options_read(function, &tls_beside_set, table, &options);
    bool told = !janet_checktype(options.connection.on_session, JANET_NIL);
    if (told && !context_traits(context->context)->tells_sessions) {
        raise_format(function, ":on-session beside a context that was made without: its sessions "
                               "are not kept");
    }
    *connection = options.connection;
    return context;
}

/* --- virtual hosts --- */

static TlsContext *make_context(const char *function, TlsOptions *options);

/* What is settled before the name is known, or is no matter of a host's at all, would be read here and
 * have no effect. */
static void refuse_listeners(const char *function, Janet options, const char *name) {
    if (janet_checktype(janet_get(options, janet_ckeywordv(name)), JANET_NIL)) return;
    raise_format(function, "option :%s in :sni: it is the listener's, give it beside :sni", name);
}

static void check_host(const char *function, Janet options) {
    static const char *const listeners[] = {"sni", "ticket-keys", "session-cache-size",
                                            "session-timeout"};
    for (size_t i = 0; i < sizeof listeners / sizeof *listeners; i++) {
        refuse_listeners(function, options, listeners[i]);
    }
    for (size_t i = 0; i < tls_beside_set.count; i++) {
        refuse_listeners(function, options, tls_beside_set.rows[i].name);
    }
}

static TlsContext *read_host(const char *function, Janet value) {
    TlsOptions options;
    if (!options_given(value)) {
        raise_format(function, "bad option :sni, expected options or a TLS context, got %v", value);
    }
    check_host(function, value);
    tls_options_init(&options);
    options_read(function, &tls_option_set, value, &options);
    return make_context(function, &options);
}

static TlsContext *host_context(const char *function, Janet value) {
    TlsContext *context = as_context(value);
    if (!context) context = read_host(function, value);
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
        raise_format(function, "bad option :sni, expected host names or :default, got %v", key);
    }
    return (Bytes){name.bytes, (size_t)name.len};
}

/* The array lives in a buffer of Janet's, as long as the running C function. */
static void read_hosts(const char *function, TlsOptions *options) {
    JanetDictView view;
    JanetBuffer *array = janet_buffer(256);
    if (!janet_dictionary_view(options->hosts, &view.kvs, &view.len, &view.cap)) return;
    for (int32_t i = 0; i < view.cap; i++) {
        const JanetKV *kv = view.kvs + i;
        if (janet_checktype(kv->key, JANET_NIL)) continue;
        VirtualHost host = {.name = host_name(function, kv->key),
                            .context = host_context(function, kv->value)->context};
        janet_buffer_push_bytes(array, (const uint8_t *)&host, sizeof host);
    }
    options->settings.hosts = (const VirtualHost *)(const void *)array->data;
    options->settings.host_count = (size_t)view.len;
}

static void read_staple(TlsOptions *options) {
    JanetByteView view;
    if (janet_bytes_view(options->staple, &view.bytes, &view.len)) {
        const uint8_t *bytes = view.bytes ? view.bytes : (const uint8_t *)"";
        options->settings.staple = (Bytes){bytes, (size_t)view.len};
    } else {
        options->connection.on_staple = options->staple;
        options->settings.asks_staple = janet_checktype(options->staple, JANET_FUNCTION);
    }
}

void tls_options_finish(const char *function, TlsOptions *options) {
    options->settings.read_ahead = (size_t)options->connection.manners.buffer_size;
    options->settings.tells_sessions = !janet_checktype(options->connection.on_session, JANET_NIL);
    read_staple(options);
    read_hosts(function, options);
}

static TlsContext *make_context(const char *function, TlsOptions *options) {
    Failure failure;
    tls_options_finish(function, options);
    TlsContext *made = janet_abstract(&tls_context_type, sizeof *made);
    memset(made, 0, sizeof *made);
    made->connection.on_session = made->connection.on_staple = janet_wrap_nil();
    made->connection.on_staple = options->connection.on_staple;
    made->context = context_cached(&options->settings, &failure);
    if (!made->context) raise_failure(function, &failure);
    return made;
}

TlsContext *tls_choose(const char *function, const Janet *argv, int32_t argc, int32_t n,
                       ConnectionOptions *connection) {
    Janet given = n < argc ? argv[n] : janet_wrap_nil();
    TlsContext *context = as_context(given);
    if (context) {
        *connection = context->connection;
        return context;
    }
    if (!options_given(given)) raise_type(n, "options or TLS context", given);
    TlsOptions options;
    tls_options_init(&options);
    options_read(function, &tls_option_set, given, &options);
    if (!janet_checktype(options.context, JANET_NIL)) {
        return read_beside(function, given, options.context, connection);
    }
    TlsContext *made = make_context(function, &options);
    *connection = options.connection;
    return made;
}

/* --- a connection --- */

static const char *text(Bytes bytes) {
    return (const char *)bytes.data;
}

bool tls_prepare(Stream *stream, const ConnectionOptions *connection, const char *host,
                 Failure *failure) {
    SSL *ssl = stream->engine.ssl;
    const char *name = connection->hostname.data ? text(connection->hostname) : host;
    const char *verify_name =
        connection->verify_hostname.data ? text(connection->verify_hostname) : name;
    stream->on_session = connection->on_session;
    if (!context_prepare(ssl, name, verify_name, failure)) return false;
    if (!connection->session.data) return true;
    if (SSL_is_server(ssl)) return failure_set(failure, ":session is for clients");
    return session_import(ssl, connection->session, failure);
}

BytesList tls_option_keys(const char *function, Janet value) {
    static const OptionRow row = {.name = "ticket-keys"};
    OptionSite site = {function, &row};
    BytesList keys;
    parse_blobs(&site, value, &keys);
    return keys;
}

#include "tls/options.h"

#include "base/raise.h"

#include <math.h>
#include <string.h>

#define HANDSHAKE_TIMEOUT 30.0 /* seconds */
#define CLOSE_TIMEOUT 1.0

static void parse_verify(const OptionSite *site, Janet value, void *field) {
    VerifyMode *mode = field;
    if (janet_keyeq(value, "optional")) {
        *mode = VERIFY_OPTIONAL;
    } else if (janet_checktype(value, JANET_BOOLEAN)) {
        *mode = janet_unwrap_boolean(value) ? VERIFY_REQUIRED : VERIFY_NONE;
    } else {
        option_refuse(site, "true, false or :optional", value);
    }
}

static void list_of(const OptionSite *site, Janet value, OptionParser parse, BytesList *list) {
    JanetView items;
    list->count = 0;
    if (!janet_indexed_view(value, &items.items, &items.len)) {
        parse(site, value, list->list);
        list->count = 1;
        return;
    }
    if (items.len < 1 || items.len > MOST_LISTED) option_refuse(site, "1 to 8 of them", value);
    for (int32_t i = 0; i < items.len; i++) parse(site, items.items[i], list->list + i);
    list->count = (size_t)items.len;
}

/* A path or content, or an array of them. */
static void parse_texts(const OptionSite *site, Janet value, void *field) {
    list_of(site, value, option_text, field);
}

static void parse_blobs(const OptionSite *site, Janet value, void *field) {
    list_of(site, value, option_bytes, field);
}

/* A list of protocol names, each 1 to 255 bytes, in RFC 7301's wire format. */
static void parse_alpn(const OptionSite *site, Janet value, void *field) {
    JanetView list;
    if (!janet_indexed_view(value, &list.items, &list.len) || !list.len) {
        option_refuse(site, "array or tuple of protocol names", value);
    }
    JanetBuffer *wire = janet_buffer(64);
    for (int32_t i = 0; i < list.len; i++) {
        JanetByteView name;
        if (!janet_bytes_view(list.items[i], &name.bytes, &name.len) || name.len < 1 ||
            name.len > 255) {
            option_refuse(site, "protocol names of 1 to 255 bytes", value);
        }
        janet_buffer_push_u8(wire, (uint8_t)name.len);
        janet_buffer_push_bytes(wire, name.bytes, name.len);
    }
    *(Bytes *)field = (Bytes){wire->data, (size_t)wire->count};
}

static const OptionWord version_words[] = {
    {"TLS1_2", TLS1_2_VERSION},
    {"TLS1_3", TLS1_3_VERSION},
    {"TLS1.2", TLS1_2_VERSION},
    {"TLS1.3", TLS1_3_VERSION},
    {"TLSv1.2", TLS1_2_VERSION},
    {"TLSv1.3", TLS1_3_VERSION},
    {"TLS1_0", TLS1_VERSION},
    {"TLS1.0", TLS1_VERSION},
    {"TLSv1.0", TLS1_VERSION},
    {"TLS1_1", TLS1_1_VERSION},
    {"TLS1.1", TLS1_1_VERSION},
    {"TLSv1.1", TLS1_1_VERSION},
    {NULL, 0},
};

static const OptionWord truncation_words[] = {{"error", false}, {"eof", true}, {NULL, 0}};

static void parse_truncation(const OptionSite *site, Janet value, void *field) {
    int is_eof;
    option_word(site, value, &is_eof);
    *(bool *)field = is_eof;
}

static const OptionRange level_range = {0, 5};
static const OptionRange buffer_range = {1024, 1 << 20};

/* Rows of :security; they are accepted beside it as well. */
#define SECURITY_ROWS                                                                              \
    OPTION_WITH("min-version", option_word, version_words, TlsOptions, settings.least_version,     \
                "Oldest protocol version allowed: `:TLS1_2` (default) or `:TLS1_3`."),             \
        OPTION_WITH("max-version", option_word, version_words, TlsOptions, settings.most_version,  \
                    "Newest protocol version allowed; default: the newest there is."),             \
        OPTION("ciphers", option_name, TlsOptions, settings.ciphers,                               \
               "Cipher suites of TLS 1.2, as OpenSSL's cipher lists."),                            \
        OPTION("ciphersuites", option_name, TlsOptions, settings.ciphersuites,                     \
               "Cipher suites of TLS 1.3, separated by colons."),                                  \
        OPTION("curves", option_name, TlsOptions, settings.groups,                                 \
               "Groups for the key exchange, separated by colons, the preferred first."),          \
        OPTION_WITH("security-level", option_integer, &level_range, TlsOptions,                    \
                    settings.security_level, "OpenSSL's security level, 0 to 5."),                 \
        OPTION("ca-file", option_text, TlsOptions, settings.ca,                                    \
               "Certificates of the CAs to trust in place of the system's: path or PEM."),         \
        OPTION("ca-path", option_text, TlsOptions, settings.ca_path,                               \
               "Directory of CA certificates under their hashed names (`openssl rehash`).")

static const OptionRow security_rows[] = {SECURITY_ROWS};
static const OptionSet security_set = OPTION_SET(security_rows);

/* Rows of a connection, which may be given beside a context as well. */
#define CONNECTION_ROWS                                                                             \
    OPTION("hostname", option_text, TlsOptions, connection.hostname,                                \
           "Name to ask the server for (SNI). Default: the host connected to, \"localhost\" for "   \
           "unix sockets."),                                                                        \
        OPTION(                                                                                     \
            "verify-hostname", option_text, TlsOptions, connection.verify_hostname,                 \
            "Name or IP address that the server's certificate has to bear. Default: `:hostname`."), \
        OPTION_WITH(                                                                                \
            "buffer-size", option_integer, &buffer_range, TlsOptions,                               \
            connection.manners.buffer_size,                                                         \
            "Bytes sealed or read ahead at most at a time, 1024 to 1048576. Default 16384 for "     \
            "each connection; what is shared between connections does not count."),                 \
        OPTION("tcp-nodelay", option_boolean, TlsOptions, connection.manners.nodelay,               \
               "Send small records at once (TCP_NODELAY). Default `true`."),                        \
        OPTION("handshake-timing", option_boolean, TlsOptions, connection.manners.timing,           \
               "Tell in `:connection-info` how long the handshake took. Default `false`."),         \
        OPTION("timeout", option_seconds, TlsOptions, connection.timeout,                           \
               "Seconds for the whole call, name resolution and TCP included. Default: none."),     \
        OPTION("handshake-timeout", option_seconds, TlsOptions,                                     \
               connection.manners.handshake_timeout, "Seconds for the handshake. Default 30."),     \
        OPTION("close-timeout", option_seconds, TlsOptions, connection.manners.close_timeout,       \
               "Seconds that closing waits for the peer's close_notify. Default 1."),               \
        OPTION(                                                                                     \
            "handshake", option_boolean, TlsOptions, connection.handshake,                          \
            "`false` puts the handshake off to the first read or write, or to `(:handshake s)`. "   \
            "Default `true`."),                                                                     \
        OPTION_WITH(                                                                                \
            "truncation", parse_truncation, truncation_words, TlsOptions,                           \
            connection.manners.truncation_is_eof,                                                   \
            "What a connection is that ends without close_notify: an `:error` (default) or "        \
            "an `:eof`, for protocols that mark their own end."),                                   \
        OPTION("context", option_any, TlsOptions, context,                                          \
               "A context from `tls/new-context`, in place of the options that make one.")

static const OptionRow rows[] = {
    OPTION("cert", parse_texts, TlsOptions, settings.certificates,
           "Own certificate, with its chain after it: path or PEM. Required of servers. An array of "
           "several, RSA and ECDSA say, gives each peer what it takes."),
    OPTION("key", parse_texts, TlsOptions, settings.keys,
           "Private key of `:cert`: path or PEM; an array for an array. Required with it."),
    OPTION("password", option_text, TlsOptions, settings.password,
           "Password of an encrypted `:key`."),
    OPTION("verify", parse_verify, TlsOptions, settings.verify,
           "Verify the other side's certificate. Default: `true` for clients, `false` for servers, "
           "which ask for a client's certificate and require it with `true`, and ask only with "
           "`:optional`. Without verification anybody can be the other side."),
    OPTION("ca", option_text, TlsOptions, settings.ca, "The same as `:ca-file`."),
    OPTION("trusted-cert", option_text, TlsOptions, settings.trusted,
           "Trust this certificate by itself, self-signed ones above all: path or PEM. Its names "
           "and dates are still checked."),
    OPTION(
        "alpn", parse_alpn, TlsOptions, settings.alpn,
        "Application protocols to agree on (RFC 7301), e.g. `[\"h2\" \"http/1.1\"]`, the preferred "
        "first. Without one in common the handshake fails."),
    OPTION_WITH(
        "security", option_nested, &security_set, TlsOptions, settings,
        "Table of `:min-version :max-version :ciphers :ciphersuites :curves :security-level "
        ":ca-file :ca-path`, which are also taken beside it."),
    SECURITY_ROWS,
    OPTION("renegotiation", option_boolean, TlsOptions, settings.renegotiation,
           "Let TLS 1.2 peers ask for a renegotiation. Default `false`."),
    CONNECTION_ROWS,
};
const OptionSet tls_option_set = OPTION_SET(rows);

static const OptionRow beside_rows[] = {CONNECTION_ROWS};
static const OptionSet beside_set = {beside_rows, sizeof beside_rows / sizeof *beside_rows,
                                     " beside :context, which has been made"};

void tls_options_init(TlsOptions *options) {
    memset(options, 0, sizeof *options);
    context_settings_init(&options->settings);
    options->context = janet_wrap_nil();
    options->connection = (ConnectionOptions){
        .manners = {.handshake_timeout = HANDSHAKE_TIMEOUT,
                    .close_timeout = CLOSE_TIMEOUT,
                    .nodelay = true},
        .timeout = INFINITY,
        .handshake = true,
    };
}

/* --- choosing --- */

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
    options_read(function, &beside_set, table, &options);
    *connection = options.connection;
    return context;
}

static TlsContext *make_context(const char *function, TlsOptions *options) {
    Failure failure;
    options->settings.read_ahead = (size_t)options->connection.manners.buffer_size;
    TlsContext *made = janet_abstract(&tls_context_type, sizeof *made);
    memset(made, 0, sizeof *made);
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
    *connection = options.connection;
    return make_context(function, &options);
}

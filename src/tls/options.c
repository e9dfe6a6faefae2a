#include "tls/options.h"

#include "base/args.h"
#include "base/raise.h"
#include "context/argument.h"
#include "context/layout.h"
#include "context/parse.h"
#include "context/rows.h"

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

static const OptionRange tickets_range = {0, 16};
static const OptionRange lifetime_range = {1, 604800}; /* RFC 8446, 4.6.1 */
static const OptionRange buffer_range = {1024, 1 << 20};

/* Accepted in :security and outside of it. */
static const OptionRow version_rows[] = {
    SETTING_OPTION_WITH(
        "min-version", option_word, version_words, min_version,
        "Oldest protocol version allowed, `:TLS1_2` or `:TLS1_3`. Default: `MinProtocol` of "
        "openssl.cnf, but TLS 1.2 at least. Older ones, such as `:TLS1_0`, are a floor: they are "
        "negotiated with `:security-level 0` only."),
    SETTING_OPTION_WITH(
        "max-version", option_word, version_words, max_version,
        "Newest protocol version allowed. Default: `MaxProtocol` of openssl.cnf, or the newest."),
    SETTING_OPTION("ciphersuites", option_name, ciphersuites,
                   "Cipher suites of TLS 1.3, separated by colons."),
};
static const OptionSet version_set = OPTION_SET(version_rows);
static const OptionSet *const security_parts[] = {&version_set, &rows_strength, NULL};
static const OptionSet security_set = OPTION_SET_OF(security_parts);

static const OptionRow tcp_rows[] = {
    OPTION_WITH(
        "buffer-size", option_integer, &buffer_range, ContextOptions,
        connection.settings.buffer_size,
        "Maximum number of bytes to encrypt or read ahead at a time, 1024 to 1048576. Default "
        "16384 for each connection, besides buffers that connections share."),
    OPTION("tcp-nodelay", option_boolean, ContextOptions, connection.settings.nodelay,
           "Send small records at once (TCP_NODELAY). Default `true`."),
    OPTION("close-timeout", option_seconds, ContextOptions, connection.settings.close_timeout,
           "Seconds that `ev/close` waits for the kernel to take all written data. The socket "
           "then lingers in the background for as long, for a peer that has not ended. Default "
           "1."),
    OPTION("truncation", parse_truncation, ContextOptions, connection.settings.truncation_is_eof,
           "Result of a connection that ends without close_notify: `:error` (default), or `:eof` "
           "for protocols that mark their own end."),
};
static const OptionSet tcp_set = OPTION_SET(tcp_rows);

/* Of connections that we accept or make ourselves. */
static const OptionRow proxy_rows[] = {
    OPTION("proxy-protocol", parse_networks, ContextOptions, connection.proxy.trusted,
           "Servers behind a balancer: array of the networks that it connects from, such as "
           "`[\"10.0.0.0/8\"]`, or `:unix` for unix sockets. Connections from there have to begin "
           "with a header of the PROXY protocol, version 1 or 2, and `net/peername` then gives the "
           "client's address. Others must not have one. Default: none."),
    OPTION("send-proxy", parse_send_proxy, ContextOptions, connection.proxy,
           "Clients that relay: struct of `:peername` and `:localname`, those of the connection "
           "that is relayed as `net/peername` and `net/localname` give them. A header of the PROXY "
           "protocol is sent before TLS, of `:version` 1 or 2 (default)."),
};
static const OptionSet proxy_set = OPTION_SET(proxy_rows);

static const OptionRow rows[] = {
    OPTION_WITH(
        "security", option_nested, &security_set, ContextOptions, settings,
        "Table of `:min-version :max-version :ciphers :ciphersuites :curves :security-level "
        ":ca-file :ca-path`, which are also accepted outside of it."),
    SETTING_OPTION_AT(
        "sni", parse_sni, hosts, hosts,
        "Servers: table of host names to options or contexts, for virtual hosts. "
        "\"*.a.example\" matches one more label. `:default` serves all other names; without it, "
        "the listener's own certificate does. A host given as options inherits the settings "
        "that it lacks: certificate, key and password together; `:ca-file`, `:ca-path` and "
        "`:trusted-cert` together; every other one by itself. Sessions and timeouts belong to "
        "the listener alone."),
    SETTING_OPTION_WITH(
        "session-tickets", option_integer, &tickets_range, tickets,
        "Servers: number of tickets to send after a TLS 1.3 handshake, 0 to 16. Default 1."),
    SETTING_OPTION_WITH(
        "session-timeout", option_integer, &lifetime_range, session_lifetime,
        "Seconds after its full handshake during which a session can be resumed, 604800 (a week) "
        "at most. Default 7200. Its life also ends when a certificate of the peer's verified chain "
        "expires, and no new ticket extends it. A full handshake follows then. Clients and servers "
        "each apply their own."),
    SETTING_OPTION(
        "certificate-compression", parse_switch, certificate_compression,
        "`false` neither sends nor accepts compressed certificates (TLS 1.3, RFC 8879). By default "
        "they are used with peers that accept them, where OpenSSL can: see `features`."),
    SETTING_OPTION(
        "post-handshake-auth", parse_switch, post_handshake_auth,
        "Clients: let servers ask for `:cert` after the handshake too (TLS 1.3). Default "
        "`false`."),
    SETTING_OPTION("renegotiation", parse_switch, renegotiation,
                   "Let TLS 1.2 peers start a renegotiation. Default `false`."),
};
static const OptionSet *const parts[] = {&rows_identity,
                                         &rows_trust,
                                         &version_set,
                                         &rows_strength,
                                         &rows_extension,
                                         &rows_store,
                                         &rows_questions,
                                         &rows_connection,
                                         &tcp_set,
                                         &proxy_set,
                                         NULL};
const OptionSet tls_option_set = {rows, sizeof rows / sizeof *rows, NULL, parts, &layout_both};
static const OptionSet *const all_parts[] = {&tls_option_set, NULL};
const OptionSet tls_client_set = OPTION_SET_LAID_OUT(all_parts, &layout_client);
const OptionSet tls_server_set = OPTION_SET_LAID_OUT(all_parts, &layout_server);

static const OptionSet *const beside_parts[] = {&rows_connection, &tcp_set, &proxy_set, NULL};
const OptionSet tls_beside_set = {
    NULL, 0, " beside :context, where only options of a connection are allowed", beside_parts,
    NULL};

static const JanetAbstractType context_type = CONTEXT_OBJECT_TYPE("jsec/tls-context");

const ContextKind tls_kind = {
    .type = &context_type,
    .set = &tls_option_set,
    .context_set = &tls_option_set,
    .beside = &tls_beside_set,
    .protocol = "TLS",
    .wanted = "options or TLS context",
};

Context *tls_choose(const char *function, const OptionSet *set, const Janet *argv, int32_t argc,
                    int32_t n, ConnectionOptions *connection) {
    ContextOptions options;
    ContextKind kind = tls_kind;
    kind.set = set;
    context_options_init(&options);
    Context *context = argument_context(function, &kind, argv, argc, n, &options);
    *connection = options.connection;
    return context;
}

static bool has_type(const char *function, const Janet *argv, int32_t argc) {
    if (argc < 3) return false;
    if (janet_checktype(argv[2], JANET_NIL)) return argc > 3;
    if (!janet_checktype(argv[2], JANET_KEYWORD)) return false;
    if (janet_keyeq(argv[2], "datagram")) {
        raise_format(function, "TLS needs a stream, not :datagram: for datagrams there is DTLS, in "
                               "the module jsec/dtls");
    }
    if (!janet_keyeq(argv[2], "stream"))
        raise_type(function, 2, ":stream, options or TLS context", argv[2]);
    return true;
}

int32_t tls_options_slot(const char *function, const Janet *argv, int32_t argc) {
    int32_t slot = has_type(function, argv, argc) ? 3 : 2;
    args_arity(function, argc, 2, slot + 1);
    return slot;
}

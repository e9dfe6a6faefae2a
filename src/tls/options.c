#include "tls/options.h"

#include "tls/parse.h"

#include <math.h>
#include <string.h>

#define HANDSHAKE_TIMEOUT 30.0 /* seconds */
#define CLOSE_TIMEOUT 1.0

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

static const OptionRange level_range = {0, 5};
static const OptionRange depth_range = {0, 100};
static const OptionRange tickets_range = {0, 16};
static const OptionRange cache_range = {0, INT32_MAX};
static const OptionRange lifetime_range = {1, 604800}; /* RFC 8446, 4.6.1 */
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
#define CONNECTION_ROWS                                                                               \
    OPTION("session", parse_session, TlsOptions, connection.session,                                  \
           "Clients: a session from `get-session` to resume, of the same host and verification."),    \
        OPTION(                                                                                       \
            "on-session", option_function, TlsOptions, connection.on_session,                         \
            "Clients: function called with each session the server gives, as `get-session` has it."), \
        OPTION(                                                                                       \
            "hostname", option_text, TlsOptions, connection.hostname,                                 \
            "Name to ask the server for (SNI). Default: the host connected to, \"localhost\" for "    \
            "unix sockets."),                                                                         \
        OPTION(                                                                                       \
            "verify-hostname", option_text, TlsOptions, connection.verify_hostname,                   \
            "Name or IP address that the server's certificate has to bear. Default: `:hostname`."),   \
        OPTION_WITH(                                                                                  \
            "buffer-size", option_integer, &buffer_range, TlsOptions,                                 \
            connection.manners.buffer_size,                                                           \
            "Bytes sealed or read ahead at most at a time, 1024 to 1048576. Default 16384 for "       \
            "each connection; what is shared between connections does not count."),                   \
        OPTION("tcp-nodelay", option_boolean, TlsOptions, connection.manners.nodelay,                 \
               "Send small records at once (TCP_NODELAY). Default `true`."),                          \
        OPTION("handshake-timing", option_boolean, TlsOptions, connection.manners.timing,             \
               "Tell in `:connection-info` how long the handshake took. Default `false`."),           \
        OPTION("timeout", option_seconds, TlsOptions, connection.timeout,                             \
               "Seconds for the whole call, name resolution and TCP included. Default: none."),       \
        OPTION("handshake-timeout", option_seconds, TlsOptions,                                       \
               connection.manners.handshake_timeout, "Seconds for the handshake. Default 30."),       \
        OPTION("close-timeout", option_seconds, TlsOptions, connection.manners.close_timeout,         \
               "Seconds that closing waits for the peer's close_notify. Default 1."),                 \
        OPTION(                                                                                       \
            "handshake", option_boolean, TlsOptions, connection.handshake,                            \
            "`false` puts the handshake off to the first read or write, or to `(:handshake s)`. "     \
            "Default `true`."),                                                                       \
        OPTION("truncation", parse_truncation, TlsOptions, connection.manners.truncation_is_eof,      \
               "What a connection is that ends without close_notify: an `:error` (default) or "       \
               "an `:eof`, for protocols that mark their own end."),                                  \
        OPTION("context", option_any, TlsOptions, context,                                            \
               "A context from `tls/new-context`, in place of the options that make one.")

static const OptionRow rows[] = {
    OPTION(
        "cert", parse_texts, TlsOptions, settings.certificates,
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
    OPTION("purpose", parse_purpose, TlsOptions, settings.purpose,
           "What the other side's certificate has to be good for: `:server`, `:client` or `:any`. "
           "Default: by its role."),
    OPTION_WITH("verify-depth", option_integer, &depth_range, TlsOptions, settings.depth,
                "Intermediate CAs in the chain at most. Default 100."),
    OPTION("verify-time", parse_time, TlsOptions, settings.time,
           "Seconds since the epoch to verify dates at, in place of now."),
    OPTION("crl", parse_texts, TlsOptions, settings.crls,
           "Certificate revocation lists, path or PEM, or an array of them: one of each CA in the "
           "chain is required then."),
    OPTION("pins", parse_pins, TlsOptions, settings.pins,
           "Array of \"sha256//...\", Base64 of the SHA-256 of public keys "
           "(SubjectPublicKeyInfo), one of which the verified chain has to hold; with `:verify "
           "false` the certificate itself."),
    OPTION("sni", parse_sni, TlsOptions, hosts,
           "Servers: table of host name to options or context, for virtual hosts. \"*.a.example\" "
           "serves one label more, `:default` what no other does; without it the options' own "
           "certificate. A host has its own identity, trust, versions and groups; sessions, "
           "timeouts and the like are the listener's."),
    OPTION("ticket-keys", parse_blobs, TlsOptions, settings.ticket_keys,
           "Servers: keys to seal session tickets with, 48 or 80 bytes each or paths of files of "
           "them, shared by a fleet; the first seals, all open. Default: random ones. See "
           "`tls/set-ticket-keys`."),
    OPTION_WITH("session-tickets", option_integer, &tickets_range, TlsOptions, settings.tickets,
                "Servers: tickets given after a TLS 1.3 handshake, 0 to 16. Default 1."),
    OPTION_WITH("session-cache-size", option_integer, &cache_range, TlsOptions,
                settings.session_cache,
                "Servers: sessions kept for clients without tickets; 0 keeps none. Default 20480."),
    OPTION_WITH("session-timeout", option_integer, &lifetime_range, TlsOptions,
                settings.session_lifetime,
                "Seconds that a session can be resumed, 604800 (a week) at most. Default 7200."),
    OPTION(
        "ocsp", parse_ocsp, TlsOptions, settings.ocsp,
        "Clients: ask the server to staple an OCSP response and check it: with `true` if it does, "
        "with `:require` refusing a server that doesn't. Default `false`."),
    OPTION("ocsp-response", parse_staple, TlsOptions, staple,
           "Servers: OCSP response to staple, DER or path, or a function without arguments that "
           "returns one or nil, called for each handshake whose client asks; it may not wait. See "
           "`set-ocsp-response`."),
    OPTION("keylog", parse_keylog, TlsOptions, settings.keylog,
           "File to append the connections' secrets to, for Wireshark and its like; `true`: the "
           "one that the environment variable SSLKEYLOGFILE names, if it does. Who has it reads "
           "everything."),
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
const OptionSet tls_beside_set = {beside_rows, sizeof beside_rows / sizeof *beside_rows,
                                  " beside :context, which has been made"};

void tls_options_init(TlsOptions *options) {
    memset(options, 0, sizeof *options);
    context_settings_init(&options->settings);
    options->context = options->hosts = options->staple = janet_wrap_nil();
    options->connection = (ConnectionOptions){
        .manners = {.handshake_timeout = HANDSHAKE_TIMEOUT,
                    .close_timeout = CLOSE_TIMEOUT,
                    .nodelay = true},
        .on_session = janet_wrap_nil(),
        .on_staple = janet_wrap_nil(),
        .timeout = INFINITY,
        .handshake = true,
    };
}

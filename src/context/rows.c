#include "context/rows.h"

#include "context/parse.h"

static const OptionRange level_range = {0, 5};
static const OptionRange depth_range = {0, 100};
static const OptionRange count_range = {1, INT32_MAX};
static const OptionRange cache_range = {0, INT32_MAX};

static const OptionRow identity_rows[] = {
    SETTING_OPTION(
        "cert", parse_sources, certificates,
        "Own certificate, followed by its chain: path, PEM or DER. Servers need one. Of an "
        "array, RSA and ECDSA for example, each peer gets the one it accepts."),
    SETTING_OPTION(
        "key", parse_keys, keys,
        "Private key of `:cert`: path, PEM, DER, `crypto/key` or the URI of a key in a store "
        "(`\"pkcs11:token=web;object=key\"`), or an array if `:cert` is one. Required with "
        "`:cert`."),
    SETTING_OPTION_AT(
        "signer", parse_signers, signers, signer,
        "In place of `:key`: a function that signs with a key elsewhere, which may wait, as "
        "`{:sign (fn [request] ...) :public pem}`, or an array of them. See `tls/new-context`."),
    SETTING_OPTION("password", option_secret, password,
                   "Password of an encrypted `:key`, or PIN of a token."),
};
const OptionSet rows_identity = OPTION_SET(identity_rows);

static const OptionRow trust_rows[] = {
    SETTING_OPTION(
        "verify", parse_verify, verify,
        "Verify the peer's certificate. Default: `true` for clients, `false` for servers. A "
        "server with `true` requires a certificate from each client, with `:optional` it asks "
        "for one. Without verification, any attacker can be the peer."),
    SETTING_OPTION("ca", parse_source, ca, "The same as `:ca-file`."),
    SETTING_OPTION(
        "trusted-cert", parse_source, trusted,
        "Trust this certificate by itself, a self-signed one for example: path, PEM or DER. Its "
        "names and dates are still checked."),
    SETTING_OPTION(
        "purpose", parse_purpose, purpose,
        "Purpose that the peer's certificate must allow: `:server`, `:client` or `:any`. "
        "Default: the role of the peer."),
    SETTING_OPTION_AT(
        "client-ca-names", parse_client_ca_names, client_ca_names, settings,
        "Servers that verify: names of CAs to send to clients, which choose a certificate by "
        "them. `true` (default): those of the CAs to trust, but none if they exceed the 64 KB "
        "of a handshake. `false`: none. A path, PEM or DER, or an array of them: the names of "
        "these certificates."),
    SETTING_OPTION("strict", parse_switch, strict,
                   "Refuse chains that break a rule of RFC 5280 that most verifiers ignore: a CA "
                   "without keyUsage or key identifiers, for example. Default `false`."),
    SETTING_OPTION_WITH("verify-depth", option_integer, &depth_range, depth,
                        "Maximum number of intermediate CAs in the chain. Default 100."),
    SETTING_OPTION("verify-time", parse_time, time,
                   "Time to check dates at, in seconds since the epoch. Default: now."),
    SETTING_OPTION(
        "crl", parse_sources, crls,
        "Certificate revocation lists: path, PEM or DER, or an array of them. Each CA in the "
        "chain must then have a current one."),
    SETTING_OPTION(
        "pins", parse_pins, pins,
        "Array of \"sha256//...\", Base64 of the SHA-256 of public keys (SubjectPublicKeyInfo). "
        "The verified chain must contain one of these keys; with `:verify false`, the "
        "certificate itself must have it."),
};
const OptionSet rows_trust = OPTION_SET(trust_rows);

static const OptionRow question_rows[] = {
    SETTING_OPTION_AT(
        "on-hello", option_function, asks_hello, connection.questions.hello,
        "Servers: function that is called with each ClientHello and decides with what the server "
        "goes on. It may wait. See `tls/new-context`."),
    SETTING_OPTION_AT(
        "on-verify", option_function, verify_function, connection.questions.verify,
        "Function that is called after the verification of a peer's certificate, and may refuse "
        "the peer. It may wait. See `tls/new-context`."),
    {"max-asking", option_integer, "option_integer",
     offsetof(ContextOptions, connection.questions.max_asking), &count_range,
     "Servers: maximum number of handshakes at a time that wait for `:on-hello`, `:on-verify` or "
     "for a function as `:ocsp-response`. More are refused, or go on without a staple. Default "
     "1000.",
     false, SETTING_FLAGS_asks_hello},
};
const OptionSet rows_questions = OPTION_SET(question_rows);

static const OptionRow store_rows[] = {
    SETTING_OPTION(
        "ticket-keys", parse_blobs, ticket_keys,
        "Servers: keys that encrypt session tickets, 48 or 80 bytes each or paths of files of "
        "them, shared by a fleet. The first encrypts, all decrypt. Default: random keys. See "
        "`set-ticket-keys`."),
    SETTING_OPTION_WITH(
        "session-cache-size", option_integer, &cache_range, session_cache,
        "Servers: maximum number of sessions kept for clients without tickets; 0 keeps none. "
        "Default 20480."),
};
const OptionSet rows_store = OPTION_SET(store_rows);

static const OptionRow extension_rows[] = {
    SETTING_OPTION(
        "ocsp", parse_ocsp, ocsp,
        "Clients: ask the server to staple an OCSP response and check it: with `true` if it does, "
        "with `:require` refusing a server that doesn't. Default `false`."),
    SETTING_OPTION("ocsp-max-age", option_seconds, ocsp_max_age,
                   "Clients: seconds for which an OCSP response that names no next update counts, "
                   "from its thisUpdate on. Default: 7 days."),
    SETTING_OPTION_AT(
        "ocsp-response", parse_staple, staple, staple,
        "Servers: OCSP response to staple: DER, its path, or a function without arguments that "
        "returns one or nil. The function is called in each handshake whose client asks, and "
        "may wait; if it raises, the handshake goes on without a staple. See "
        "`set-ocsp-response`."),
    SETTING_OPTION(
        "keylog", parse_keylog, keylog,
        "File to append the secrets of connections to, for Wireshark and similar tools; `true` "
        "takes the path in the environment variable SSLKEYLOGFILE, if it is set. The file "
        "decrypts all recorded traffic. A full disk loses lines, never the connection."),
    SETTING_OPTION(
        "alpn", parse_alpn, alpn,
        "Application protocols (ALPN, RFC 7301), the preferred first: `[\"h2\" \"http/1.1\"]`, "
        "for example. Without one in common the handshake fails."),
};
const OptionSet rows_extension = OPTION_SET(extension_rows);

static const OptionRow strength_rows[] = {
    SETTING_OPTION(
        "ciphers", option_name, ciphers,
        "Cipher suites of TLS 1.2, as an OpenSSL cipher list; the server's order decides. "
        "Default: suites with forward secrecy and authenticated encryption, or OpenSSL's own "
        "list with `:security-level 0`. Suites without certificates (aNULL) need `:verify "
        "false` and no `:pins`."),
    SETTING_OPTION("curves", option_name, groups,
                   "Groups for the key exchange, separated by colons, the preferred first."),
    SETTING_OPTION_WITH(
        "security-level", option_integer, &level_range, security_level,
        "OpenSSL's security level, 0 to 5. Default: that of OpenSSL's configuration."),
    SETTING_OPTION(
        "legacy-server-connect", parse_switch, legacy_server,
        "Clients: connect to servers without secure renegotiation (RFC 5746). An attacker can then "
        "put data before the client's. Default `false`."),
    SETTING_OPTION(
        "ca-file", parse_source, ca,
        "Certificates to trust instead of the system's CAs: path, PEM or DER. Each is an "
        "anchor, self-signed or not."),
    SETTING_OPTION("ca-path", option_text, ca_path,
                   "Directory of CA certificates with hashed names (`openssl rehash`)."),
};
const OptionSet rows_strength = OPTION_SET(strength_rows);

static const OptionRow connection_rows[] = {
    OPTION_SECRET(
        "session", parse_session, ContextOptions, connection.session,
        "Clients: a session from `get-session` to resume, made with the same host and the same "
        "verification."),
    OPTION("on-session", option_function, ContextOptions, connection.on_session,
           "Clients: function called with each session that the server sends, in the form of "
           "`get-session`."),
    OPTION("hostname", option_text, ContextOptions, connection.hostname,
           "Name to send to the server (SNI). Default: the host connected to, or \"localhost\" for "
           "unix sockets."),
    OPTION("verify-hostname", option_text, ContextOptions, connection.verify_hostname,
           "Name or IP address that the server's certificate must contain. Default: `:hostname`."),
    OPTION("handshake-timing", option_boolean, ContextOptions, connection.settings.timing,
           "Measure how long the handshake takes, for `:connection-info`. Default `false`."),
    OPTION("timeout", option_seconds, ContextOptions, connection.timeout,
           "Seconds for the whole call, including name resolution and TCP. Default: no limit."),
    OPTION("handshake-timeout", option_seconds, ContextOptions,
           connection.settings.handshake_timeout, "Seconds for the handshake. Default 30."),
    OPTION("handshake", option_boolean, ContextOptions, connection.handshake,
           "`false` postpones the handshake to the first read or write, or to `(:handshake s)`. "
           "Default `true`."),
    OPTION("context", option_any, ContextOptions, context,
           "A context from `new-context`, instead of the options that make one."),
};
const OptionSet rows_connection = OPTION_SET(connection_rows);

#include "context/rows.h"

#include "context/parse.h"

static const OptionRange level_range = {0, 5};
static const OptionRange depth_range = {0, 100};
static const OptionRange cache_range = {0, INT32_MAX};

static const OptionRow identity_rows[] = {
    SETTING_OPTION(
        "cert", parse_sources, certificates,
        "Own certificate, with its chain after it: path, PEM or DER. Required of servers. An array of "
        "several, RSA and ECDSA say, gives each peer what it takes."),
    SETTING_OPTION("key", parse_sources, keys,
                   "Private key of `:cert`: path, PEM or DER; an array for an array. Required with "
                   "it."),
    SETTING_OPTION("password", option_secret, password, "Password of an encrypted `:key`."),
};
const OptionSet rows_identity = OPTION_SET(identity_rows);

static const OptionRow trust_rows[] = {
    SETTING_OPTION(
        "verify", parse_verify, verify,
        "Verify the other side's certificate. Default: `true` for clients, `false` for servers, "
        "which ask for a client's certificate and require it with `true`, and ask only with "
        "`:optional`. Without verification anybody can be the other side."),
    SETTING_OPTION("ca", parse_source, ca, "The same as `:ca-file`."),
    SETTING_OPTION(
        "trusted-cert", parse_source, trusted,
        "Trust this certificate by itself, self-signed ones above all: path, PEM or DER. Its names "
        "and dates are still checked."),
    SETTING_OPTION(
        "purpose", parse_purpose, purpose,
        "What the other side's certificate has to be good for: `:server`, `:client` or `:any`. "
        "Default: by its role."),
    SETTING_OPTION_AT(
        "client-ca-names", parse_client_ca_names, client_ca_names, settings,
        "Servers that verify: the names of CAs sent to clients, by which they choose a certificate. "
        "`true` (default): those of the CAs given to trust, or none where they exceed the 64 KB of "
        "a handshake; `false`: none; a path, PEM or DER, or an array of them: those of these "
        "certificates."),
    SETTING_OPTION_WITH("verify-depth", option_integer, &depth_range, depth,
                        "Intermediate CAs in the chain at most. Default 100."),
    SETTING_OPTION("verify-time", parse_time, time,
                   "Seconds since the epoch to verify dates at, in place of now."),
    SETTING_OPTION(
        "crl", parse_sources, crls,
        "Certificate revocation lists, path, PEM or DER, or an array of them: one of each CA in the "
        "chain is required then."),
    SETTING_OPTION(
        "pins", parse_pins, pins,
        "Array of \"sha256//...\", Base64 of the SHA-256 of public keys "
        "(SubjectPublicKeyInfo), one of which the verified chain has to hold; with `:verify "
        "false` the certificate itself."),
};
const OptionSet rows_trust = OPTION_SET(trust_rows);

static const OptionRow store_rows[] = {
    SETTING_OPTION(
        "ticket-keys", parse_blobs, ticket_keys,
        "Servers: keys to seal session tickets with, 48 or 80 bytes each or paths of files of "
        "them, shared by a fleet; the first seals, all open. Default: random ones. See "
        "`set-ticket-keys`."),
    SETTING_OPTION_WITH(
        "session-cache-size", option_integer, &cache_range, session_cache,
        "Servers: sessions kept for clients without tickets; 0 keeps none. Default 20480."),
};
const OptionSet rows_store = OPTION_SET(store_rows);

static const OptionRow extension_rows[] = {
    SETTING_OPTION(
        "ocsp", parse_ocsp, ocsp,
        "Clients: ask the server to staple an OCSP response and check it: with `true` if it does, "
        "with `:require` refusing a server that doesn't. Default `false`."),
    SETTING_OPTION_AT(
        "ocsp-response", parse_staple, staple, staple,
        "Servers: OCSP response to staple, DER or path, or a function without arguments that "
        "returns one or nil, called for each handshake whose client asks; it may not wait. See "
        "`set-ocsp-response`."),
    SETTING_OPTION(
        "keylog", parse_keylog, keylog,
        "File to append the connections' secrets to, for Wireshark and its like; `true`: the "
        "one that the environment variable SSLKEYLOGFILE names, if it does. Who has it reads "
        "everything. Where the disk is full lines are lost, never the connection."),
    SETTING_OPTION(
        "alpn", parse_alpn, alpn,
        "Application protocols to agree on (RFC 7301), e.g. `[\"h2\" \"http/1.1\"]`, the preferred "
        "first. Without one in common the handshake fails."),
};
const OptionSet rows_extension = OPTION_SET(extension_rows);

static const OptionRow strength_rows[] = {
    SETTING_OPTION(
        "ciphers", option_name, ciphers,
        "Cipher suites of TLS 1.2, as OpenSSL's cipher lists; a server's order decides. Default: those "
        "with forward secrecy and authenticated encryption, or OpenSSL's own with :security-level 0. "
        "Suites without certificates (aNULL) count with `:verify false` and without `:pins` only."),
    SETTING_OPTION("curves", option_name, groups,
                   "Groups for the key exchange, separated by colons, the preferred first."),
    SETTING_OPTION_WITH("security-level", option_integer, &level_range, security_level,
                        "OpenSSL's security level, 0 to 5."),
    SETTING_OPTION("ca-file", parse_source, ca,
                   "Certificates of the CAs to trust in place of the system's: path, PEM or DER."),
    SETTING_OPTION("ca-path", option_text, ca_path,
                   "Directory of CA certificates under their hashed names (`openssl rehash`)."),
};
const OptionSet rows_strength = OPTION_SET(strength_rows);

static const OptionRow connection_rows[] = {
    OPTION_SECRET(
        "session", parse_session, ContextOptions, connection.session,
        "Clients: a session from `get-session` to resume, of the same host and verification."),
    OPTION("on-session", option_function, ContextOptions, connection.on_session,
           "Clients: function called with each session the server gives, as `get-session` has it."),
    OPTION("hostname", option_text, ContextOptions, connection.hostname,
           "Name to ask the server for (SNI). Default: the host connected to, \"localhost\" for "
           "unix sockets."),
    OPTION("verify-hostname", option_text, ContextOptions, connection.verify_hostname,
           "Name or IP address that the server's certificate has to bear. Default: `:hostname`."),
    OPTION("handshake-timing", option_boolean, ContextOptions, connection.settings.timing,
           "Tell in `:connection-info` how long the handshake took. Default `false`."),
    OPTION("timeout", option_seconds, ContextOptions, connection.timeout,
           "Seconds for the whole call, name resolution and TCP included. Default: none."),
    OPTION("handshake-timeout", option_seconds, ContextOptions,
           connection.settings.handshake_timeout, "Seconds for the handshake. Default 30."),
    OPTION("handshake", option_boolean, ContextOptions, connection.handshake,
           "`false` puts the handshake off to the first read or write, or to `(:handshake s)`. "
           "Default `true`."),
    OPTION("context", option_any, ContextOptions, context,
           "A context from `tls/new-context`, in place of the options that make one."),
};
const OptionSet rows_connection = OPTION_SET(connection_rows);

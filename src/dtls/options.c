#include "dtls/options.h"

#include "context/layout.h"
#include "context/parse.h"
#include "context/rows.h"
#include "core/tls/datagram.h"

#include <math.h>

#define IDLE_TIMEOUT 300.0 /* seconds */
#define MAX_SESSIONS 16384
#define MAX_PER_HOST 4096

static const OptionWord version_words[] = {
    {"DTLS1_2", DTLS1_2_VERSION},  {"DTLS1.2", DTLS1_2_VERSION},
    {"DTLSv1.2", DTLS1_2_VERSION}, {"DTLS1_0", DTLS1_VERSION},
    {"DTLS1.0", DTLS1_VERSION},    {"DTLSv1.0", DTLS1_VERSION},
    {"DTLSv1", DTLS1_VERSION},     {NULL, 0},
};

static const OptionRange lifetime_range = {1, 604800};
static const OptionRange mtu_range = {256, DATAGRAM_MAX_MTU};
static const OptionRange count_range = {1, INT32_MAX};

/* Accepted in :security and outside of it. */
static const OptionRow version_rows[] = {
    SETTING_OPTION_WITH(
        "min-version", option_word, version_words, min_version,
        "Oldest protocol version allowed, `:DTLS1_2` or `:DTLS1_0`. Default: `MinProtocol` of "
        "openssl.cnf, but DTLS 1.2 at least. `:DTLS1_0` is a floor: DTLS 1.0 is negotiated with "
        "`:security-level 0` only."),
    SETTING_OPTION_WITH(
        "max-version", option_word, version_words, max_version,
        "Newest protocol version allowed. Default: `MaxProtocol` of openssl.cnf, or the newest."),
};
static const OptionSet version_set = OPTION_SET(version_rows);
static const OptionSet *const security_parts[] = {&version_set, &rows_strength, NULL};
static const OptionSet security_set = OPTION_SET_OF(security_parts);

static void parse_sni_either(const OptionSite *site, Janet value, void *field) {
    ContextOptions *options = field;
    if (janet_checktypes(value, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        option_text(site, value, &options->sni);
    } else if (janet_checktypes(value, JANET_TFLAG_DICTIONARY)) {
        options->hosts = value;
    } else {
        option_refuse(site, "host name, or table of host name to options or context", value);
    }
}

static void parse_retransmit(const OptionSite *site, Janet value, void *field) {
    double seconds = janet_checktype(value, JANET_NUMBER) ? janet_unwrap_number(value) : NAN;
    if (!(seconds >= 0.02 && seconds <= 60)) {
        option_refuse(site, "seconds from 0.02 to 60", value);
    }
    *(double *)field = seconds;
}

static const OptionRow datagram_rows[] = {
    OPTION_WITH(
        "mtu", option_integer, &mtu_range, ContextOptions, connection.settings.mtu,
        "Maximum number of bytes in a handshake datagram, without the IP and UDP headers, 256 "
        "to 16384. Default 1200. Data is never split: each write is one datagram."),
    OPTION("retransmit", parse_retransmit, ContextOptions, connection.settings.retransmit,
           "Seconds until an unanswered part of the handshake is sent again for the first time, "
           "0.02 to 60. Each further wait is twice as long, within a limit that lets all twelve "
           "tries of OpenSSL fit into `:handshake-timeout`. Default 0.25."),
};
static const OptionSet datagram_set = OPTION_SET(datagram_rows);

static const OptionRow name_rows[] = {
    OPTION("sni", option_text, ContextOptions, sni, "The same as `:hostname`."),
};
static const OptionSet name_set = OPTION_SET(name_rows);

static const OptionRow context_rows[] = {
    OPTION_WITH("security", option_nested, &security_set, ContextOptions, settings,
                "Table of `:min-version :max-version :ciphers :curves :security-level :ca-file "
                ":ca-path`, which are also accepted outside of it."),
    {"sni", parse_sni_either, "parse_sni_either", 0, NULL,
     "Clients: the same as `:hostname`. Servers: table of host names to options or contexts, "
     "for virtual hosts. \"*.a.example\" matches one more label. `:default` serves all other "
     "names; without it, the listener's own certificate does. A host given as options inherits "
     "the settings that it lacks: certificate, key and password together; `:ca-file`, "
     "`:ca-path` and `:trusted-cert` together; every other one by itself. Sessions and timeouts "
     "belong to the listener alone.",
     false, SETTING_FLAGS_hosts},
    SETTING_OPTION_WITH(
        "session-lifetime", option_integer, &lifetime_range, session_lifetime,
        "Seconds after its full handshake during which a session can be resumed, 604800 (a week) "
        "at most. Default 7200. Its life also ends when a certificate of the peer's verified chain "
        "expires, and no new ticket extends it. A full handshake follows then. Clients and servers "
        "each apply their own."),
};

static const OptionSet *const context_parts[] = {
    &rows_identity, &rows_trust,     &version_set,     &rows_strength, &rows_extension,
    &rows_store,    &rows_questions, &rows_connection, &datagram_set,  NULL};
const OptionSet dtls_context_options = {context_rows, sizeof context_rows / sizeof *context_rows,
                                        NULL, context_parts, &layout_both};

static const OptionSet *const beside_parts[] = {&rows_connection, &datagram_set, &name_set, NULL};
static const OptionSet beside_set = {
    NULL, 0, " beside :context, where only options of a connection are allowed", beside_parts,
    NULL};

static const OptionSet *const client_parts[] = {&dtls_context_options, NULL};
/* Its own :sni, a name only, hides that of both roles. */
const OptionSet dtls_client_options = {name_rows, sizeof name_rows / sizeof *name_rows, NULL,
                                       client_parts, &layout_datagram_client};

static const OptionRow server_rows[] = {
    OPTION("session-timeout", option_seconds, DtlsOptions, server.idle_timeout,
           "Seconds without a datagram from a peer until its session ends. Default 300. Below the "
           "longest wait before a retransmission, 2.9 by default, the session of a client that "
           "lost the last datagram of the handshake can end before the client repeats its own."),
    OPTION_WITH(
        "max-sessions", option_integer, &count_range, DtlsOptions, server.max_sessions,
        "Maximum number of sessions, including handshakes. Further peers get no answer to their "
        "ClientHello. Default 16384."),
    OPTION_WITH("max-sessions-per-host", option_integer, &count_range, DtlsOptions,
                server.max_per_host,
                "The same for one IP address, or one IPv6 network of 64 bits. Default 4096."),
    OPTION("share-port", option_boolean, DtlsOptions, server.share_port,
           "Listen beside other servers of this port, which must share it too: the kernel "
           "distributes the peers among them. Default `false`: raises \"Address already in use\"."),
    OPTION("on-error", option_function_of_two, DtlsOptions, server.on_error,
           "Function called with the error text of each failed handshake. A Janet function that "
           "takes a second argument gets a struct, as that of `tls/accept-loop`: `:peername`, "
           "`:stage` (`:handshake`), `:server-name`. Default: the texts are dropped."),
};
static const OptionSet server_set = OPTION_SET(server_rows);
static const OptionSet *const listen_parts[] = {&dtls_context_options, &server_set, NULL};
const OptionSet dtls_listen_options = OPTION_SET_LAID_OUT(listen_parts, &layout_server);
static const OptionSet *const listen_beside_parts[] = {&rows_connection, &datagram_set, &server_set,
                                                       NULL};
static const OptionSet listen_beside_set = {
    NULL, 0, " beside :context, where only options of a connection are allowed",
    listen_beside_parts, NULL};

static const JanetAbstractType context_type = CONTEXT_OBJECT_TYPE("jsec/dtls-context");

const ContextKind dtls_kind = {
    .type = &context_type,
    .set = &dtls_context_options,
    .context_set = &dtls_context_options,
    .beside = &beside_set,
    .protocol = "DTLS",
    .wanted = "options or DTLS context",
    .datagram = true,
};

const ContextKind dtls_connect_kind = {
    .type = &context_type,
    .set = &dtls_client_options,
    .context_set = &dtls_context_options,
    .beside = &beside_set,
    .protocol = "DTLS",
    .wanted = "options or DTLS context",
    .datagram = true,
};

const ContextKind dtls_server_kind = {
    .type = &context_type,
    .set = &dtls_listen_options,
    .context_set = &dtls_context_options,
    .beside = &listen_beside_set,
    .protocol = "DTLS",
    .wanted = "options or DTLS context",
    .datagram = true,
};

void dtls_options_init(DtlsOptions *options) {
    context_options_init(&options->context);
    options->server = (ServerOptions){
        .idle_timeout = IDLE_TIMEOUT,
        .max_sessions = MAX_SESSIONS,
        .max_per_host = MAX_PER_HOST,
        .on_error = janet_wrap_nil(),
    };
}

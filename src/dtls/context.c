/* Contexts for DTLS. */
#include "base/module.h"
#include "context/entry.h"
#include "context/reload.h"
#include "dtls/options.h"
#include "register.h"

FUNCTION(
    dtls_new_context, "dtls/new-context", "&opt opts",
    "Make a DTLS context from options, once, for any number of connections, as "
    "`tls/new-context` does for TLS. `dtls/connect`, `dtls/listen` and "
    "`dtls-stream/upgrade` accept it instead of options. Options of a single connection "
    "or server can stand beside it: `{:context ctx :hostname \"...\"}`.\n\n"
    "Returns the context, which threads may share. A context with a function "
    "(`:on-session`, `:on-hello`, `:on-verify`, `:ocsp-response`) stays in its thread. What "
    "these functions get and return is described with `tls/new-context`. Raises when an option "
    "is unknown, has a value of a wrong type, or names something that is missing or does not "
    "fit.\n\n"
    "Options:",
    &dtls_context_options) {
    DtlsOptions options;
    dtls_options_init(&options);
    return entry_new_context(function, &dtls_kind, argc, argv, &options.context);
}

FUNCTION(dtls_trust_cert, "dtls-stream/trust-cert", "ctx cert",
         "Trust one more certificate by itself, such as a self-signed one, in a context from "
         "`dtls/new-context`. `cert` is PEM, DER or a path. See `tls-stream/trust-cert`; "
         "either function accepts both kinds of context. Returns the context. Raises when "
         "`cert` is not a certificate.",
         NULL) {
    return entry_trust_cert(function, &dtls_kind, argc, argv);
}

FUNCTION(dtls_set_ticket_keys, "dtls/set-ticket-keys", "ctx keys",
         "Replace the keys by which a context from `dtls/new-context` encrypts session "
         "tickets: an array of up to 8, each 48 or 80 random bytes or the path of a file of "
         "them, the new one first. See `tls/set-ticket-keys`. Returns the context. Raises when "
         "a key has another length.",
         NULL) {
    return entry_set_ticket_keys(function, &dtls_kind, argc, argv);
}

FUNCTION(dtls_reload, "dtls/reload", "ctx &opt opts",
         "Replace what a context from `dtls/new-context` was made of, without a restart: read its "
         "files again or, with `opts`, take other options. All of it is replaced, or nothing. New "
         "peers get the new state, open sessions go on, and clients resume their sessions. See "
         "`tls/reload`. Returns the context. Raises when a file is missing or does not fit, and "
         "for options that `dtls/new-context` does not take or that belong to a connection.",
         NULL) {
    DtlsOptions options;
    dtls_options_init(&options);
    return entry_reload(function, &dtls_kind, argc, argv, &options.context);
}

static const Function *const functions[] = {
    &function_dtls_new_context,
    &function_dtls_trust_cert,
    &function_dtls_set_ticket_keys,
    &function_dtls_reload,
    NULL,
};

void dtls_context_register(JanetTable *env) {
    module_register(env, functions);
}

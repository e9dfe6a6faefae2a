/* Contexts for DTLS. */
#include "base/module.h"
#include "dtls/options.h"
#include "register.h"

static Janet cfun_dtls_new_context(int32_t argc, Janet *argv) {
    DtlsOptions options;
    dtls_options_init(&options);
    return context_make("dtls/new-context", &dtls_kind, argc, argv, &options.context);
}

static Janet cfun_dtls_trust_cert(int32_t argc, Janet *argv) {
    return context_trust_more("dtls-stream/trust-cert", &dtls_kind, argc, argv);
}

static Janet cfun_dtls_set_ticket_keys(int32_t argc, Janet *argv) {
    return context_replace_keys("dtls/set-ticket-keys", &dtls_kind, argc, argv);
}

static const FunctionRow functions[] = {
    {"dtls/new-context", cfun_dtls_new_context,
     "(dtls/new-context &opt opts)\n\n"
     "Make options into a DTLS context, once, for any number of connections, as `tls/new-context` does for TLS. "
     "`dtls/connect`, `dtls/listen` and `dtls-stream/upgrade` take it in place of options; options of a single "
     "connection or server can be given beside it as `{:context ctx :hostname \"...\"}`.\n\n"
     "Returns the context, which threads can share. Raises when an option is unknown, has a value of a wrong type, or names "
     "something that is missing or does not fit.\n\nOptions:",
     &dtls_context_options},
    {"dtls-stream/trust-cert", cfun_dtls_trust_cert,
     "(dtls-stream/trust-cert ctx cert)\n\n"
     "Trust one more certificate, by itself, in a context from `dtls/new-context`: a self-signed one, say. `cert` is PEM, "
     "DER or a path. See `tls-stream/trust-cert`; either function takes either kind of context. Returns the "
     "context. Raises when `cert` is no certificate.",
     NULL},
    {"dtls/set-ticket-keys", cfun_dtls_set_ticket_keys,
     "(dtls/set-ticket-keys ctx keys)\n\n"
     "Replace the keys that a context from `dtls/new-context` seals session tickets with: an array of up to 8, each 48 or "
     "80 random bytes or the path of a file of them, the new one first. See `tls/set-ticket-keys`. Returns the "
     "context. Raises when a key is of another length.",
     NULL},
    {NULL, NULL, NULL, NULL},
};

void dtls_context_register(JanetTable *env) {
    module_functions(env, functions);
}

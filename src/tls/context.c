/* Contexts for TLS. */
#include "base/module.h"
#include "register.h"
#include "tls/options.h"

FUNCTION(tls_new_context, "tls/new-context", "&opt opts",
         "Make options into a TLS context, once, for any number of connections: parse "
         "certificates and keys, check that they belong together, load the trusted CAs. "
         "`tls/connect`, `tls/accept`, `tls/accept-loop`, `tls/upgrade` and `tls/wrap` take it "
         "in place of options; options of a single connection can be given beside it as "
         "`{:context ctx :hostname \"...\"}`.\n\n"
         "Returns the context. It does not change when the files that it was made of do. Threads "
         "share it: a function given to `ev/thread` takes it along, with the functions of jsec "
         "that it calls, and `ev/give` passes it. One with `:on-session` stays in its thread, as "
         "streams and listeners do. Raises when an option is unknown, has a value of a wrong "
         "type, or names something that is missing or does not fit: nothing waits for the "
         "handshake.\n\n"
         "Options:",
         &tls_option_set) {
    ContextOptions options;
    context_options_init(&options);
    return context_make(function, &tls_kind, argc, argv, &options);
}

FUNCTION(tls_trust_cert, "tls-stream/trust-cert", "ctx cert",
         "Trust one more certificate, by itself, in a context from `tls/new-context`: a "
         "self-signed one, say. `cert` is PEM, DER or a path. The certificate's names and dates "
         "are still checked. A client goes on trusting what it trusted before, the system's CAs "
         "if no other were given; a server that verifies trusts this certificate and what it was "
         "given. Other threads may use the context meanwhile: their connections that begin later "
         "trust it too.\n\n"
         "Returns the context. Raises when `cert` is no certificate.",
         NULL) {
    return context_trust_more(function, &tls_kind, argc, argv);
}

FUNCTION(tls_set_ticket_keys, "tls/set-ticket-keys", "ctx keys",
         "Replace the keys that a context from `tls/new-context` seals session tickets with: "
         "rotation. `keys` is an array of up to 8, each 48 or 80 random bytes or the path of a "
         "file of them (nginx's format). The first seals, all open, so put the new one first and "
         "keep the old ones for as long as tickets live. Connections that are open go on. "
         "Returns the context. Raises when a key is of another length.",
         NULL) {
    return context_replace_keys(function, &tls_kind, argc, argv);
}

static const Function *const functions[] = {
    &function_tls_new_context,
    &function_tls_trust_cert,
    &function_tls_set_ticket_keys,
    NULL,
};

void tls_context_register(JanetTable *env) {
    module_register(env, functions);
}

/* stats: counts of a context's connections, for operators. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/tls/context_data.h"
#include "net/listener.h"
#include "register.h"
#include "tls/listener.h"
#include "tls/options.h"

static const Context *context_of(const char *function, const Janet *argv) {
    const Context *context = janet_checkabstract(argv[0], tls_kind.type);
    if (context) return context;
    if (!janet_checkabstract(argv[0], &janet_stream_type)) {
        raise_type(function, 0, "TLS context or listener", argv[0]);
    }
    const ServerOptions *own = tls_listener_options(janet_unwrap_abstract(argv[0]));
    if (!own) raise_format(function, "the listener was made without the options of a TLS server");
    return own->context;
}

static void put_count(JanetKV *counts, const char *name, Count *count) {
    janet_struct_put(counts, janet_ckeywordv(name), janet_wrap_number((double)atomic_load(count)));
}

FUNCTION(tls_stats, "tls/stats", "context-or-listener",
         "Count the connections of a context from `tls/new-context`, of all threads, or those of a "
         "listener's context if `tls/listen` was given the options of a server. Options that are "
         "equal share a context, and so its counts. Returns a struct:\n\n"
         "* `:handshakes` - handshakes that succeeded, as client and as server\n"
         "* `:resumed` - those among them that resumed a session\n"
         "* `:failed` - handshakes that failed or timed out\n"
         "* `:refused` - connections that `tls/accept-loop` dropped before or during their "
         "handshake: for a limit, or since they sent nothing in time\n"
         "* `:open` - connections whose handshake is done, and which are not closed\n"
         "* `:handlers` - handlers of `tls/accept-loop` that run; 0 after a loop has ended and "
         "its last handler has\n\n"
         "Never waits. Raises for other values, and for a listener without such options.",
         NULL) {
    args_arity(function, argc, 1, 1);
    Stats *stats = context_slot_stats(context_of(function, argv)->slot);
    JanetKV *counts = janet_struct_begin(6);
    put_count(counts, "handshakes", &stats->handshakes);
    put_count(counts, "resumed", &stats->resumed);
    put_count(counts, "failed", &stats->failed);
    put_count(counts, "refused", &stats->refused);
    put_count(counts, "open", &stats->open);
    put_count(counts, "handlers", &stats->handlers);
    return janet_wrap_struct(janet_struct_end(counts));
}

static const Function *const functions[] = {
    &function_tls_stats,
    NULL,
};

void tls_stats_register(JanetTable *env) {
    module_register(env, functions);
}

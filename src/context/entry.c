#include "context/entry.h"

#include "base/args.h"
#include "base/raise.h"
#include "context/argument.h"
#include "context/parse.h"

#include <openssl/crypto.h>
#include <string.h>

/* Approximate size of an SSL_CTX in bytes, for Janet's collector. */
#define NATIVE_SIZE (20 << 10)

static bool copy_name(Bytes *name) {
    if (!name->data) return true;
    name->data = OPENSSL_memdup(name->data, name->length + 1);
    return name->data;
}

Janet entry_new_context(const char *function, const ContextKind *kind, int32_t argc,
                        const Janet *argv, ContextOptions *options) {
    args_arity(function, argc, 0, 1);
    if (argc) options_read(function, kind->set, argv[0], options);
    if (!janet_checktype(options->context, JANET_NIL)) {
        raise_format(function, "a context can't be made of another: leave :context out");
    }
    Failure failure;
    argument_finish(function, kind, options);
    /* A function belongs to its thread, and so does a context that holds one. */
    bool shared = janet_checktype(options->connection.on_session, JANET_NIL) &&
                  !questions_given(&options->connection.questions);
    Context *self = (shared ? janet_abstract_threaded : janet_abstract)(kind->type, sizeof *self);
    memset(self, 0, sizeof *self);
    self->connection.on_session = janet_wrap_nil();
    questions_init(&self->connection.questions);
    /* Not from the cache: trust-cert may change it. */
    self->slot = context_slot_new(&options->settings, &failure);
    if (!self->slot) raise_failure(function, &failure);
    self->connection = options->connection;
    /* Each one is replaced, since the collector frees the copies. */
    bool copied = copy_name(&self->connection.hostname);
    copied = copy_name(&self->connection.verify_hostname) && copied;
    copied = copy_name(&self->connection.session) && copied;
    if (!copied) raise_format(function, "out of memory");
    janet_gcpressure(NATIVE_SIZE);
    return janet_wrap_abstract(self);
}

static Context *get_context(const char *function, const ContextKind *kind, const Janet *argv,
                            int32_t n) {
    return raise_unless_abstract(function, argv, n, kind->type);
}

Janet entry_trust_cert(const char *function, const ContextKind *kind, int32_t argc,
                       const Janet *argv) {
    args_arity(function, argc, 2, 2);
    Context *self = context_object(argv[0]);
    if (!self) self = get_context(function, kind, argv, 0); /* raises */
    if (!janet_checktypes(argv[1], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        raise_type(function, 1, "string or buffer", argv[1]);
    }
    Failure failure;
    if (!context_slot_trust(self->slot, value_bytes(argv[1]), &failure)) {
        raise_failure(function, &failure);
    }
    return argv[0];
}

Janet entry_set_ticket_keys(const char *function, const ContextKind *kind, int32_t argc,
                            const Janet *argv) {
    static const OptionRow row = {.name = "ticket-keys", .secret = true};
    OptionSite site = {function, &row};
    BytesList keys;
    Failure failure;
    args_arity(function, argc, 2, 2);
    Context *self = get_context(function, kind, argv, 0);
    parse_blobs(&site, argv[1], &keys);
    if (!context_slot_set_ticket_keys(self->slot, &keys, &failure)) {
        raise_failure(function, &failure);
    }
    return argv[0];
}

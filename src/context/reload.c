#include "context/reload.h"

#include "base/args.h"
#include "base/raise.h"
#include "context/argument.h"

#include <string.h>

/* The context's object has the options of connections, and other threads read them. */
static void refuse_connection_options(const char *function, const ContextKind *kind, Janet table) {
    const OptionRow *row;
    for (size_t i = 0; (row = options_row(kind->beside, i)); i++) {
        if (janet_checktype(janet_get(table, janet_ckeywordv(row->name)), JANET_NIL)) continue;
        raise_format(function, "option :%s: it is a connection's, give it beside the context",
                     row->name);
    }
}

/* Handshakes that wait have asked the function, so it stays. */
static void refuse_questions(const char *function, Janet table) {
    static const char *const names[] = {"on-hello", "on-verify", "max-asking"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (janet_checktype(janet_get(table, janet_ckeywordv(names[i])), JANET_NIL)) continue;
        raise_format(function, "option :%s: a reload keeps what the context has, leave it out",
                     names[i]);
    }
}

/* Threads share the object of a context without functions, so it can't get one. */
JANET_NO_RETURN static void refuse_function(const char *function, const char *what) {
    raise_format(function,
                 "%s: make the context with one, as threads may share a context without functions",
                 what);
}

/* Handshakes that began before go on with the function of before. */
static void take_signers(Questions *questions, Janet signers) {
    questions->former = questions->signers;
    questions->signers = signers;
}

static void check_functions(const char *function, const Context *self,
                            const ContextOptions *options) {
    bool given = janet_checktype(options->connection.questions.staple, JANET_FUNCTION);
    bool has = janet_checktype(self->connection.questions.staple, JANET_FUNCTION);
    if (given && !has) refuse_function(function, "a function as :ocsp-response");
    given = !janet_checktype(options->connection.questions.signers, JANET_NIL);
    has = questions_given(&self->connection.questions);
    if (given && !has) refuse_function(function, ":signer");
}

static void reload_with(const char *function, const ContextKind *kind, Context *self, Janet given,
                        ContextOptions *options) {
    Failure failure;
    if (!options_given(given)) raise_type(function, 1, "options", given);
    refuse_connection_options(function, kind, given);
    refuse_questions(function, given);
    options_read(function, kind->context_set, given, options);
    if (options->sni.data) raise_format(function, ":sni, expected a table of virtual hosts");
    argument_finish(function, kind, options);
    check_functions(function, self, options);
    if (!context_slot_reload(self->slot, &options->settings, &failure)) {
        raise_failure(function, &failure);
    }
    if (options->settings.staple_on_demand) {
        self->connection.questions.staple = options->connection.questions.staple;
    }
    if (questions_given(&self->connection.questions)) {
        take_signers(&self->connection.questions, options->connection.questions.signers);
    }
}

Janet entry_reload(const char *function, const ContextKind *kind, int32_t argc, const Janet *argv,
                   ContextOptions *options) {
    Failure failure;
    args_arity(function, argc, 1, 2);
    Context *self = raise_unless_abstract(function, argv, 0, kind->type);
    if (argc > 1 && !janet_checktype(argv[1], JANET_NIL)) {
        reload_with(function, kind, self, argv[1], options);
    } else if (!context_slot_reread(self->slot, &failure)) {
        raise_failure(function, &failure);
    }
    return argv[0];
}

#include "stream/asker.h"

#include "base/call.h"
#include "core/tls/ocsp.h"
#include "register.h"

/* Facts are described in the fiber, too: they can be too malformed to be described. */
static const char asker_source[] = "(fn ask [function describe answer refuse inquiry]\n"
                                   "  (try\n"
                                   "    (if-let [arguments (describe inquiry)]\n"
                                   "      (answer inquiry (function ;arguments)))\n"
                                   "    ([err fiber] (refuse inquiry err fiber))))";

/* Compiled when the module is loaded: a handshake goes on where no Janet code may run. */
static _Thread_local JanetFunction *ask_function;

/* --- inquiries --- */

/* What a fiber has of its asker, which a timeout or a close may end meanwhile. */
typedef struct Inquiry {
    Asker *asker; /* NULL: an answer has no effect any more */
} Inquiry;

static int collect_inquiry(void *pointer, size_t size) {
    (void)size;
    const Inquiry *inquiry = pointer;
    if (inquiry->asker) inquiry->asker->inquiry = NULL;
    return 0;
}

static const JanetAbstractType inquiry_type = {.name = "jsec/inquiry", .gc = collect_inquiry};

static Asker *get_asker(const Janet *argv, int32_t argc, int32_t wanted) {
    janet_fixarity(argc, wanted);
    return ((Inquiry *)janet_getabstract(argv, 0, &inquiry_type))->asker;
}

/* --- ClientHellos --- */

#define MAX_SHOWN_ERROR 300

static void refuse_hello(Asker *asker, const char *why) {
    hello_question_refuse(&asker->engine->hello, SSL_AD_INTERNAL_ERROR, why);
}

/* The function's error is the reason why this handshake fails. */
static void fail_hello(Asker *asker, Janet error, JanetFiber *fiber) {
    Failure failure;
    (void)fiber;
    failure_set(&failure, "handshake failed: :on-hello: %.*s", MAX_SHOWN_ERROR,
                (const char *)janet_to_string(error));
    refuse_hello(asker, failure.text);
}

static void decline_hello(Asker *asker) {
    refuse_hello(asker, "handshake failed: :max-asking others wait for :on-hello");
}

/* --- verdicts --- */

static void refuse_peer(Asker *asker, const char *why) {
    verdict_refuse(&asker->engine->verdict, why, true);
}

static void fail_verdict(Asker *asker, Janet error, JanetFiber *fiber) {
    Failure failure;
    (void)fiber;
    failure_set(&failure, ":on-verify: %.*s", MAX_SHOWN_ERROR,
                (const char *)janet_to_string(error));
    refuse_peer(asker, failure.text);
}

static void decline_verdict(Asker *asker) {
    refuse_peer(asker, ":max-asking others wait for :on-verify");
}

/* --- staples --- */

/* nil: there is none now. */
static void take_staple(Asker *asker, Janet response) {
    JanetByteView view;
    Failure failure;
    if (!janet_bytes_view(response, &view.bytes, &view.len) || !view.bytes) return;
    if (ocsp_staple(asker->engine->ssl, (Bytes){view.bytes, (size_t)view.len}, &failure)) return;
    janet_eprintf("tls: no staple: %s\n", failure.text);
}

/* The handshake goes on without a staple. */
static void report_no_staple(Asker *asker, Janet error, JanetFiber *fiber) {
    (void)asker;
    janet_stacktrace(fiber, error);
}

/* --- signatures --- */

static void refuse_signature(Asker *asker, const char *why) {
    signature_question_refuse(&asker->engine->signature, why);
}

static void fail_signature(Asker *asker, Janet error, JanetFiber *fiber) {
    Failure failure;
    (void)fiber;
    failure_set(&failure, "handshake failed: %s%.*s",
                asker->engine->signature.signer ? ":signer: " : "", MAX_SHOWN_ERROR,
                (const char *)janet_to_string(error));
    refuse_signature(asker, failure.text);
}

static void decline_signature(Asker *asker) {
    refuse_signature(asker, "handshake failed: :max-asking others wait for :signer, or a reload "
                            "took its function away");
}

/* --- questions --- */

typedef struct QuestionKind {
    Janet (*find)(const Asker *asker);     /* the function; nil: there is none */
    Janet (*describe)(const Asker *asker); /* the function's argument; NULL: it has none */
    void (*answer)(Asker *asker, Janet answer);
    void (*fail)(Asker *asker, Janet error, JanetFiber *fiber); /* the function raised */
    void (*decline)(Asker *asker); /* there is no function, or too many others wait */
} QuestionKind;

static Janet find_hello(const Asker *asker) {
    return asker->questions->hello;
}

static Janet find_staple(const Asker *asker) {
    return asker->questions->staple;
}

static Janet find_verify(const Asker *asker) {
    return asker->questions->verify;
}

static Janet find_signer(const Asker *asker) {
    const void *address = asker->engine->signature.signer;
    if (!address) return janet_wrap_cfunction(signature_sign_stored);
    Janet found = signer_find(asker->questions, address);
    const Context *chosen = context_object(asker->chosen);
    if (!chosen || !janet_checktype(found, JANET_NIL)) return found;
    return signer_find(&chosen->connection.questions, address);
}

static const QuestionKind kinds[] = {
    [QUESTION_HELLO] = {find_hello, hello_describe, hello_answer, fail_hello, decline_hello},
    [QUESTION_STAPLE] = {find_staple, NULL, take_staple, report_no_staple, NULL},
    [QUESTION_SIGNATURE] = {find_signer, signature_describe, signature_answer, fail_signature,
                            decline_signature},
    [QUESTION_VERDICT] = {find_verify, judgement_describe, judgement_answer, fail_verdict,
                          decline_verdict},
};

static const QuestionKind *kind_of(const Asker *asker) {
    return kinds + asker->engine->asked;
}

static Janet cfun_describe(int32_t argc, Janet *argv) {
    Asker *asker = get_asker(argv, argc, 1);
    if (!asker) return janet_wrap_nil();
    Janet (*describe)(const Asker *asker) = kind_of(asker)->describe;
    Janet argument = describe ? describe(asker) : janet_wrap_nil();
    return janet_wrap_tuple(janet_tuple_n(&argument, describe ? 1 : 0));
}

static void go_on(Asker *asker) {
    asker_stop(asker);
    engine_answer(asker->engine);
    asker->kind->go_on(asker);
}

static Janet cfun_answer(int32_t argc, Janet *argv) {
    Asker *asker = get_asker(argv, argc, 2);
    if (!asker) return janet_wrap_nil();
    kind_of(asker)->answer(asker, argv[1]);
    go_on(asker);
    return janet_wrap_nil();
}

static Janet cfun_refuse(int32_t argc, Janet *argv) {
    Asker *asker = get_asker(argv, argc, 3);
    if (!asker) return janet_wrap_nil();
    kind_of(asker)->fail(asker, argv[1], janet_getfiber(argv, 2));
    go_on(asker);
    return janet_wrap_nil();
}

/* --- asking --- */

static void run_function(Asker *asker, Janet function) {
    Inquiry *inquiry = janet_abstract(&inquiry_type, sizeof *inquiry);
    Janet call[] = {function, janet_wrap_cfunction(cfun_describe),
                    janet_wrap_cfunction(cfun_answer), janet_wrap_cfunction(cfun_refuse),
                    janet_wrap_abstract(inquiry)};
    inquiry->asker = asker;
    asker->inquiry = inquiry;
    janet_schedule(call_new_fiber(ask_function, 5, call), janet_wrap_nil());
}

/* A client's handshakes are the program's own. */
static bool has_max_asking(const Asker *asker) {
    return SSL_is_server(asker->engine->ssl) &&
           atomic_load(&asker->stats->asking) >= asker->questions->max_asking;
}

/* True: the engine has its answer already. */
static bool ask(Asker *asker) {
    if (asker->asks) return false;
    const QuestionKind *kind = kind_of(asker);
    Janet function = kind->find(asker);
    if (janet_checktype(function, JANET_NIL) || has_max_asking(asker)) {
        if (kind->decline) kind->decline(asker);
        engine_answer(asker->engine);
        return true;
    }
    asker->asks = true;
    atomic_fetch_add(&asker->stats->asking, 1);
    run_function(asker, function);
    return false;
}

EngineStatus asker_handshake(Asker *asker) {
    EngineStatus status;
    do {
        status = engine_handshake(asker->engine);
    } while (status == ENGINE_WANTS_ANSWER && ask(asker));
    return status;
}

void asker_mark(const Asker *asker) {
    janet_mark(asker->chosen);
}

void asker_stop(Asker *asker) {
    if (asker->inquiry) asker->inquiry->asker = NULL;
    asker->inquiry = NULL;
    if (asker->asks) atomic_fetch_sub(&asker->stats->asking, 1);
    asker->asks = false;
}

void asker_register(JanetTable *env) {
    (void)env;
    ask_function = call_compile(asker_source);
    janet_gcroot(janet_wrap_function(ask_function));
}

/* Verifies certificates without a connection. */
#include "core/pki/chain.h"
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/pem.h"
#include "pki/options.h"
#include "pki/values.h"
#include "pki/verification.h"
#include "register.h"

#include <openssl/err.h>

typedef struct ChainOptions {
    VerificationOptions verification; /* first, for the shared part */
    Janet intermediates;
    Bytes host;
} ChainOptions;

static const OptionRow option_rows[] = {
    OPTION("intermediates", pki_option_certificates, ChainOptions, intermediates,
           "Intermediate certificates, not trusted by themselves; in the same forms."),
    OPTION("host", option_text, ChainOptions, host,
           "DNS name or IP address that the certificate must name in its subjectAltName."),
};
static const OptionSet *const parts[] = {&verification_options, NULL};
static const OptionSet options_set = OPTION_SET_WITH(option_rows, parts);

/* What a call owns while it runs. */
typedef struct ChainCall {
    STACK_OF(X509) * given, *intermediates;
    VerificationInputs inputs;
} ChainCall;

static void free_call(ChainCall *call) {
    sk_X509_pop_free(call->given, X509_free);
    sk_X509_pop_free(call->intermediates, X509_free);
    verification_free(&call->inputs);
}

/* Certificates that follow the leaf in its own text are intermediates, as servers send them. */
static bool load_call(ChainCall *call, Bytes leaf, const ChainOptions *options, Failure *failure) {
    call->given = pem_load_certificates(leaf, NULL, failure);
    if (!call->given) return false;
    call->intermediates = values_certificates(options->intermediates, NULL, failure);
    if (!call->intermediates) return false;
    for (int i = 1; i < sk_X509_num(call->given); i++) {
        X509 *certificate = sk_X509_value(call->given, i);
        if (!X509_up_ref(certificate) || !sk_X509_push(call->intermediates, certificate)) {
            return failure_set(failure, "out of memory");
        }
    }
    return verification_load(&options->verification, &call->inputs, failure);
}

static ChainQuery make_query(const ChainCall *call, const ChainOptions *options) {
    int purpose = options->host.data ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_ANY;
    ChainQuery query = verification_query(&options->verification, &call->inputs, purpose);
    query.leaf = sk_X509_value(call->given, 0);
    query.intermediates = call->intermediates;
    query.host = (const char *)options->host.data;
    query.hints = (VerifyHints){.authority = ":roots", .itself = ":roots"};
    return query;
}

/* False when out of memory. */
static bool make_answer(const ChainAnswer *answer, Janet *value) {
    JanetTable *table = janet_table(4);
    Janet chain = janet_wrap_nil();
    if (answer->valid && !values_pems(answer->chain, &chain)) return false;
    janet_table_put(table, janet_ckeywordv("valid"), janet_wrap_boolean(answer->valid));
    if (answer->valid) {
        janet_table_put(table, janet_ckeywordv("chain"), chain);
    } else {
        janet_table_put(table, janet_ckeywordv("reason"), janet_cstringv(answer->reason));
        janet_table_put(table, janet_ckeywordv("depth"), janet_wrap_integer(answer->depth));
        janet_table_put(table, janet_ckeywordv("code"), janet_wrap_integer(answer->code));
    }
    *value = janet_wrap_struct(janet_table_to_struct(table));
    return true;
}

FUNCTION(cert_verify_chain, "cert/verify-chain", "cert &opt opts",
         "Verify a certificate, PEM, DER or a path, up to a trusted certificate (RFC 5280): "
         "signatures, "
         "dates, basic constraints, key usage, name constraints, and the checks that the options "
         "add. TLS connections and `crypto/cms-verify` apply the same rules. Certificates that "
         "follow the first in `cert` count as intermediates. The trusted certificates are the "
         "system's CAs unless :roots gives others; `[]` trusts none. The purpose is :server with "
         ":host, else :any, by default. Returns `{:valid true :chain [pem …]}`, the certificate "
         "itself first, the anchor last, or `{:valid false :reason text :depth n :code number}`: "
         "depth 0 is the certificate itself, code OpenSSL's X509_V_ERR. Without :host the "
         "certificate may be of any peer: always give it to verify a peer's name. Raises only "
         "when an argument can't be read.",
         &options_set) {
    args_arity(function, argc, 1, 2);
    Bytes leaf = args_bytes(function, argv, 0);
    ChainOptions options = {.verification = verification_defaults(),
                            .intermediates = janet_wrap_nil()};
    options_read(function, &options_set, args_options(argv, argc, 1), &options);

    Failure failure;
    ChainCall call = {.given = NULL};
    ChainAnswer answer = {.valid = false};
    Janet result = janet_wrap_nil();
    bool done = load_call(&call, leaf, &options, &failure);
    if (done) {
        ChainQuery query = make_query(&call, &options);
        done = chain_verify(&query, &answer, &failure);
    }
    if (done) done = make_answer(&answer, &result) || failure_set(&failure, "out of memory");
    sk_X509_pop_free(answer.chain, X509_free);
    free_call(&call);
    if (!done) raise_failure(function, &failure);
    return result;
}

static const Function *const functions[] = {
    &function_cert_verify_chain,
    NULL,
};

void chain_register(JanetTable *env) {
    module_register(env, functions);
}

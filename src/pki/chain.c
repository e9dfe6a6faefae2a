/* Verifying certificates without a connection. */
#include "core/pki/chain.h"
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/pem.h"
#include "pki/options.h"
#include "pki/values.h"
#include "register.h"

#include <math.h>
#include <openssl/err.h>

typedef struct ChainOptions {
    Janet roots, intermediates, crls;
    Bytes host;
    double time;
    int purpose;
    int32_t depth, security_level;
    bool partial;
} ChainOptions;

static const OptionRange depth_range = {0, 100};
static const OptionRange level_range = {0, 5};

static const OptionWord purposes[] = {
    {"server", X509_PURPOSE_SSL_SERVER}, {"client", X509_PURPOSE_SSL_CLIENT},
    {"email", X509_PURPOSE_SMIME_SIGN},  {"timestamp", X509_PURPOSE_TIMESTAMP_SIGN},
    {"any", X509_PURPOSE_ANY},           {NULL, 0},
};

static const OptionRow option_rows[] = {
    OPTION("roots", pki_option_certificates, ChainOptions, roots,
           "Trusted certificates: PEM (several in one text or not) or DER, or a list of these. The "
           "system's by default; none with []."),
    OPTION("intermediates", pki_option_certificates, ChainOptions, intermediates,
           "Certificates that may stand between, not trusted by themselves; the same forms."),
    OPTION("host", option_text, ChainOptions, host,
           "DNS name or IP address that the certificate must name in its subjectAltName."),
    OPTION("time", pki_option_date, ChainOptions, time,
           "Moment of the verification, now by default: seconds since the epoch, or a date."),
    OPTION_WITH("purpose", option_word, purposes, ChainOptions, purpose,
                "What the extended key usage must allow: :server (default with :host), :client, "
                ":email, :timestamp or :any (default without)."),
    OPTION_WITH("depth", option_integer, &depth_range, ChainOptions, depth,
                "Intermediates at most, 100 by default."),
    OPTION("crls", pki_option_certificates, ChainOptions, crls,
           "Revocation lists, PEM or DER. When given, one must be there of the issuer of the "
           "certificate; other CAs' are heeded where they are there."),
    OPTION_WITH("security-level", option_integer, &level_range, ChainOptions, security_level,
                "OpenSSL's, from 0 to 5; 2 by default: RSA keys of 2048 bits and up, no SHA-1."),
    OPTION("partial-chain", option_boolean, ChainOptions, partial,
           "Whether a certificate in :roots is trusted even if it is no self-signed root; false by "
           "default."),
};
static const OptionSet options_set = OPTION_SET(option_rows);

/* What a call owns while it runs. */
typedef struct ChainCall {
    STACK_OF(X509) * given, *roots, *intermediates;
    STACK_OF(X509_CRL) * crls;
} ChainCall;

static void free_call(ChainCall *call) {
    sk_X509_pop_free(call->given, X509_free);
    sk_X509_pop_free(call->roots, X509_free);
    sk_X509_pop_free(call->intermediates, X509_free);
    sk_X509_CRL_pop_free(call->crls, X509_CRL_free);
}

static bool load_crls(ChainCall *call, Janet list, Failure *failure) {
    call->crls = sk_X509_CRL_new_null();
    if (!call->crls) return failure_set(failure, "out of memory");
    for (int32_t i = 0; i < values_count(list); i++) {
        if (!pem_add_crls(call->crls, values_item(list, i), failure)) return false;
    }
    return true;
}

/* Certificates that follow the leaf in its own text are intermediates, as servers send them. */
static bool load(ChainCall *call, Bytes leaf, const ChainOptions *options, Failure *failure) {
    bool has_roots = !janet_checktype(options->roots, JANET_NIL);
    call->given = pem_certificates(leaf, failure);
    if (!call->given) return false;
    if (has_roots && !(call->roots = values_certificates(options->roots, failure))) return false;
    call->intermediates = values_certificates(options->intermediates, failure);
    if (!call->intermediates) return false;
    for (int i = 1; i < sk_X509_num(call->given); i++) {
        X509 *certificate = sk_X509_value(call->given, i);
        if (!X509_up_ref(certificate) || !sk_X509_push(call->intermediates, certificate)) {
            return failure_set(failure, "out of memory");
        }
    }
    return load_crls(call, options->crls, failure);
}

static ChainQuery query_of(const ChainCall *call, const ChainOptions *options) {
    int by_default = options->host.data ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_ANY;
    return (ChainQuery){
        .leaf = sk_X509_value(call->given, 0),
        .roots = call->roots,
        .intermediates = call->intermediates,
        .crls = call->crls,
        .host = (const char *)options->host.data,
        .purpose = options->purpose ? options->purpose : by_default,
        .depth = options->depth,
        .security_level = options->security_level,
        .has_time = isfinite(options->time),
        .time = isfinite(options->time) ? (int64_t)options->time : 0,
        .partial = options->partial,
    };
}

/* False when out of memory. */
static bool answer_value(const ChainAnswer *answer, Janet *value) {
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
         "Verify a certificate, PEM or DER, up to a trusted root (RFC 5280, with OpenSSL's "
         "strict checks): signatures, dates, basic constraints, key usage, name "
         "constraints, and what the options ask. Certificates that follow the first in "
         "`cert` count as intermediates. Returns `{:valid true :chain [pem …]}`, the "
         "certificate itself first, the root last, or `{:valid false :reason text :depth n "
         ":code number}`: depth 0 is the certificate itself, code OpenSSL's X509_V_ERR. "
         "Without :host the certificate may be anyone's: always give it when a peer's name "
         "is at stake. Raises only when an argument can't be read.",
         &options_set) {
    janet_arity(argc, 1, 2);
    Bytes leaf = args_bytes(argv, 0);
    ChainOptions options = {.roots = janet_wrap_nil(),
                            .intermediates = janet_wrap_nil(),
                            .crls = janet_wrap_nil(),
                            .time = NAN,
                            .depth = -1,
                            .security_level = CHAIN_DEFAULT_SECURITY_LEVEL};
    options_read(function, &options_set, args_options(argv, argc, 1), &options);

    Failure failure;
    ChainCall call = {NULL, NULL, NULL, NULL};
    ChainAnswer answer = {.valid = false};
    Janet result = janet_wrap_nil();
    bool done = load(&call, leaf, &options, &failure);
    if (done) {
        ChainQuery query = query_of(&call, &options);
        done = chain_verify(&query, &answer, &failure);
    }
    if (done) done = answer_value(&answer, &result) || failure_set(&failure, "out of memory");
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

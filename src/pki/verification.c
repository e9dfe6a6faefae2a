#include "pki/verification.h"

#include "core/keys/pem.h"
#include "pki/options.h"
#include "pki/values.h"

#include <math.h>

static const OptionRange depth_range = {0, 100};
static const OptionRange level_range = {0, 5};

static const OptionWord purposes[] = {
    {"server", X509_PURPOSE_SSL_SERVER}, {"client", X509_PURPOSE_SSL_CLIENT},
    {"email", X509_PURPOSE_SMIME_SIGN},  {"timestamp", X509_PURPOSE_TIMESTAMP_SIGN},
    {"any", X509_PURPOSE_ANY},           {NULL, 0},
};

static const OptionRow rows[] = {
    OPTION("roots", pki_option_certificates, VerificationOptions, roots,
           "Trusted certificates: PEM (several in one text or not), DER or a path, or a list of "
           "these."),
    OPTION("ca", pki_option_certificates, VerificationOptions, roots, "The same as `:roots`."),
    OPTION("crls", pki_option_certificates, VerificationOptions, crls,
           "Revocation lists, PEM, DER or a path. When given, each CA in the chain must have a "
           "current one, as in TLS with `:crl`."),
    OPTION("time", pki_option_date, VerificationOptions, time,
           "Time of the verification: seconds since the epoch, or a date. Default: now."),
    OPTION_WITH("purpose", option_word, purposes, VerificationOptions, purpose,
                "What the extended key usage must allow: :server, :client, :email, :timestamp or "
                ":any."),
    OPTION_WITH("depth", option_integer, &depth_range, VerificationOptions, depth,
                "Maximum number of intermediates. Default: 100."),
    OPTION_WITH("security-level", option_integer, &level_range, VerificationOptions, security_level,
                "OpenSSL's security level, from 0 to 5, for signatures and certificates. Default: "
                "2, which asks for RSA keys of 2048 bits and refuses SHA-1."),
    OPTION("strict", option_boolean, VerificationOptions, strict,
           "Refuse chains that break a rule of RFC 5280 that most verifiers ignore: a CA without "
           "keyUsage or key identifiers, for example. Default: false."),
    OPTION("partial-chain", option_boolean, VerificationOptions, partial,
           "Whether a trusted certificate that is no self-signed root is an anchor. Default: "
           "true."),
};
const OptionSet verification_options = OPTION_SET(rows);

VerificationOptions verification_defaults(void) {
    return (VerificationOptions){
        .roots = janet_wrap_nil(),
        .crls = janet_wrap_nil(),
        .time = NAN,
        .depth = -1,
        .security_level = CHAIN_DEFAULT_SECURITY_LEVEL,
        .partial = true,
    };
}

bool verification_load(const VerificationOptions *options, VerificationInputs *inputs,
                       Failure *failure) {
    bool has_roots = !janet_checktype(options->roots, JANET_NIL);
    if (has_roots && !(inputs->roots = values_certificates(options->roots, NULL, failure)))
        return false;
    inputs->crls = sk_X509_CRL_new_null();
    if (!inputs->crls) return failure_set(failure, "out of memory");
    for (int32_t i = 0; i < values_count(options->crls); i++) {
        if (!pem_load_crls(inputs->crls, values_item(options->crls, i), failure)) return false;
    }
    return true;
}

void verification_free(VerificationInputs *inputs) {
    sk_X509_pop_free(inputs->roots, X509_free);
    sk_X509_CRL_pop_free(inputs->crls, X509_CRL_free);
    *inputs = (VerificationInputs){NULL, NULL};
}

ChainQuery verification_query(const VerificationOptions *options, const VerificationInputs *inputs,
                              int default_purpose) {
    return (ChainQuery){
        .roots = inputs->roots,
        .crls = inputs->crls,
        .purpose = options->purpose ? options->purpose : default_purpose,
        .depth = options->depth,
        .security_level = options->security_level,
        .time = options->time,
        .strict = options->strict,
        .partial = options->partial,
    };
}

/* Shows the content of certificates. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/pem.h"
#include "core/pki/faults.h"
#include "pki/info.h"
#include "register.h"

typedef struct ParseOptions {
    bool lenient;
} ParseOptions;

static const OptionRow parse_rows[] = {
    OPTION("lenient", option_boolean, ParseOptions, lenient,
           "true lists malformed extensions under `:malformed` in place of an error. "
           "Default: false."),
};
static const OptionSet parse_options = OPTION_SET(parse_rows);

FUNCTION(
    cert_parse, "cert/parse", "cert &opt opts",
    "The content of a certificate, PEM (the first block), DER or a path, as a struct. "
    "Nothing is verified: see `verify-chain`. Raises when it is no certificate, when an "
    "extension on which verification depends can't be read, and when one occurs twice. Keys "
    "without a value are absent.\n\n"
    "* `:subject` `:issuer` - structs of `:common-name` `:country` `:state` "
    "`:locality` `:organization` `:organizational-unit` `:email`, others under their "
    "short names (:DC) or OIDs; an attribute that occurs several times has a tuple "
    "of values\n"
    "* `:subject-text` `:issuer-text` - the same as a line (RFC 2253)\n"
    "* `:san` - tuple of subject alternative names: \"DNS:a.example\" \"IP:192.0.2.1\" "
    "\"URI:…\" \"email:…\" \"dirName:…\" \"RID:…\" \"UPN:…\" \"SRV:…\" \"otherName:OID;UTF8:…\" "
    "(or IA5, or DER and hexadecimal); values are as they stand in the certificate and may hold "
    "any bytes\n"
    "* `:not-before` `:not-after` - first and last second of validity, since the "
    "epoch\n"
    "* `:serial` - hexadecimal, lower case; `:version` - 1 or 3\n"
    "* `:key-type` - `:rsa` `:ec` `:ed25519` …; `:key-bits`; `:key-curve` - "
    "\"prime256v1\" …\n"
    "* `:signature-algorithm` - OpenSSL's name, \"ecdsa-with-SHA256\" …\n"
    "* `:is-ca` - whether basic constraints say CA:TRUE; `:path-length`\n"
    "* `:self-signed` - whether its own key verifies its signature\n"
    "* `:key-usage` - tuple of keywords as RFC 5280 has them: `:digitalSignature` …\n"
    "* `:ext-key-usage` - tuple of keywords: `:serverAuth` …, or OIDs\n"
    "* `:subject-key-id` `:authority-key-id` - hexadecimal\n"
    "* `:sha256` `:sha1` - fingerprints of the DER form, hexadecimal\n"
    "* `:extensions` - tuple of structs `{:oid :name :critical :value :text}`: value "
    "is DER, text OpenSSL's rendering\n"
    "* `:malformed` - with :lenient: tuple of the names (or OIDs) of extensions that can't be "
    "read or occur twice; what they would have said is absent",
    &parse_options) {
    Failure failure;
    args_arity(function, argc, 1, 2);
    ParseOptions options = {.lenient = false};
    options_read(function, &parse_options, args_options(argv, argc, 1), &options);
    X509 *certificate = pem_load_certificate(args_bytes(function, argv, 0), &failure);
    if (!certificate) raise_failure(function, &failure);
    X509Info info;
    Janet result = janet_wrap_nil();
    bool read = x509info_read(&info, certificate, &failure);
    if (read && !options.lenient) {
        read = faults_check(X509_get0_extensions(certificate), &failure);
    }
    if (read) result = info_certificate(&info);
    x509info_free(&info);
    X509_free(certificate);
    if (!read) raise_failure(function, &failure);
    return result;
}

static const Function *const functions[] = {
    &function_cert_parse,
    NULL,
};

void cert_parse_register(JanetTable *env) {
    module_register(env, functions);
}

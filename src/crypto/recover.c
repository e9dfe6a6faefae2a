/* The key that made an ECDSA signature. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "crypto/sign.h"
#include "register.h"

typedef struct RecoverOptions {
    const DigestRow *digest;
    const CurveRow *curve;
    bool prehashed;
} RecoverOptions;

static void option_curve(const OptionSite *site, Janet value, void *field) {
    Failure failure;
    bool named = janet_checktypes(value, JANET_TFLAG_BYTES);
    const CurveRow *curve = named ? algorithms_curve(value_bytes(value), &failure) : NULL;
    if (!curve) option_refuse(site, "curve of generate-key", value);
    *(const CurveRow **)field = curve;
}

static const OptionRow recover_rows[] = {
    OPTION("digest", args_option_digest, RecoverOptions, digest,
           "Digest of the signature, :sha256 by default."),
    OPTION("curve", option_curve, RecoverOptions, curve,
           "Curve of the key, :secp256k1 by default."),
    OPTION("prehashed", option_boolean, RecoverOptions, prehashed,
           "Whether the data is the digest itself; false by default."),
};
static const OptionSet recover_options = OPTION_SET(recover_rows);

static const CurveRow *default_curve(void) {
    Failure ignored;
    return algorithms_curve((Bytes){(const uint8_t *)"secp256k1", 9}, &ignored);
}

static char *recover(const CurveRow *curve, const SignatureScheme *scheme, Bytes data,
                     Bytes signature, size_t *length, Failure *failure) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_length;
    if (!signature_digest(scheme, data, digest, &digest_length, failure)) return NULL;
    EVP_PKEY *key = ecdsa_recover(curve, (Bytes){digest, digest_length}, signature, failure);
    char *pem = key ? keys_public_pem(key, length, failure) : NULL;
    EVP_PKEY_free(key);
    return pem;
}

FUNCTION(crypto_recover_public_key, "crypto/recover-public-key", "data signature &opt opts",
         "The public key that signed `data`, as a PEM string, from a signature of `sign` with "
         "`:recovery true` (SEC 1, section 4.1.6): r and s side by side, and the byte, 0 to 3, "
         "that tells the possible keys apart. Most signatures lead to some key: compare it, or its "
         "address, with the one you expect. Of Ethereum's last byte, 27 and above, subtract 27. "
         "Raises when the length or the byte is wrong, or no key made the signature.",
         &recover_options) {
    Failure failure;
    size_t length = 0;
    args_arity(function, argc, 2, 3);
    Bytes data = args_bytes(function, argv, 0), signature = args_bytes(function, argv, 1);
    RecoverOptions options = {.curve = default_curve()};
    options_read(function, &recover_options, args_options(argv, argc, 2), &options);
    SignatureScheme scheme = {.digest = sign_digest(function, options.digest),
                              .prehashed = options.prehashed};
    if (!scheme.digest) scheme.digest = EVP_sha256();
    char *pem = recover(options.curve, &scheme, data, signature, &length, &failure);
    if (!pem) raise_failure(function, &failure);
    Janet result = janet_stringv((const uint8_t *)pem, (int32_t)length);
    OPENSSL_free(pem);
    return result;
}

static const Function *const functions[] = {
    &function_crypto_recover_public_key,
    NULL,
};

void recover_register(JanetTable *env) {
    module_register(env, functions);
}

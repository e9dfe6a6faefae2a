#include "core/crypto/signature.h"

#include "core/algorithms.h"
#include "core/crypto/ecdsa.h"
#include "core/keys/keys.h"
#include "core/keys/quantum_key.h"
#include "core/keys/remote_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#define SLOW_RSA_BITS 4096

/* Parameters of newer versions. */
#define CONTEXT_STRING "context-string" /* OSSL_SIGNATURE_PARAM_CONTEXT_STRING */
#define DETERMINISTIC "deterministic"   /* OSSL_SIGNATURE_PARAM_DETERMINISTIC */
#define NONCE_TYPE "nonce-type"         /* OSSL_SIGNATURE_PARAM_NONCE_TYPE */

/* EVP_PKEY_is_a would look the name up under a lock. */
static bool is_rsa(const EVP_PKEY *key) {
    return EVP_PKEY_get_id(key) == EVP_PKEY_RSA || EVP_PKEY_get_id(key) == EVP_PKEY_RSA_PSS;
}

static bool is_ec(const EVP_PKEY *key) {
    return EVP_PKEY_get_id(key) == EVP_PKEY_EC;
}

/* EdDSA, ML-DSA and SLH-DSA sign the message itself, not a digest. */
static bool is_pure(const EVP_PKEY *key) {
    return !is_rsa(key) && !is_ec(key) && EVP_PKEY_get_id(key) != EVP_PKEY_DSA;
}

/* SHA-256, or the digest that an RSA-PSS key prescribes. */
static const EVP_MD *default_digest(EVP_PKEY *key, Failure *failure) {
    static const Bytes sha256 = {(const uint8_t *)"sha256", 6};
    const DigestRow *row = keys_prescribed_digest(key);
    if (!row) row = algorithms_digest(sha256, failure);
    return row ? algorithms_md(row) : NULL;
}

static bool check_pure_scheme(const EVP_PKEY *key, const SignatureScheme *scheme,
                              Failure *failure) {
    if (scheme->digest || scheme->prehashed) {
        return failure_set(failure, "%s signs the message itself: leave out :digest and :prehashed",
                           keys_type(key));
    }
    return true;
}

/* EdDSA and RSA with PKCS#1 v1.5 are deterministic anyway. */
static bool check_deterministic(const EVP_PKEY *key, Failure *failure) {
    static const char feature[] = "deterministic ECDSA";
    if (is_ec(key) && algorithms_is_newer(feature)) return algorithms_lack(feature, failure);
    return is_ec(key) || quantum_key_algorithm(key) ||
           failure_set(failure, ":deterministic is for EC, ML-DSA and SLH-DSA keys, this one is %s",
                       keys_type(key));
}

/* Options that some kinds of keys have. */
static bool check_kind(const EVP_PKEY *key, SignatureScheme *scheme, Failure *failure) {
    bool for_ec = scheme->is_low_s || scheme->has_recovery;
    if (scheme->format && !is_ec(key)) {
        return failure_set(failure, ":format is for EC keys, this one is %s", keys_type(key));
    }
    if (for_ec && !is_ec(key)) {
        return failure_set(failure, ":low-s and :recovery are for EC keys, this one is %s",
                           keys_type(key));
    }
    if (scheme->context.length && !quantum_key_algorithm(key)) {
        return failure_set(failure, ":context is for ML-DSA and SLH-DSA keys, this one is %s",
                           keys_type(key));
    }
    if (scheme->has_recovery && scheme->format == SIGNATURE_DER) {
        return failure_set(failure, ":recovery goes with :format :raw");
    }
    if (scheme->has_recovery) scheme->format = SIGNATURE_RAW;
    return !scheme->is_deterministic || check_deterministic(key, failure);
}

/* As long as the digest, unless the parameters of the key ask for more. */
static int choose_salt_length(const EVP_PKEY *key, const EVP_MD *digest) {
    int min = 0;
    EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &min);
    ERR_clear_error();
    return min > EVP_MD_get_size(digest) ? min : RSA_PSS_SALTLEN_DIGEST;
}

static bool complete_rsa_scheme(EVP_PKEY *key, SignatureScheme *scheme, Failure *failure) {
    bool only_pss = EVP_PKEY_get_id(key) == EVP_PKEY_RSA_PSS;
    if (only_pss && scheme->padding == SIGNATURE_PKCS1) {
        return failure_set(failure, "an RSA-PSS key takes :padding :pss only");
    }
    if (!scheme->padding) scheme->padding = only_pss ? SIGNATURE_PSS : SIGNATURE_PKCS1;
    bool for_pss = scheme->mgf1 || scheme->salt_length != SIGNATURE_SALT_UNSET;
    if (for_pss && scheme->padding != SIGNATURE_PSS) {
        return failure_set(failure, ":salt-length and :mgf1-digest go with :padding :pss");
    }
    if (scheme->salt_length == SIGNATURE_SALT_UNSET) {
        scheme->salt_length = choose_salt_length(key, scheme->digest);
    }
    return true;
}

bool signature_settle(EVP_PKEY *key, SignatureScheme *scheme, Failure *failure) {
    bool for_rsa = scheme->padding || scheme->mgf1 || scheme->salt_length != SIGNATURE_SALT_UNSET;
    if (is_pure(key) && !EVP_PKEY_can_sign(key)) {
        return failure_set(failure, "%s keys don't sign", keys_type(key));
    }
    if (for_rsa && !is_rsa(key)) {
        return failure_set(failure, ":padding is for RSA keys, this one is %s", keys_type(key));
    }
    if (!check_kind(key, scheme, failure)) return false;
    if (is_pure(key)) return check_pure_scheme(key, scheme, failure);
    if (!scheme->digest) scheme->digest = default_digest(key, failure);
    if (!scheme->digest) return false;
    return is_rsa(key) ? complete_rsa_scheme(key, scheme, failure) : true;
}

bool signature_takes_digest(const EVP_PKEY *key) {
    return !is_pure(key);
}

size_t signature_room(const EVP_PKEY *key) {
    return (size_t)EVP_PKEY_get_size(key);
}

bool signature_is_slow(const EVP_PKEY *key) {
    if (remote_key_is(key)) return true;
    if (is_rsa(key)) return EVP_PKEY_get_bits(key) > SLOW_RSA_BITS;
    const QuantumAlgorithm *quantum = is_pure(key) ? quantum_key_algorithm(key) : NULL;
    return quantum && !strncmp(quantum->type, "SLH-DSA", 7);
}

bool signature_digest(const SignatureScheme *scheme, Bytes data, uint8_t *digest, size_t *length,
                      Failure *failure) {
    *length = (size_t)EVP_MD_get_size(scheme->digest);
    if (!scheme->prehashed) {
        return algorithms_hash(scheme->digest, &data, 1, digest) ||
               failure_openssl(failure, "no digest");
    }
    if (data.length != *length) {
        return failure_set(failure, "the digest is %zu bytes, the data given as :prehashed %zu",
                           *length, data.length);
    }
    memcpy(digest, data.data, *length);
    return true;
}

/* The nonce of ECDSA by RFC 6979; verification does not use it. */
static bool set_deterministic_nonce(EVP_PKEY_CTX *context) {
    unsigned deterministic = 1;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_uint(NONCE_TYPE, &deterministic), OSSL_PARAM_END};
    return EVP_PKEY_CTX_set_params(context, params) > 0;
}

/* Applies the scheme, after EVP_PKEY_sign_init or EVP_PKEY_verify_init. */
static bool apply_scheme(EVP_PKEY_CTX *context, const SignatureScheme *scheme) {
    if (EVP_PKEY_CTX_set_signature_md(context, scheme->digest) <= 0) return false;
    if (scheme->is_deterministic) return set_deterministic_nonce(context);
    if (!scheme->padding) return true;
    if (scheme->padding == SIGNATURE_PKCS1) {
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
    }
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
           (!scheme->mgf1 || EVP_PKEY_CTX_set_rsa_mgf1_md(context, scheme->mgf1) > 0) &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, scheme->salt_length) > 0;
}

/* ECDSA needs no digest algorithm in its context, since make_digest checks the length: one context
 * serves all signatures of a key. */
static EVP_PKEY_CTX *take_context(EVP_PKEY *key, const SignatureScheme *scheme,
                                  int (*init)(EVP_PKEY_CTX *context)) {
    bool is_plain = is_ec(key) && !scheme->is_deterministic;
    EVP_PKEY_CTX *context = is_plain ? keys_take_context(key) : NULL;
    if (context) return context;
    context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (context && init(context) > 0 && (is_plain || apply_scheme(context, scheme))) return context;
    EVP_PKEY_CTX_free(context);
    return NULL;
}

static void give_context(const EVP_PKEY *key, const SignatureScheme *scheme,
                         EVP_PKEY_CTX *context) {
    if (context && is_ec(key) && !scheme->is_deterministic) {
        keys_give_context(key, context);
    } else {
        EVP_PKEY_CTX_free(context);
    }
}

/* --- signing --- */

/* Sets `params`, which has room for three. */
static void set_pure_params(const SignatureScheme *scheme, int *deterministic, OSSL_PARAM *params) {
    *deterministic = scheme->is_deterministic;
    if (scheme->context.length) {
        *params++ = OSSL_PARAM_construct_octet_string(
            CONTEXT_STRING, (void *)(uintptr_t)scheme->context.bytes, scheme->context.length);
    }
    if (*deterministic) *params++ = OSSL_PARAM_construct_int(DETERMINISTIC, deterministic);
    *params = OSSL_PARAM_construct_end();
}

static bool sign_pure(EVP_PKEY *key, const SignatureScheme *scheme, Bytes data, uint8_t *out,
                      size_t *length) {
    int deterministic;
    OSSL_PARAM params[3];
    set_pure_params(scheme, &deterministic, params);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context &&
                EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key, params) > 0 &&
                EVP_DigestSign(context, out, length, data.data, data.length) > 0;
    EVP_MD_CTX_free(context);
    return done;
}

static EcdsaForm form_of(const SignatureScheme *scheme) {
    return (EcdsaForm){.is_raw = scheme->format == SIGNATURE_RAW,
                       .is_low_s = scheme->is_low_s,
                       .has_recovery = scheme->has_recovery};
}

/* Is it other than OpenSSL's ECDSA signatures? */
static bool needs_conversion(const SignatureScheme *scheme) {
    return scheme->format == SIGNATURE_RAW || scheme->is_low_s;
}

static bool sign_digest(EVP_PKEY *key, const SignatureScheme *scheme, const uint8_t *digest,
                        size_t digest_length, uint8_t *out, size_t *length) {
    EVP_PKEY_CTX *context = take_context(key, scheme, EVP_PKEY_sign_init);
    bool done = context && EVP_PKEY_sign(context, out, length, digest, digest_length) > 0;
    give_context(key, scheme, context);
    return done;
}

bool signature_make(EVP_PKEY *key, const SignatureScheme *scheme, Bytes data, uint8_t *out,
                    size_t *length, Failure *failure) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_length = 0;
    bool done;
    ERR_clear_error();
    *length = signature_room(key);
    if (is_pure(key)) {
        done = sign_pure(key, scheme, data, out, length);
    } else {
        if (!signature_digest(scheme, data, digest, &digest_length, failure)) return false;
        done = sign_digest(key, scheme, digest, digest_length, out, length);
    }
    if (done && needs_conversion(scheme)) {
        done = ecdsa_convert(key, form_of(scheme), (Bytes){digest, digest_length}, out, length);
    }
    return done || failure_openssl(failure, "no signature");
}

/* --- verifying --- */

static bool verify_pure(EVP_PKEY *key, const SignatureScheme *scheme, Bytes data, Bytes signature,
                        bool *valid) {
    int deterministic;
    OSSL_PARAM params[3];
    set_pure_params(scheme, &deterministic, params);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ready =
        context && EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, params) > 0;
    if (ready) {
        *valid = EVP_DigestVerify(context, signature.data, signature.length, data.data,
                                  data.length) == 1;
    }
    EVP_MD_CTX_free(context);
    return ready;
}

static bool verify_digest(EVP_PKEY *key, const SignatureScheme *scheme, Bytes digest,
                          Bytes signature, bool *valid) {
    unsigned char *der = NULL;
    if (needs_conversion(scheme)) {
        der = ecdsa_der(key, form_of(scheme), digest, signature, &signature.length);
        if (!der) return true;
        signature.data = der;
    }
    EVP_PKEY_CTX *context = take_context(key, scheme, EVP_PKEY_verify_init);
    if (context) {
        *valid = EVP_PKEY_verify(context, signature.data, signature.length, digest.data,
                                 digest.length) == 1;
    }
    give_context(key, scheme, context);
    OPENSSL_free(der);
    return context;
}

bool signature_verify(EVP_PKEY *key, const SignatureScheme *scheme, Bytes data, Bytes signature,
                      bool *valid, Failure *failure) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t length;
    bool ready;
    ERR_clear_error();
    *valid = false;
    if (is_pure(key)) {
        ready = verify_pure(key, scheme, data, signature, valid);
    } else {
        if (!signature_digest(scheme, data, digest, &length, failure)) return false;
        ready = verify_digest(key, scheme, (Bytes){digest, length}, signature, valid);
    }
    if (!ready) failure_openssl(failure, "signature not checked");
    if (ready && !*valid && failure_of_memory(failure)) ready = false;
    ERR_clear_error();
    return ready;
}

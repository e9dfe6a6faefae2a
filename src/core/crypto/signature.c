#include "core/crypto/signature.h"

#include "core/algorithms.h"
#include "core/keys/keys.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

/* EVP_PKEY_is_a would look the name up under a lock. */
static bool is_rsa(const EVP_PKEY *key) {
    return EVP_PKEY_get_id(key) == EVP_PKEY_RSA || EVP_PKEY_get_id(key) == EVP_PKEY_RSA_PSS;
}

static bool is_ec(const EVP_PKEY *key) {
    return EVP_PKEY_get_id(key) == EVP_PKEY_EC;
}

/* EdDSA and ML-DSA sign the message itself, not a digest. */
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
    if (!scheme->digest && !scheme->prehashed) return true;
    return failure_set(failure, "%s signs the message itself: leave out :digest and :prehashed",
                       keys_type(key));
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
    if (scheme->format && !is_ec(key)) {
        return failure_set(failure, ":format is for EC keys, this one is %s", keys_type(key));
    }
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

/* The digest to sign: of the data or, if prehashed, the data itself. */
static bool make_digest(const SignatureScheme *scheme, Bytes data, uint8_t *digest, size_t *length,
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

/* Applies the scheme, after EVP_PKEY_sign_init or EVP_PKEY_verify_init. */
static bool apply_scheme(EVP_PKEY_CTX *context, const SignatureScheme *scheme) {
    if (EVP_PKEY_CTX_set_signature_md(context, scheme->digest) <= 0) return false;
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
    EVP_PKEY_CTX *context = is_ec(key) ? keys_take_context(key) : NULL;
    if (context) return context;
    context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (context && init(context) > 0 && (is_ec(key) || apply_scheme(context, scheme)))
        return context;
    EVP_PKEY_CTX_free(context);
    return NULL;
}

static void give_context(const EVP_PKEY *key, EVP_PKEY_CTX *context) {
    if (context && is_ec(key)) {
        keys_give_context(key, context);
    } else {
        EVP_PKEY_CTX_free(context);
    }
}

/* --- ECDSA signatures as r and s of the order's length each --- */

static size_t length_of_half(const EVP_PKEY *key) {
    return ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
}

static bool convert_to_raw(const EVP_PKEY *key, uint8_t *signature, size_t *length) {
    int half = (int)length_of_half(key);
    const unsigned char *at = signature;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &at, (long)*length);
    bool done = parsed && BN_bn2binpad(ECDSA_SIG_get0_r(parsed), signature, half) == half &&
                BN_bn2binpad(ECDSA_SIG_get0_s(parsed), signature + half, half) == half;
    ECDSA_SIG_free(parsed);
    *length = 2 * (size_t)half;
    return done;
}

/* The DER form, for OPENSSL_free; NULL when the length is not right. */
static unsigned char *convert_to_der(const EVP_PKEY *key, Bytes raw, size_t *length) {
    int half = (int)length_of_half(key), size = -1;
    if (raw.length != 2 * (size_t)half) return NULL;
    unsigned char *der = NULL;
    BIGNUM *r = BN_bin2bn(raw.data, half, NULL), *s = BN_bin2bn(raw.data + half, half, NULL);
    ECDSA_SIG *signature = ECDSA_SIG_new();
    if (r && s && signature && ECDSA_SIG_set0(signature, r, s)) {
        r = s = NULL; /* `signature` owns them now */
        size = i2d_ECDSA_SIG(signature, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    *length = size > 0 ? (size_t)size : 0;
    return size > 0 ? der : NULL;
}

/* --- signing --- */

static bool sign_pure(EVP_PKEY *key, Bytes data, uint8_t *out, size_t *length) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) > 0 &&
                EVP_DigestSign(context, out, length, data.data, data.length) > 0;
    EVP_MD_CTX_free(context);
    return done;
}

static bool sign_digest(EVP_PKEY *key, const SignatureScheme *scheme, const uint8_t *digest,
                        size_t digest_length, uint8_t *out, size_t *length) {
    EVP_PKEY_CTX *context = take_context(key, scheme, EVP_PKEY_sign_init);
    bool done = context && EVP_PKEY_sign(context, out, length, digest, digest_length) > 0;
    give_context(key, context);
    return done;
}

bool signature_make(EVP_PKEY *key, const SignatureScheme *scheme, Bytes data, uint8_t *out,
                    size_t *length, Failure *failure) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_length;
    bool done;
    ERR_clear_error();
    *length = signature_room(key);
    if (is_pure(key)) {
        done = sign_pure(key, data, out, length);
    } else {
        if (!make_digest(scheme, data, digest, &digest_length, failure)) return false;
        done = sign_digest(key, scheme, digest, digest_length, out, length);
    }
    if (done && scheme->format == SIGNATURE_RAW) done = convert_to_raw(key, out, length);
    return done || failure_openssl(failure, "no signature");
}

/* --- verifying --- */

static bool verify_pure(EVP_PKEY *key, Bytes data, Bytes signature, bool *valid) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ready = context && EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) > 0;
    if (ready) {
        *valid = EVP_DigestVerify(context, signature.data, signature.length, data.data,
                                  data.length) == 1;
    }
    EVP_MD_CTX_free(context);
    return ready;
}

static bool verify_digest(EVP_PKEY *key, const SignatureScheme *scheme, const uint8_t *digest,
                          size_t length, Bytes signature, bool *valid) {
    EVP_PKEY_CTX *context = take_context(key, scheme, EVP_PKEY_verify_init);
    if (!context) return false;
    *valid = EVP_PKEY_verify(context, signature.data, signature.length, digest, length) == 1;
    give_context(key, context);
    return true;
}

bool signature_verify(EVP_PKEY *key, const SignatureScheme *scheme, Bytes data, Bytes signature,
                      bool *valid, Failure *failure) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t length;
    unsigned char *der = NULL;
    bool ready;
    ERR_clear_error();
    *valid = false;
    if (scheme->format == SIGNATURE_RAW) {
        der = convert_to_der(key, signature, &signature.length);
        if (!der) return !failure_of_memory(failure);
        signature.data = der;
    }
    if (is_pure(key)) {
        ready = verify_pure(key, data, signature, valid);
    } else {
        ready = make_digest(scheme, data, digest, &length, failure);
        if (!ready) goto end;
        ready = verify_digest(key, scheme, digest, length, signature, valid);
    }
    if (!ready) failure_openssl(failure, "signature not checked");
    if (ready && !*valid && failure_of_memory(failure)) ready = false;
end:
    ERR_clear_error();
    OPENSSL_free(der);
    return ready;
}

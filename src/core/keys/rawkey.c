#include "core/keys/rawkey.h"

#include "core/keys/keyparts.h"
#include "core/keys/keys.h"

#include <openssl/core_names.h>
#include <openssl/err.h>

EVP_PKEY *rawkey_read(const KeyAlgorithm *algorithm, Bytes bytes, bool is_private,
                      Failure *failure) {
    static const Bytes none = {NULL, 0};
    Bytes public_half = is_private ? none : bytes, private_half = is_private ? bytes : none;
    if (algorithm->curve) {
        return keyparts_ec(algorithm->curve, public_half, private_half, failure);
    }
    const RawAlgorithm *raw = keyparts_raw_named(algorithm->type);
    if (raw) return keyparts_raw(raw, public_half, private_half, failure);
    const QuantumAlgorithm *quantum = quantum_key_named(algorithm->type);
    if (quantum) return quantum_key_read(quantum, bytes, is_private, failure);
    failure_set(failure, "%s keys have no raw form: take PEM, DER or JWK", algorithm->type);
    return NULL;
}

/* Written from the coordinates: the key may hold its point in another form. */
static bool write_point(const EVP_PKEY *key, RawForm form, uint8_t *out, size_t *length) {
    BIGNUM *x = NULL, *y = NULL;
    int field = (EVP_PKEY_get_bits(key) + 7) / 8;
    bool written = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) &&
                   EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) &&
                   2 * field < RAWKEY_MAX_LENGTH && BN_bn2binpad(x, out + 1, field) == field;
    if (written && form == RAWKEY_COMPRESSED) {
        out[0] = BN_is_odd(y) ? 3 : 2;
        *length = 1 + (size_t)field;
    } else if (written) {
        out[0] = 4;
        written = BN_bn2binpad(y, out + 1 + field, field) == field;
        *length = 1 + 2 * (size_t)field;
    }
    BN_free(x);
    BN_free(y);
    return written;
}

static bool write_scalar(const EVP_PKEY *key, uint8_t *out, size_t *length, Failure *failure) {
    BIGNUM *scalar = NULL;
    const CurveRow *curve = keyparts_curve(key, failure);
    const EC_GROUP *group = curve ? algorithms_group(curve, failure) : NULL;
    if (!group) return false;
    *length = keyparts_order_length(group);
    bool written = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) &&
                   BN_bn2binpad(scalar, out, (int)*length) >= 0;
    BN_clear_free(scalar);
    return written || failure_openssl(failure, "private key not written");
}

static bool write_plain(const EVP_PKEY *key, RawForm form, uint8_t *out, size_t *length,
                        Failure *failure) {
    *length = RAWKEY_MAX_LENGTH;
    if (form == RAWKEY_COMPRESSED) {
        return failure_set(failure, ":compressed is for EC keys, this one is %s", keys_type(key));
    }
    if (quantum_key_algorithm(key)) {
        return quantum_key_write(key, form == RAWKEY_PRIVATE, out, length, failure);
    }
    bool written = form == RAWKEY_PRIVATE ? EVP_PKEY_get_raw_private_key(key, out, length)
                                          : EVP_PKEY_get_raw_public_key(key, out, length);
    return written || failure_openssl(failure, "key not written");
}

bool rawkey_write(const EVP_PKEY *key, RawForm form, uint8_t *out, size_t *length,
                  Failure *failure) {
    ERR_clear_error();
    bool written = false;
    if (keyparts_raw_algorithm(key) || quantum_key_algorithm(key)) {
        written = write_plain(key, form, out, length, failure);
    } else if (!EVP_PKEY_is_a(key, "EC")) {
        failure_set(failure, "%s keys have no raw form: take PEM, DER or JWK", keys_type(key));
    } else if (form == RAWKEY_PRIVATE) {
        written = write_scalar(key, out, length, failure);
    } else {
        written = write_point(key, form, out, length) ||
                  failure_openssl(failure, "public key not written");
    }
    ERR_clear_error();
    return written;
}

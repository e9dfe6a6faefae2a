#define _GNU_SOURCE /* memmem */
#include "core/keys/ssh_key.h"

#include "core/keys/keygen.h"
#include "core/keys/keyparts.h"
#include "core/keys/keys.h"
#include "core/keys/rawkey.h"
#include "core/keys/ssh_wire.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <string.h>

#define RSA_TYPE "ssh-rsa"
#define ED25519_TYPE "ssh-ed25519"
#define ED25519_LENGTH 32

typedef struct EcdsaType {
    const char *type, *ssh, *curve; /* SSH's names of type and curve, and ours of the curve */
} EcdsaType;

static const EcdsaType ecdsa_types[] = {
    {"ecdsa-sha2-nistp256", "nistp256", "p-256"},
    {"ecdsa-sha2-nistp384", "nistp384", "p-384"},
    {"ecdsa-sha2-nistp521", "nistp521", "p-521"},
};
static const EcdsaType *const ecdsa_end = ecdsa_types + sizeof ecdsa_types / sizeof *ecdsa_types;

static const EcdsaType *find_ecdsa(Bytes type) {
    for (const EcdsaType *row = ecdsa_types; row < ecdsa_end; row++) {
        if (ssh_is_text(type, row->type)) return row;
    }
    return NULL;
}

static const CurveRow *curve_of(const EcdsaType *type, Failure *failure) {
    return algorithms_curve((Bytes){(const uint8_t *)type->curve, strlen(type->curve)}, failure);
}

static const EcdsaType *ecdsa_type_of(const EVP_PKEY *key) {
    Failure ignored;
    const CurveRow *curve = keyparts_curve(key, &ignored);
    for (const EcdsaType *row = ecdsa_types; row < ecdsa_end; row++) {
        if (curve && curve_of(row, &ignored) == curve) return row;
    }
    return NULL;
}

const char *ssh_key_type(const EVP_PKEY *key, Failure *failure) {
    if (EVP_PKEY_is_a(key, "RSA")) return RSA_TYPE;
    if (EVP_PKEY_is_a(key, "ED25519")) return ED25519_TYPE;
    const EcdsaType *ecdsa = EVP_PKEY_is_a(key, "EC") ? ecdsa_type_of(key) : NULL;
    if (ecdsa) return ecdsa->type;
    failure_set(failure, "SSH has no such keys: take Ed25519, RSA, P-256, P-384 or P-521, not %s",
                keys_type(key));
    return NULL;
}

/* --- reading --- */

static EVP_PKEY *refuse(Failure *failure, const char *why) {
    failure_set(failure, "not a usable SSH key: %s", why);
    return NULL;
}

static EVP_PKEY *refuse_type(Bytes type, Failure *failure) {
    if (type.length > 3 && !memcmp(type.data, "sk-", 3)) {
        return refuse(failure, "keys in security tokens are not supported");
    }
    if (type.length > 9 && memmem(type.data, type.length, "-cert-v", 7)) {
        return refuse(failure, "certificates of SSH are not supported");
    }
    return refuse(failure, "its type must be ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256, 384 "
                           "or 521");
}

static EVP_PKEY *read_public_fields(Bytes type, Bytes *rest, Failure *failure) {
    static const Bytes none = {NULL, 0};
    Bytes first, second;
    const EcdsaType *ecdsa = find_ecdsa(type);
    if (ssh_is_text(type, RSA_TYPE)) {
        RsaParts parts = {.d = none};
        bool taken = ssh_take_number(rest, &parts.e) && ssh_take_number(rest, &parts.n);
        return taken ? keyparts_rsa(&parts, failure) : refuse(failure, "damaged");
    }
    if (ssh_is_text(type, ED25519_TYPE)) {
        if (!ssh_take_string(rest, &first)) return refuse(failure, "damaged");
        return keyparts_raw(keyparts_raw_named("ED25519"), first, none, failure);
    }
    if (!ecdsa) return refuse_type(type, failure);
    bool taken = ssh_take_string(rest, &first) && ssh_take_string(rest, &second);
    if (!taken || !ssh_is_text(first, ecdsa->ssh)) return refuse(failure, "damaged");
    return keyparts_ec(curve_of(ecdsa, failure), second, none, failure);
}

EVP_PKEY *ssh_key_read_public(Bytes blob, Failure *failure) {
    Bytes type;
    if (!ssh_take_string(&blob, &type)) return refuse(failure, "damaged");
    EVP_PKEY *key = read_public_fields(type, &blob, failure);
    if (!key || !blob.length) return key;
    EVP_PKEY_free(key);
    return refuse(failure, "damaged");
}

/* The exponents of the Chinese remainder theorem, which OpenSSH leaves out. */
static bool reduce(Bytes d, Bytes prime, uint8_t *out, Bytes *exponent) {
    BN_CTX *context = BN_CTX_secure_new();
    BIGNUM *order = BN_bin2bn(prime.data, (int)prime.length, NULL);
    BIGNUM *number = BN_bin2bn(d.data, (int)d.length, NULL);
    if (number) BN_set_flags(number, BN_FLG_CONSTTIME);
    bool done = context && order && number && BN_sub_word(order, 1) && !BN_is_zero(order) &&
                BN_mod(number, number, order, context);
    *exponent = (Bytes){out, done ? (size_t)BN_bn2bin(number, out) : 0};
    BN_clear_free(order);
    BN_clear_free(number);
    BN_CTX_free(context);
    return done;
}

#define MAX_PRIME (KEYGEN_MAX_BITS / 8)

static EVP_PKEY *read_private_rsa(Bytes *rest, Failure *failure) {
    RsaParts parts;
    uint8_t dp[MAX_PRIME], dq[MAX_PRIME];
    bool taken = ssh_take_number(rest, &parts.n) && ssh_take_number(rest, &parts.e) &&
                 ssh_take_number(rest, &parts.d) && ssh_take_number(rest, &parts.qi) &&
                 ssh_take_number(rest, &parts.p) && ssh_take_number(rest, &parts.q);
    bool fits = taken && parts.d.length <= 2 * MAX_PRIME && parts.p.length <= MAX_PRIME &&
                parts.q.length <= MAX_PRIME;
    fits =
        fits && reduce(parts.d, parts.p, dp, &parts.dp) && reduce(parts.d, parts.q, dq, &parts.dq);
    EVP_PKEY *key = fits ? keyparts_rsa(&parts, failure) : refuse(failure, "damaged");
    OPENSSL_cleanse(dp, sizeof dp);
    OPENSSL_cleanse(dq, sizeof dq);
    return key;
}

static EVP_PKEY *read_private_ed25519(Bytes *rest, Failure *failure) {
    Bytes public_half, both;
    if (!ssh_take_string(rest, &public_half) || !ssh_take_string(rest, &both) ||
        both.length != 2 * ED25519_LENGTH || public_half.length != ED25519_LENGTH ||
        memcmp(both.data + ED25519_LENGTH, public_half.data, ED25519_LENGTH)) {
        return refuse(failure, "damaged");
    }
    return keyparts_raw(keyparts_raw_named("ED25519"), public_half,
                        (Bytes){both.data, ED25519_LENGTH}, failure);
}

static EVP_PKEY *read_private_ecdsa(const EcdsaType *type, Bytes *rest, Failure *failure) {
    Bytes curve, point, number;
    uint8_t scalar[MAX_PRIME] = {0};
    const CurveRow *row = curve_of(type, failure);
    const EC_GROUP *group = row ? algorithms_group(row, failure) : NULL;
    if (!group) return NULL;
    size_t length = keyparts_order_length(group);
    bool taken = ssh_take_string(rest, &curve) && ssh_is_text(curve, type->ssh) &&
                 ssh_take_string(rest, &point) && ssh_take_number(rest, &number);
    if (!taken || number.length > length) return refuse(failure, "damaged");
    memcpy(scalar + length - number.length, number.data, number.length);
    EVP_PKEY *key = keyparts_ec(row, point, (Bytes){scalar, length}, failure);
    OPENSSL_cleanse(scalar, sizeof scalar);
    return key;
}

EVP_PKEY *ssh_key_read_private(Bytes *rest, Failure *failure) {
    Bytes type;
    if (!ssh_take_string(rest, &type)) return refuse(failure, "damaged");
    if (ssh_is_text(type, RSA_TYPE)) return read_private_rsa(rest, failure);
    if (ssh_is_text(type, ED25519_TYPE)) return read_private_ed25519(rest, failure);
    const EcdsaType *ecdsa = find_ecdsa(type);
    return ecdsa ? read_private_ecdsa(ecdsa, rest, failure) : refuse_type(type, failure);
}

/* --- writing --- */

static bool put_number(const EVP_PKEY *key, const char *name, BIO *into) {
    BIGNUM *number = NULL;
    bool put = EVP_PKEY_get_bn_param(key, name, &number) && ssh_put_number(into, number);
    BN_clear_free(number);
    return put;
}

static bool put_plain(const EVP_PKEY *key, RawForm form, BIO *into, Failure *failure) {
    uint8_t bytes[RAWKEY_MAX_LENGTH];
    size_t length;
    bool put = rawkey_write(key, form, bytes, &length, failure) &&
               ssh_put_string(into, (Bytes){bytes, length});
    OPENSSL_cleanse(bytes, sizeof bytes);
    return put;
}

static bool write_public_fields(const EVP_PKEY *key, BIO *into, Failure *failure) {
    if (EVP_PKEY_is_a(key, "RSA")) {
        return put_number(key, OSSL_PKEY_PARAM_RSA_E, into) &&
               put_number(key, OSSL_PKEY_PARAM_RSA_N, into);
    }
    const EcdsaType *ecdsa = EVP_PKEY_is_a(key, "EC") ? ecdsa_type_of(key) : NULL;
    return (!ecdsa || ssh_put_text(into, ecdsa->ssh)) &&
           put_plain(key, RAWKEY_PUBLIC, into, failure);
}

bool ssh_key_write_public(const EVP_PKEY *key, BIO *into, Failure *failure) {
    const char *type = ssh_key_type(key, failure);
    if (!type) return false;
    return (ssh_put_text(into, type) && write_public_fields(key, into, failure)) ||
           failure_openssl(failure, "key not written");
}

static bool write_private_rsa(const EVP_PKEY *key, BIO *into) {
    static const char *const names[] = {
        OSSL_PKEY_PARAM_RSA_N,       OSSL_PKEY_PARAM_RSA_E,
        OSSL_PKEY_PARAM_RSA_D,       OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
        OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
    };
    bool put = true;
    for (size_t i = 0; put && i < sizeof names / sizeof *names; i++) {
        put = put_number(key, names[i], into);
    }
    return put;
}

/* The private half of Ed25519 is followed by the public one, in one string. */
static bool write_private_ed25519(const EVP_PKEY *key, BIO *into) {
    uint8_t both[2 * ED25519_LENGTH];
    size_t first = ED25519_LENGTH, second = ED25519_LENGTH;
    bool put = EVP_PKEY_get_raw_private_key(key, both, &first) &&
               EVP_PKEY_get_raw_public_key(key, both + ED25519_LENGTH, &second) &&
               ssh_put_string(into, (Bytes){both + ED25519_LENGTH, ED25519_LENGTH}) &&
               ssh_put_string(into, (Bytes){both, sizeof both});
    OPENSSL_cleanse(both, sizeof both);
    return put;
}

bool ssh_key_write_private(const EVP_PKEY *key, BIO *into, Failure *failure) {
    const char *type = ssh_key_type(key, failure);
    if (!type) return false;
    bool put = ssh_put_text(into, type);
    if (EVP_PKEY_is_a(key, "RSA")) {
        put = put && write_private_rsa(key, into);
    } else if (EVP_PKEY_is_a(key, "ED25519")) {
        put = put && write_private_ed25519(key, into);
    } else {
        put = put && write_public_fields(key, into, failure) &&
              put_number(key, OSSL_PKEY_PARAM_PRIV_KEY, into);
    }
    return put || failure_openssl(failure, "private key not written");
}

#include "core/crypto/ecdsa.h"

#include "core/keys/keyparts.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <string.h>

/* --- signatures --- */

static int length_of_half(const EVP_PKEY *key) {
    return (EVP_PKEY_get_bits(key) + 7) / 8;
}

static bool is_high(const BIGNUM *order, const BIGNUM *s) {
    BIGNUM *half = BN_dup(order);
    bool high = !half || !BN_rshift1(half, half) || BN_cmp(s, half) > 0;
    BN_free(half);
    return high;
}

/* Both s and the order minus s verify. */
static bool subtract_s(const BIGNUM *order, ECDSA_SIG *signature) {
    BIGNUM *r = BN_dup(ECDSA_SIG_get0_r(signature)), *s = BN_new();
    if (r && s && BN_sub(s, order, ECDSA_SIG_get0_s(signature)) && ECDSA_SIG_set0(signature, r, s))
        return true;
    BN_free(r);
    BN_free(s);
    return false;
}

static bool lower_s(const EVP_PKEY *key, ECDSA_SIG *signature) {
    BIGNUM *order = NULL;
    bool lowered = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_ORDER, &order) &&
                   (!is_high(order, ECDSA_SIG_get0_s(signature)) || subtract_s(order, signature));
    BN_free(order);
    return lowered;
}

static bool has_low_s(const EVP_PKEY *key, const ECDSA_SIG *signature) {
    BIGNUM *order = NULL;
    bool low = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_ORDER, &order) &&
               !is_high(order, ECDSA_SIG_get0_s(signature));
    BN_free(order);
    return low;
}

static ECDSA_SIG *parse_raw(Bytes raw, int half) {
    BIGNUM *r = BN_bin2bn(raw.data, half, NULL), *s = BN_bin2bn(raw.data + half, half, NULL);
    ECDSA_SIG *signature = ECDSA_SIG_new();
    if (r && s && signature && ECDSA_SIG_set0(signature, r, s)) return signature;
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    return NULL;
}

/* --- the key that signed --- */

/* The digest as a number: as many of its first bits as the order has (FIPS 186-5, 6.4.1). */
static BIGNUM *read_digest(const EC_GROUP *group, Bytes digest) {
    int bits = EC_GROUP_order_bits(group), surplus;
    size_t length = digest.length;
    if (length > (size_t)(bits + 7) / 8) length = (size_t)(bits + 7) / 8;
    BIGNUM *number = BN_bin2bn(digest.data, (int)length, NULL);
    surplus = (int)length * 8 - bits;
    if (number && surplus > 0 && !BN_rshift(number, number, surplus)) {
        BN_free(number);
        return NULL;
    }
    return number;
}

/* Writes generator * a / d + point * b / d: of public values only. */
static bool add_multiples(const EC_GROUP *group, EC_POINT *out, const BIGNUM *a,
                          const EC_POINT *point, const BIGNUM *b, const BIGNUM *d,
                          BN_CTX *context) {
    const BIGNUM *order = EC_GROUP_get0_order(group);
    BIGNUM *inverse = BN_mod_inverse(NULL, d, order, context), *u = BN_new(), *v = BN_new();
    bool added = inverse && u && v && BN_mod_mul(u, a, inverse, order, context) &&
                 BN_mod_mul(v, b, inverse, order, context) &&
                 EC_POINT_mul(group, out, u, point, v, context);
    BN_free(inverse);
    BN_free(u);
    BN_free(v);
    return added;
}

/* The values of one calculation. */
typedef struct Recovery {
    const EC_GROUP *group;
    const BIGNUM *r, *s;
    BIGNUM *z, *x, *y;
    EC_POINT *point, *result;
    BN_CTX *context;
} Recovery;

static bool open_recovery(Recovery *recovery, const EC_GROUP *group, const ECDSA_SIG *signature,
                          Bytes digest) {
    *recovery = (Recovery){.group = group,
                           .z = read_digest(group, digest),
                           .x = BN_new(),
                           .y = BN_new(),
                           .point = EC_POINT_new(group),
                           .result = EC_POINT_new(group),
                           .context = BN_CTX_new()};
    ECDSA_SIG_get0(signature, &recovery->r, &recovery->s);
    return recovery->z && recovery->x && recovery->y && recovery->point && recovery->result &&
           recovery->context;
}

static void close_recovery(Recovery *recovery) {
    BN_free(recovery->z);
    BN_free(recovery->x);
    BN_free(recovery->y);
    EC_POINT_free(recovery->point);
    EC_POINT_free(recovery->result);
    BN_CTX_free(recovery->context);
}

static bool set_public(const EVP_PKEY *key, const Recovery *recovery) {
    uint8_t encoded[KEYPARTS_MAX_POINT];
    size_t length = 0;
    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, encoded,
                                           sizeof encoded, &length) &&
           EC_POINT_oct2point(recovery->group, recovery->point, encoded, length, recovery->context);
}

/* The point that verification computes (FIPS 186-5, 6.4.2) is the one that the signer's nonce gave:
 * its x is r, or r plus the order, and the parity of its y tells it from the negative. */
static bool find_id(const EVP_PKEY *key, Recovery *recovery, uint8_t *id) {
    const EC_GROUP *group = recovery->group;
    bool found = set_public(key, recovery) &&
                 add_multiples(group, recovery->result, recovery->z, recovery->point, recovery->r,
                               recovery->s, recovery->context) &&
                 EC_POINT_get_affine_coordinates(group, recovery->result, recovery->x, recovery->y,
                                                 recovery->context);
    if (!found) return false;
    bool is_reduced = BN_cmp(recovery->x, EC_GROUP_get0_order(group)) >= 0;
    *id = (uint8_t)(BN_is_odd(recovery->y) | is_reduced << 1);
    return true;
}

static bool make_id(const EVP_PKEY *key, const ECDSA_SIG *signature, Bytes digest, uint8_t *id) {
    Recovery recovery;
    Failure ignored;
    const CurveRow *curve = keyparts_curve(key, &ignored);
    const EC_GROUP *group = curve ? algorithms_group(curve, &ignored) : NULL;
    if (!group) return false;
    bool made = open_recovery(&recovery, group, signature, digest) && find_id(key, &recovery, id);
    close_recovery(&recovery);
    return made;
}

/* The key is (point * s - generator * z) / r, where the point has the x of r (SEC 1, 4.1.6). */
static bool find_key(Recovery *recovery, uint8_t id) {
    const EC_GROUP *group = recovery->group;
    const BIGNUM *order = EC_GROUP_get0_order(group);
    bool set = BN_copy(recovery->x, recovery->r) &&
               (!(id & 2) || BN_add(recovery->x, recovery->x, order)) &&
               BN_cmp(recovery->x, EC_GROUP_get0_field(group)) < 0 &&
               EC_POINT_set_compressed_coordinates(group, recovery->point, recovery->x, id & 1,
                                                   recovery->context);
    if (!set) return false;
    BN_set_negative(recovery->z, 1);
    return BN_nnmod(recovery->z, recovery->z, order, recovery->context) &&
           add_multiples(group, recovery->result, recovery->z, recovery->point, recovery->s,
                         recovery->r, recovery->context) &&
           !EC_POINT_is_at_infinity(group, recovery->result);
}

static bool is_in_range(const EC_GROUP *group, const BIGNUM *number) {
    return !BN_is_zero(number) && BN_cmp(number, EC_GROUP_get0_order(group)) < 0;
}

static EVP_PKEY *recover(const CurveRow *curve, const EC_GROUP *group, const ECDSA_SIG *signature,
                         Bytes digest, uint8_t id, Failure *failure) {
    static const Bytes none = {NULL, 0};
    Recovery recovery;
    uint8_t point[KEYPARTS_MAX_POINT];
    size_t length = 0;
    bool found = open_recovery(&recovery, group, signature, digest) &&
                 is_in_range(group, recovery.r) && is_in_range(group, recovery.s) &&
                 find_key(&recovery, id);
    if (found) {
        length = EC_POINT_point2oct(group, recovery.result, POINT_CONVERSION_UNCOMPRESSED, point,
                                    sizeof point, recovery.context);
    }
    close_recovery(&recovery);
    if (length) return keyparts_ec(curve, (Bytes){point, length}, none, failure);
    if (!failure_of_memory(failure)) {
        failure_set(failure, "no key: the signature is not one of any key");
    }
    return NULL;
}

EVP_PKEY *ecdsa_recover(const CurveRow *curve, Bytes digest, Bytes signature, Failure *failure) {
    ERR_clear_error();
    const EC_GROUP *group = algorithms_group(curve, failure);
    if (!group) return NULL;
    size_t half = keyparts_order_length(group);
    if (signature.length != 2 * half + 1) {
        failure_set(failure, "no key: a signature with its recovery byte has %zu bytes, got %zu",
                    2 * half + 1, signature.length);
        return NULL;
    }
    uint8_t id = signature.data[2 * half];
    if (id > 3) {
        failure_set(failure,
                    "no key: the recovery byte must be 0 to 3, got %d: of 27 and above, "
                    "as Ethereum has it, subtract 27",
                    id);
        return NULL;
    }
    ECDSA_SIG *parsed = parse_raw(signature, (int)half);
    EVP_PKEY *key = parsed ? recover(curve, group, parsed, digest, id, failure) : NULL;
    if (!parsed) failure_set(failure, "out of memory");
    ECDSA_SIG_free(parsed);
    ERR_clear_error();
    return key;
}

/* --- forms --- */

static bool write_signature(const EVP_PKEY *key, EcdsaForm form, const ECDSA_SIG *signature,
                            uint8_t id, uint8_t *out, size_t *length) {
    int half = length_of_half(key);
    if (!form.is_raw) {
        int size = i2d_ECDSA_SIG(signature, &out);
        *length = size > 0 ? (size_t)size : 0;
        return size > 0;
    }
    if (form.has_recovery) out[2 * half] = id;
    *length = 2 * (size_t)half + form.has_recovery;
    return BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, half) == half &&
           BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + half, half) == half;
}

bool ecdsa_convert(const EVP_PKEY *key, EcdsaForm form, Bytes digest, uint8_t *signature,
                   size_t *length) {
    uint8_t id = 0;
    const unsigned char *at = signature;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &at, (long)*length);
    bool done = parsed && (!form.is_low_s || lower_s(key, parsed)) &&
                (!form.has_recovery || make_id(key, parsed, digest, &id)) &&
                write_signature(key, form, parsed, id, signature, length);
    ECDSA_SIG_free(parsed);
    return done;
}

static ECDSA_SIG *parse(const EVP_PKEY *key, EcdsaForm form, Bytes signature) {
    const unsigned char *at = signature.data;
    int half = length_of_half(key);
    if (!form.is_raw) return d2i_ECDSA_SIG(NULL, &at, (long)signature.length);
    if (signature.length != 2 * (size_t)half + form.has_recovery) return NULL;
    return parse_raw(signature, half);
}

static bool fits_form(const EVP_PKEY *key, EcdsaForm form, Bytes digest, const ECDSA_SIG *parsed,
                      Bytes signature) {
    uint8_t id = 0;
    if (form.is_low_s && !has_low_s(key, parsed)) return false;
    if (!form.has_recovery) return true;
    return make_id(key, parsed, digest, &id) && signature.data[signature.length - 1] == id;
}

/* The DER of what was given as DER stays as it is: OpenSSL refuses other encodings of it. */
static unsigned char *copy_der(EcdsaForm form, const ECDSA_SIG *parsed, Bytes signature,
                               size_t *length) {
    unsigned char *der = NULL;
    *length = signature.length;
    if (!form.is_raw) return OPENSSL_memdup(signature.data, signature.length);
    int size = i2d_ECDSA_SIG(parsed, &der);
    *length = size > 0 ? (size_t)size : 0;
    return size > 0 ? der : NULL;
}

unsigned char *ecdsa_der(const EVP_PKEY *key, EcdsaForm form, Bytes digest, Bytes signature,
                         size_t *length) {
    ECDSA_SIG *parsed = parse(key, form, signature);
    unsigned char *der = parsed && fits_form(key, form, digest, parsed, signature)
                             ? copy_der(form, parsed, signature, length)
                             : NULL;
    ECDSA_SIG_free(parsed);
    return der;
}

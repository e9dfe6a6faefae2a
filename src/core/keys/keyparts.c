#include "core/keys/keyparts.h"

#include "core/keys/keygen.h"
#include "core/keys/keys.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <string.h>

#define MISMATCH "not a usable key: the private half does not belong to the public one"

/* Make a key of the parameters, and free them. */
static EVP_PKEY *make_key(const char *type, bool is_private, OSSL_PARAM_BLD *builder,
                          Failure *failure) {
    EVP_PKEY *key = NULL;
    int selection = is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    OSSL_PARAM *parameters = builder ? OSSL_PARAM_BLD_to_param(builder) : NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    bool made = parameters && context && EVP_PKEY_fromdata_init(context) > 0 &&
                EVP_PKEY_fromdata(context, &key, selection, parameters) > 0;
    if (!made) failure_openssl(failure, "not a usable key");
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    ERR_clear_error();
    if (made) return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* --- RSA --- */

enum { N, E, D, P, Q, DP, DQ, QI, NUMBERS };

static const char *const rsa_names[NUMBERS] = {
    OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
    OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
    OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

/* No number of a key is zero, so none begins with a zero byte. */
static bool read_numbers(const RsaParts *parts, BIGNUM **numbers, int count, Failure *failure) {
    const Bytes bytes[NUMBERS] = {parts->n, parts->e,  parts->d,  parts->p,
                                  parts->q, parts->dp, parts->dq, parts->qi};
    for (int i = 0; i < count; i++) {
        if (!bytes[i].length || !bytes[i].data[0]) {
            return failure_set(failure, "not a usable key: an RSA number is empty or has leading "
                                        "zeros");
        }
        if (bytes[i].length > KEYGEN_MAX_BITS / 8) {
            return failure_set(failure, "not a usable key: an RSA number of more than %d bits",
                               KEYGEN_MAX_BITS);
        }
        numbers[i] = BN_bin2bn(bytes[i].data, (int)bytes[i].length, NULL);
        if (!numbers[i]) return failure_set(failure, "out of memory");
        BN_set_flags(numbers[i], BN_FLG_CONSTTIME);
    }
    return true;
}

/* Is a * b = 1 modulo m? */
static bool are_inverse(const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BIGNUM *scratch,
                        BN_CTX *context) {
    return BN_mod_mul(scratch, a, b, m, context) && BN_is_one(scratch);
}

/* Is e * d = e * exponent = 1 modulo prime - 1? OpenSSL's own check would test that the primes are
 * prime, which takes seconds for long ones. */
static bool fits_prime(BIGNUM *const *numbers, const BIGNUM *prime, const BIGNUM *exponent,
                       BN_CTX *context) {
    BN_CTX_start(context);
    BIGNUM *order = BN_CTX_get(context), *scratch = BN_CTX_get(context);
    bool fits = scratch && BN_is_odd(prime) && !BN_is_one(prime) && BN_copy(order, prime) &&
                BN_sub_word(order, 1) && BN_cmp(exponent, order) < 0 &&
                are_inverse(numbers[E], exponent, order, scratch, context) &&
                are_inverse(numbers[E], numbers[D], order, scratch, context);
    BN_CTX_end(context);
    return fits;
}

static bool fits_modulus(BIGNUM *const *numbers, BN_CTX *context) {
    BN_CTX_start(context);
    BIGNUM *product = BN_CTX_get(context);
    bool fits = product && BN_mul(product, numbers[P], numbers[Q], context) &&
                !BN_cmp(product, numbers[N]) && BN_cmp(numbers[D], numbers[N]) < 0 &&
                BN_cmp(numbers[QI], numbers[P]) < 0 &&
                are_inverse(numbers[QI], numbers[Q], numbers[P], product, context);
    BN_CTX_end(context);
    return fits;
}

static bool check_public_numbers(BIGNUM *const *numbers, Failure *failure) {
    int bits = BN_num_bits(numbers[N]);
    if (bits < KEYGEN_MIN_BITS / 2 || bits > KEYGEN_MAX_BITS) {
        return failure_set(failure, "not a usable key: its RSA modulus has %d bits", bits);
    }
    bool odd = BN_is_odd(numbers[N]) && BN_is_odd(numbers[E]);
    return (odd && !BN_is_one(numbers[E]) && BN_cmp(numbers[E], numbers[N]) < 0) ||
           failure_set(failure, "not a usable key: its RSA modulus or exponent can't be one");
}

static bool check_numbers(BIGNUM *const *numbers, bool is_private, Failure *failure) {
    if (!check_public_numbers(numbers, failure)) return false;
    if (!is_private) return true;
    BN_CTX *context = BN_CTX_secure_new();
    bool fits = context && fits_modulus(numbers, context) &&
                fits_prime(numbers, numbers[P], numbers[DP], context) &&
                fits_prime(numbers, numbers[Q], numbers[DQ], context);
    BN_CTX_free(context);
    return fits || failure_set(failure, MISMATCH);
}

static EVP_PKEY *make_rsa(BIGNUM *const *numbers, int count, Failure *failure) {
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    bool pushed = builder;
    for (int i = 0; pushed && i < count; i++) {
        pushed = OSSL_PARAM_BLD_push_BN(builder, rsa_names[i], numbers[i]);
    }
    if (pushed) return make_key("RSA", count == NUMBERS, builder, failure);
    OSSL_PARAM_BLD_free(builder);
    failure_openssl(failure, "not a usable key");
    return NULL;
}

EVP_PKEY *keyparts_rsa(const RsaParts *parts, Failure *failure) {
    BIGNUM *numbers[NUMBERS] = {NULL};
    EVP_PKEY *key = NULL;
    int count = parts->d.data ? NUMBERS : D;
    ERR_clear_error();
    if (read_numbers(parts, numbers, count, failure) &&
        check_numbers(numbers, count == NUMBERS, failure)) {
        key = make_rsa(numbers, count, failure);
    }
    for (int i = 0; i < NUMBERS; i++) BN_clear_free(numbers[i]);
    ERR_clear_error();
    return key;
}

/* --- elliptic curves --- */

size_t keyparts_field_length(const EC_GROUP *group) {
    return ((size_t)EC_GROUP_get_degree(group) + 7) / 8;
}

size_t keyparts_order_length(const EC_GROUP *group) {
    return ((size_t)EC_GROUP_order_bits(group) + 7) / 8;
}

const CurveRow *keyparts_curve(const EVP_PKEY *key, Failure *failure) {
    char name[80];
    size_t length = 0;
    if (!EVP_PKEY_get_group_name(key, name, sizeof name, &length)) {
        failure_openssl(failure, "not a usable key: no curve");
        return NULL;
    }
    return algorithms_curve((Bytes){(const uint8_t *)name, length}, failure);
}

/* The numbers of a key on a curve. */
typedef struct EcParts {
    const CurveRow *curve;
    const EC_GROUP *group;
    EC_POINT *point;
    BIGNUM *scalar; /* NULL: a public key */
    BN_CTX *context;
} EcParts;

static bool read_scalar(EcParts *ec, Bytes bytes, Failure *failure) {
    size_t length = keyparts_order_length(ec->group);
    if (bytes.length != length) {
        return failure_set(failure, "not a usable key: a private scalar of %zu bytes, expected %zu",
                           bytes.length, length);
    }
    ec->scalar = BN_secure_new();
    if (!ec->scalar || !BN_bin2bn(bytes.data, (int)length, ec->scalar)) {
        return failure_set(failure, "out of memory");
    }
    BN_set_flags(ec->scalar, BN_FLG_CONSTTIME);
    bool fits = !BN_is_zero(ec->scalar) && BN_cmp(ec->scalar, EC_GROUP_get0_order(ec->group)) < 0;
    return fits ||
           failure_set(failure, "not a usable key: the private scalar is zero or too large");
}

/* No protocol uses hybrid encodings (06, 07) or the point at infinity (00). */
static bool read_point(EcParts *ec, Bytes bytes, Failure *failure) {
    uint8_t form = bytes.length ? bytes.data[0] : 0;
    if (form != 2 && form != 3 && form != 4) {
        return failure_set(failure, "not a point: must begin with 02, 03 or 04");
    }
    return EC_POINT_oct2point(ec->group, ec->point, bytes.data, bytes.length, ec->context) == 1 ||
           failure_openssl(failure, "not a point of the curve");
}

/* The point that belongs to the scalar; `given` is compared with it. */
static bool derive_point(EcParts *ec, bool given, Failure *failure) {
    EC_POINT *derived = EC_POINT_new(ec->group);
    bool done = derived && EC_POINT_mul(ec->group, derived, ec->scalar, NULL, NULL, ec->context);
    if (!done) {
        failure_openssl(failure, "not a usable key");
    } else if (given) {
        done = !EC_POINT_cmp(ec->group, derived, ec->point, ec->context) ||
               failure_set(failure, MISMATCH);
    } else {
        done = EC_POINT_copy(ec->point, derived) || failure_set(failure, "out of memory");
    }
    EC_POINT_clear_free(derived);
    return done;
}

static EVP_PKEY *make_ec(const EcParts *ec, Failure *failure) {
    uint8_t point[KEYPARTS_MAX_POINT];
    size_t length = EC_POINT_point2oct(ec->group, ec->point, POINT_CONVERSION_UNCOMPRESSED, point,
                                       sizeof point, ec->context);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    bool pushed =
        builder && length &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, ec->curve->group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, length) &&
        (!ec->scalar || OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, ec->scalar));
    if (pushed) return make_key("EC", ec->scalar, builder, failure);
    OSSL_PARAM_BLD_free(builder);
    failure_openssl(failure, "not a usable key");
    return NULL;
}

EVP_PKEY *keyparts_ec(const CurveRow *curve, Bytes point, Bytes scalar, Failure *failure) {
    EVP_PKEY *key = NULL;
    ERR_clear_error();
    EcParts ec = {.curve = curve, .group = algorithms_group(curve, failure)};
    if (!ec.group) return NULL;
    ec.point = EC_POINT_new(ec.group);
    ec.context = BN_CTX_secure_new();
    bool read = (ec.point && ec.context) || failure_set(failure, "out of memory");
    if (read && point.data) read = read_point(&ec, point, failure);
    if (read && scalar.data) {
        read = read_scalar(&ec, scalar, failure) && derive_point(&ec, point.data, failure);
    }
    if (read) key = make_ec(&ec, failure);
    EC_POINT_free(ec.point);
    BN_clear_free(ec.scalar);
    BN_CTX_free(ec.context);
    ERR_clear_error();
    return key;
}

/* --- keys of plain bytes --- */

static const RawAlgorithm raw_algorithms[] = {
    {"X25519", "X25519", 32},
    {"X448", "X448", 56},
    {"ED25519", "Ed25519", 32},
    {"ED448", "Ed448", 57},
};
static const RawAlgorithm *const raw_end =
    raw_algorithms + sizeof raw_algorithms / sizeof *raw_algorithms;

const RawAlgorithm *keyparts_raw_algorithm(const EVP_PKEY *key) {
    for (const RawAlgorithm *row = raw_algorithms; row < raw_end; row++) {
        if (EVP_PKEY_is_a(key, row->type)) return row;
    }
    return NULL;
}

const RawAlgorithm *keyparts_raw_named(const char *type) {
    for (const RawAlgorithm *row = raw_algorithms; row < raw_end; row++) {
        if (!strcmp(row->type, type)) return row;
    }
    return NULL;
}

const RawAlgorithm *keyparts_raw_jose(Bytes name) {
    for (const RawAlgorithm *row = raw_algorithms; row < raw_end; row++) {
        size_t length = strlen(row->jose);
        if (length == name.length && !memcmp(row->jose, name.data, length)) return row;
    }
    return NULL;
}

static bool has_length(const RawAlgorithm *algorithm, Bytes half, Failure *failure) {
    return !half.data || half.length == algorithm->length ||
           failure_set(failure, "not a usable key: %s keys have %zu bytes, got %zu",
                       algorithm->jose, algorithm->length, half.length);
}

static bool has_public_half(const EVP_PKEY *key, Bytes expected) {
    uint8_t bytes[KEYPARTS_MAX_RAW];
    size_t length = sizeof bytes;
    return EVP_PKEY_get_raw_public_key(key, bytes, &length) && length == expected.length &&
           !memcmp(bytes, expected.data, length);
}

EVP_PKEY *keyparts_raw(const RawAlgorithm *algorithm, Bytes public_half, Bytes private_half,
                       Failure *failure) {
    ERR_clear_error();
    if (!has_length(algorithm, public_half, failure)) return NULL;
    if (!has_length(algorithm, private_half, failure)) return NULL;
    EVP_PKEY *key = private_half.data
                        ? EVP_PKEY_new_raw_private_key_ex(NULL, algorithm->type, NULL,
                                                          private_half.data, private_half.length)
                        : EVP_PKEY_new_raw_public_key_ex(NULL, algorithm->type, NULL,
                                                         public_half.data, public_half.length);
    if (!key) failure_openssl(failure, "not a usable key");
    bool fits =
        key && (!private_half.data || !public_half.data || has_public_half(key, public_half));
    if (key && !fits) failure_set(failure, MISMATCH);
    ERR_clear_error();
    if (fits) return key;
    EVP_PKEY_free(key);
    return NULL;
}

#include "core/crypto/jwk.h"

#include "core/crypto/base64.h"
#include "core/keys/keyparts.h"
#include "core/keys/keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

#define MAX_TEXT 4096 /* an RSA modulus of 16384 bits takes 2731 characters */
#define MAX_NUMBER (MAX_TEXT / 4 * 3 + 2)

const char *const jwk_names[JWK_MEMBERS] = {
    [JWK_KTY] = "kty", [JWK_CRV] = "crv", [JWK_X] = "x", [JWK_Y] = "y",     [JWK_N] = "n",
    [JWK_E] = "e",     [JWK_D] = "d",     [JWK_P] = "p", [JWK_Q] = "q",     [JWK_DP] = "dp",
    [JWK_DQ] = "dq",   [JWK_QI] = "qi",   [JWK_K] = "k", [JWK_OTH] = "oth",
};

static bool is_text(Bytes bytes, const char *text) {
    return bytes.data && bytes.length == strlen(text) && !memcmp(bytes.data, text, bytes.length);
}

/* --- reading --- */

/* The numbers of a key while it is read: cleansed at the end. */
typedef struct Numbers {
    uint8_t bytes[JWK_MEMBERS][MAX_NUMBER];
    Bytes views[JWK_MEMBERS];
} Numbers;

/* RFC 7515 allows no padding. */
static bool is_unpadded(Bytes text) {
    return !text.length || text.data[text.length - 1] != '=';
}

static bool read_number(const Jwk *jwk, JwkMember member, Numbers *numbers, Failure *failure) {
    Bytes text = jwk->members[member];
    const char *name = jwk_names[member];
    Failure ignored;
    size_t length = 0;
    if (!text.data) return failure_set(failure, "not a usable JWK: no member \"%s\"", name);
    if (text.length > MAX_TEXT) {
        return failure_set(failure, "not a usable JWK: member \"%s\" is too long", name);
    }
    if (!is_unpadded(text) ||
        !base64_decode(BASE64_URL, text, numbers->bytes[member], &length, &ignored)) {
        return failure_set(failure,
                           "not a usable JWK: member \"%s\" is not Base64 for URLs without padding",
                           name);
    }
    numbers->views[member] = (Bytes){numbers->bytes[member], length};
    return true;
}

static bool read_all(const Jwk *jwk, const JwkMember *members, size_t count, Numbers *numbers,
                     Failure *failure) {
    for (size_t i = 0; i < count; i++) {
        if (!read_number(jwk, members[i], numbers, failure)) return false;
    }
    return true;
}

static EVP_PKEY *read_rsa(const Jwk *jwk, bool is_private, Numbers *numbers, Failure *failure) {
    static const JwkMember members[] = {JWK_N, JWK_E, JWK_D, JWK_P, JWK_Q, JWK_DP, JWK_DQ, JWK_QI};
    if (jwk->members[JWK_OTH].data) {
        failure_set(failure, "not a usable JWK: an RSA key of more than two primes");
        return NULL;
    }
    if (!read_all(jwk, members, is_private ? 8 : 2, numbers, failure)) return NULL;
    const Bytes *views = numbers->views;
    RsaParts parts = {views[JWK_N], views[JWK_E],  views[JWK_D],  views[JWK_P],
                      views[JWK_Q], views[JWK_DP], views[JWK_DQ], views[JWK_QI]};
    return keyparts_rsa(&parts, failure);
}

/* The curves of RFC 7518 and RFC 8812. */
static const char *const curves[] = {"P-256", "P-384", "P-521", "secp256k1"};

static const CurveRow *find_curve(Bytes name, Failure *failure) {
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (is_text(name, curves[i])) return algorithms_curve(name, failure);
    }
    failure_set(failure, "not a usable JWK: \"crv\" of an EC key must be P-256, P-384, P-521 or "
                         "secp256k1");
    return NULL;
}

/* Coordinates have the full length of the field (RFC 7518, 6.2.1). */
static bool join_point(const EC_GROUP *group, const Numbers *numbers, uint8_t *point,
                       Failure *failure) {
    size_t length = keyparts_field_length(group);
    Bytes x = numbers->views[JWK_X], y = numbers->views[JWK_Y];
    if (x.length != length || y.length != length) {
        return failure_set(
            failure, "not a usable JWK: \"x\" and \"y\" must have %zu bytes on this curve", length);
    }
    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(point + 1, x.data, length);
    memcpy(point + 1 + length, y.data, length);
    return true;
}

static EVP_PKEY *read_ec(const Jwk *jwk, bool is_private, Numbers *numbers, Failure *failure) {
    static const JwkMember members[] = {JWK_X, JWK_Y, JWK_D};
    uint8_t point[KEYPARTS_MAX_POINT];
    const CurveRow *curve = find_curve(jwk->members[JWK_CRV], failure);
    const EC_GROUP *group = curve ? algorithms_group(curve, failure) : NULL;
    if (!group || !read_all(jwk, members, is_private ? 3 : 2, numbers, failure)) return NULL;
    if (!join_point(group, numbers, point, failure)) return NULL;
    return keyparts_ec(curve, (Bytes){point, 1 + 2 * keyparts_field_length(group)},
                       numbers->views[JWK_D], failure);
}

static EVP_PKEY *read_okp(const Jwk *jwk, bool is_private, Numbers *numbers, Failure *failure) {
    static const JwkMember members[] = {JWK_X, JWK_D};
    Bytes curve = jwk->members[JWK_CRV];
    const RawAlgorithm *algorithm = curve.data ? keyparts_raw_jose(curve) : NULL;
    if (!algorithm) {
        failure_set(failure, "not a usable JWK: \"crv\" of an OKP key must be Ed25519, Ed448, "
                             "X25519 or X448");
        return NULL;
    }
    if (!read_all(jwk, members, is_private ? 2 : 1, numbers, failure)) return NULL;
    return keyparts_raw(algorithm, numbers->views[JWK_X], numbers->views[JWK_D], failure);
}

static EVP_PKEY *read_kind(const Jwk *jwk, bool is_private, Numbers *numbers, Failure *failure) {
    Bytes kty = jwk->members[JWK_KTY];
    if (is_text(kty, "RSA")) return read_rsa(jwk, is_private, numbers, failure);
    if (is_text(kty, "EC")) return read_ec(jwk, is_private, numbers, failure);
    if (is_text(kty, "OKP")) return read_okp(jwk, is_private, numbers, failure);
    if (is_text(kty, "oct")) {
        failure_set(failure, "not a usable JWK: a secret of kty \"oct\" is no key pair: decode its "
                             "\"k\" with base64url-decode");
    } else {
        failure_set(failure, "not a usable JWK: \"kty\" must be RSA, EC or OKP");
    }
    return NULL;
}

EVP_PKEY *jwk_read(const Jwk *jwk, bool *is_private, Failure *failure) {
    Numbers *numbers = OPENSSL_zalloc(sizeof *numbers);
    if (!numbers) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    *is_private = jwk->members[JWK_D].data;
    EVP_PKEY *key = read_kind(jwk, *is_private, numbers, failure);
    OPENSSL_clear_free(numbers, sizeof *numbers);
    ERR_clear_error();
    return key;
}

/* --- writing --- */

static bool put_text(Jwk *jwk, JwkMember member, const char *text, Failure *failure) {
    uint8_t *copy = OPENSSL_memdup(text, strlen(text));
    if (!copy) return failure_set(failure, "out of memory");
    jwk->members[member] = (Bytes){copy, strlen(text)};
    return true;
}

static bool put_bytes(Jwk *jwk, JwkMember member, Bytes bytes, Failure *failure) {
    size_t length = base64_encoded_length(BASE64_URL, bytes.length);
    uint8_t *text = OPENSSL_malloc(length + 1);
    if (!text) return failure_set(failure, "out of memory");
    base64_encode(BASE64_URL, bytes, text);
    jwk->members[member] = (Bytes){text, length};
    return true;
}

/* A number of the key, padded to `length` bytes; 0: as many as it has. */
static bool put_number(const EVP_PKEY *key, const char *name, size_t length, Jwk *jwk,
                       JwkMember member, Failure *failure) {
    BIGNUM *number = NULL;
    uint8_t bytes[MAX_NUMBER];
    bool put = EVP_PKEY_get_bn_param(key, name, &number);
    if (put && !length) length = (size_t)BN_num_bytes(number);
    put = put && length <= sizeof bytes && BN_bn2binpad(number, bytes, (int)length) >= 0;
    BN_clear_free(number);
    if (!put) return failure_openssl(failure, "no JWK: the key lacks \"%s\"", jwk_names[member]);
    put = put_bytes(jwk, member, (Bytes){bytes, length}, failure);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return put;
}

static bool write_rsa(const EVP_PKEY *key, bool with_private, Jwk *jwk, Failure *failure) {
    static const struct {
        JwkMember member;
        const char *name;
    } rows[] = {
        {JWK_N, OSSL_PKEY_PARAM_RSA_N},          {JWK_E, OSSL_PKEY_PARAM_RSA_E},
        {JWK_D, OSSL_PKEY_PARAM_RSA_D},          {JWK_P, OSSL_PKEY_PARAM_RSA_FACTOR1},
        {JWK_Q, OSSL_PKEY_PARAM_RSA_FACTOR2},    {JWK_DP, OSSL_PKEY_PARAM_RSA_EXPONENT1},
        {JWK_DQ, OSSL_PKEY_PARAM_RSA_EXPONENT2}, {JWK_QI, OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
    };
    BIGNUM *third = NULL;
    bool has_third = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR3, &third);
    BN_clear_free(third);
    if (has_third) return failure_set(failure, "no JWK: an RSA key of more than two primes");
    bool written = put_text(jwk, JWK_KTY, "RSA", failure);
    for (int i = 0; written && i < (with_private ? 8 : 2); i++) {
        written = put_number(key, rows[i].name, 0, jwk, rows[i].member, failure);
    }
    return written;
}

static const char *curve_name(const CurveRow *curve) {
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        Failure ignored;
        Bytes name = {(const uint8_t *)curves[i], strlen(curves[i])};
        if (algorithms_curve(name, &ignored) == curve) return curves[i];
    }
    return NULL;
}

static bool write_ec(const EVP_PKEY *key, bool with_private, Jwk *jwk, Failure *failure) {
    const CurveRow *curve = keyparts_curve(key, failure);
    const EC_GROUP *group = curve ? algorithms_group(curve, failure) : NULL;
    if (!group) return false;
    const char *name = curve_name(curve);
    if (!name) return failure_set(failure, "no JWK: the curve %s has none", curve->group);
    size_t field = keyparts_field_length(group), order = keyparts_order_length(group);
    return put_text(jwk, JWK_KTY, "EC", failure) && put_text(jwk, JWK_CRV, name, failure) &&
           put_number(key, OSSL_PKEY_PARAM_EC_PUB_X, field, jwk, JWK_X, failure) &&
           put_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, field, jwk, JWK_Y, failure) &&
           (!with_private || put_number(key, OSSL_PKEY_PARAM_PRIV_KEY, order, jwk, JWK_D, failure));
}

static bool write_okp(const EVP_PKEY *key, bool with_private, Jwk *jwk, Failure *failure) {
    uint8_t bytes[KEYPARTS_MAX_RAW];
    size_t length = sizeof bytes;
    bool written = put_text(jwk, JWK_KTY, "OKP", failure) &&
                   put_text(jwk, JWK_CRV, keyparts_raw_algorithm(key)->jose, failure);
    if (!written) return false;
    written = EVP_PKEY_get_raw_public_key(key, bytes, &length) &&
              put_bytes(jwk, JWK_X, (Bytes){bytes, length}, failure);
    if (written && with_private) {
        length = sizeof bytes;
        written = EVP_PKEY_get_raw_private_key(key, bytes, &length) &&
                  put_bytes(jwk, JWK_D, (Bytes){bytes, length}, failure);
        OPENSSL_cleanse(bytes, sizeof bytes);
    }
    return written || failure_openssl(failure, "no JWK");
}

static bool write_kind(const EVP_PKEY *key, bool with_private, Jwk *jwk, Failure *failure) {
    if (EVP_PKEY_is_a(key, "RSA")) return write_rsa(key, with_private, jwk, failure);
    if (EVP_PKEY_is_a(key, "EC")) return write_ec(key, with_private, jwk, failure);
    if (keyparts_raw_algorithm(key)) return write_okp(key, with_private, jwk, failure);
    return failure_set(failure, "no JWK: %s keys have none", keys_type(key));
}

bool jwk_write(const EVP_PKEY *key, bool with_private, Jwk *jwk, Failure *failure) {
    *jwk = (Jwk){.members = {{NULL, 0}}};
    bool written = write_kind(key, with_private, jwk, failure);
    if (!written) jwk_free(jwk);
    ERR_clear_error();
    return written;
}

void jwk_free(Jwk *jwk) {
    for (int i = 0; i < JWK_MEMBERS; i++) {
        Bytes *member = jwk->members + i;
        OPENSSL_clear_free((void *)(uintptr_t)member->data, member->length);
        *member = (Bytes){NULL, 0};
    }
}

/* --- thumbprints --- */

/* The required members of each kind, sorted by name. */
static const JwkMember *required_members(const Jwk *jwk) {
    static const JwkMember rsa[] = {JWK_E, JWK_KTY, JWK_N, JWK_MEMBERS};
    static const JwkMember ec[] = {JWK_CRV, JWK_KTY, JWK_X, JWK_Y, JWK_MEMBERS};
    static const JwkMember okp[] = {JWK_CRV, JWK_KTY, JWK_X, JWK_MEMBERS};
    static const JwkMember oct[] = {JWK_K, JWK_KTY, JWK_MEMBERS};
    Bytes kty = jwk->members[JWK_KTY];
    return is_text(kty, "RSA") ? rsa : is_text(kty, "EC") ? ec : is_text(kty, "OKP") ? okp : oct;
}

static bool hash_text(EVP_MD_CTX *context, const char *text) {
    return EVP_DigestUpdate(context, text, strlen(text)) == 1;
}

/* No value needs an escape in JSON: they are names of this file, or Base64 that was checked. */
static bool hash_member(EVP_MD_CTX *context, const Jwk *jwk, JwkMember member) {
    Bytes value = jwk->members[member];
    return hash_text(context, "\"") && hash_text(context, jwk_names[member]) &&
           hash_text(context, "\":\"") &&
           EVP_DigestUpdate(context, value.data, value.length) == 1 && hash_text(context, "\"");
}

static bool hash_members(const Jwk *jwk, const EVP_MD *md, uint8_t *digest) {
    const JwkMember *members = required_members(jwk);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool hashed = context && EVP_DigestInit_ex2(context, md, NULL) && hash_text(context, "{");
    for (int i = 0; hashed && members[i] != JWK_MEMBERS; i++) {
        hashed = (!i || hash_text(context, ",")) && hash_member(context, jwk, members[i]);
    }
    hashed = hashed && hash_text(context, "}") && EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    return hashed;
}

static bool check_secret(const Jwk *jwk, Failure *failure) {
    Numbers *numbers = OPENSSL_zalloc(sizeof *numbers);
    bool read =
        numbers ? read_number(jwk, JWK_K, numbers, failure) : failure_set(failure, "out of memory");
    OPENSSL_clear_free(numbers, sizeof *numbers);
    return read;
}

/* Private members do not count. Other spellings of a key have the same thumbprint, so the members
 * are written anew. */
static bool hash_key(const Jwk *jwk, const EVP_MD *md, uint8_t *digest, Failure *failure) {
    bool is_private;
    Jwk canonical, public_half = *jwk;
    public_half.members[JWK_D] = public_half.members[JWK_OTH] = (Bytes){NULL, 0};
    EVP_PKEY *key = jwk_read(&public_half, &is_private, failure);
    bool written = key && jwk_write(key, false, &canonical, failure);
    EVP_PKEY_free(key);
    if (!written) return false;
    bool hashed = hash_members(&canonical, md, digest) || failure_openssl(failure, "no thumbprint");
    jwk_free(&canonical);
    return hashed;
}

bool jwk_thumbprint(const Jwk *jwk, const EVP_MD *md, uint8_t *digest, Failure *failure) {
    ERR_clear_error();
    if (!is_text(jwk->members[JWK_KTY], "oct")) return hash_key(jwk, md, digest, failure);
    if (!check_secret(jwk, failure)) return false;
    return hash_members(jwk, md, digest) || failure_openssl(failure, "no thumbprint");
}

#include "core/crypto/point.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <string.h>

/* A curve, and the points and numbers of one computation on it. */
typedef struct Ec {
    const EC_GROUP *group;
    EC_POINT *result, *point;
    BIGNUM *scalar, *x, *y;
    BN_CTX *context;
} Ec;

static bool open_ec(Ec *ec, const CurveRow *curve, Failure *failure) {
    ERR_clear_error();
    *ec = (Ec){.group = algorithms_group(curve, failure)};
    if (!ec->group) return false;
    ec->result = EC_POINT_new(ec->group);
    ec->point = EC_POINT_new(ec->group);
    ec->scalar = BN_secure_new();
    ec->x = BN_new();
    ec->y = BN_new();
    ec->context = BN_CTX_secure_new();
    return (ec->result && ec->point && ec->scalar && ec->x && ec->y && ec->context) ||
           failure_set(failure, "out of memory");
}

static void close_ec(Ec *ec) {
    EC_POINT_clear_free(ec->result);
    EC_POINT_clear_free(ec->point);
    BN_clear_free(ec->scalar);
    BN_clear_free(ec->x);
    BN_clear_free(ec->y);
    BN_CTX_free(ec->context);
    ERR_clear_error();
}

static int field_length(const EC_GROUP *group) {
    return (EC_GROUP_get_degree(group) + 7) / 8;
}

static int order_length(const EC_GROUP *group) {
    return (EC_GROUP_order_bits(group) + 7) / 8;
}

/* Big-endian; leading zeros are ignored. */
static bool read_number(Bytes bytes, int max_length, BIGNUM *number, const char *what,
                        Failure *failure) {
    while (bytes.length && !*bytes.data) bytes.data++, bytes.length--;
    if (bytes.length > (size_t)max_length) {
        return failure_set(failure, "%s of %zu bytes, at most %d", what, bytes.length, max_length);
    }
    return BN_bin2bn(bytes.data, (int)bytes.length, number) ||
           failure_openssl(failure, "%s not read", what);
}

/* No protocol uses hybrid encodings (06, 07) or the point at infinity (00). */
static bool read_sec1(Ec *ec, Bytes bytes, EC_POINT *into, Failure *failure) {
    uint8_t form = bytes.length ? bytes.data[0] : 0;
    if (form != 2 && form != 3 && form != 4) {
        return failure_set(failure, "not a point: must begin with 02, 03 or 04");
    }
    return EC_POINT_oct2point(ec->group, into, bytes.data, bytes.length, ec->context) == 1 ||
           failure_openssl(failure, "not a point of the curve");
}

static bool read_point(Ec *ec, const PointBytes *bytes, EC_POINT *into, Failure *failure) {
    if (bytes->sec1.data) return read_sec1(ec, bytes->sec1, into, failure);
    int max_length = field_length(ec->group);
    if (!read_number(bytes->x, max_length, ec->x, "not a point: :x", failure) ||
        !read_number(bytes->y, max_length, ec->y, "not a point: :y", failure)) {
        return false;
    }
    /* OpenSSL checks that the point is on the curve. */
    return EC_POINT_set_affine_coordinates(ec->group, into, ec->x, ec->y, ec->context) == 1 ||
           failure_openssl(failure, "not a point of the curve");
}

static bool write_point(Ec *ec, const EC_POINT *point, Coordinates *out, Failure *failure) {
    out->length = field_length(ec->group);
    if (EC_POINT_is_at_infinity(ec->group, point)) {
        return failure_set(failure,
                           "the result is the point at infinity, which has no coordinates");
    }
    return (EC_POINT_get_affine_coordinates(ec->group, point, ec->x, ec->y, ec->context) == 1 &&
            BN_bn2binpad(ec->x, out->x, out->length) == out->length &&
            BN_bn2binpad(ec->y, out->y, out->length) == out->length) ||
           failure_openssl(failure, "no coordinates");
}

bool point_multiply(const CurveRow *curve, Bytes scalar, const PointBytes *point, Coordinates *out,
                    Failure *failure) {
    Ec ec;
    bool done = open_ec(&ec, curve, failure) &&
                read_number(scalar, order_length(ec.group), ec.scalar, "scalar", failure);
    if (!done) goto end;
    BN_set_flags(ec.scalar, BN_FLG_CONSTTIME);
    if (point) {
        done = read_point(&ec, point, ec.point, failure);
        if (!done) goto end;
        done = EC_POINT_mul(ec.group, ec.result, NULL, ec.point, ec.scalar, ec.context) == 1;
    } else {
        done = EC_POINT_mul(ec.group, ec.result, ec.scalar, NULL, NULL, ec.context) == 1;
    }
    if (!done) failure_openssl(failure, "not multiplied");
    done = done && write_point(&ec, ec.result, out, failure);
end:
    close_ec(&ec);
    return done;
}

bool point_add(const CurveRow *curve, const PointBytes *a, const PointBytes *b, Coordinates *out,
               Failure *failure) {
    Ec ec;
    bool done = open_ec(&ec, curve, failure) && read_point(&ec, a, ec.result, failure) &&
                read_point(&ec, b, ec.point, failure);
    if (done && EC_POINT_add(ec.group, ec.result, ec.result, ec.point, ec.context) != 1) {
        done = failure_openssl(failure, "not added");
    }
    done = done && write_point(&ec, ec.result, out, failure);
    close_ec(&ec);
    return done;
}

bool point_reread(const CurveRow *curve, const PointBytes *point, Coordinates *out,
                  Failure *failure) {
    Ec ec;
    bool done = open_ec(&ec, curve, failure) && read_point(&ec, point, ec.point, failure) &&
                write_point(&ec, ec.point, out, failure);
    close_ec(&ec);
    return done;
}

bool point_random_scalar(const CurveRow *curve, uint8_t *out, int *length, Failure *failure) {
    Ec ec;
    bool done = open_ec(&ec, curve, failure);
    if (!done) goto end;
    *length = order_length(ec.group);
    do { /* zero has a chance of 2^-224 */
        done = BN_priv_rand_range(ec.scalar, EC_GROUP_get0_order(ec.group)) == 1;
    } while (done && BN_is_zero(ec.scalar));
    done = done && BN_bn2binpad(ec.scalar, out, *length) == *length;
    if (!done) failure_openssl(failure, "no random scalar");
end:
    close_ec(&ec);
    return done;
}

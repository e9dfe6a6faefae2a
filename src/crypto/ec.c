/* Arithmetic of points on elliptic curves. */
#include "base/module.h"
#include "base/raise.h"
#include "crypto/args.h"
#include "register.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <string.h>

#define LONGEST_FIELD 66 /* P-521's coordinates */

/* A curve and what is computed on it: freed as a whole. */
typedef struct Ec {
    const EC_GROUP *group;
    EC_POINT *result, *point;
    BIGNUM *scalar, *x, *y;
    BN_CTX *context;
} Ec;

/* A point as bytes: coordinates, or SEC1's encoding. */
typedef struct PointBytes {
    Bytes x, y, sec1;
} PointBytes;

typedef struct Coordinates {
    uint8_t x[LONGEST_FIELD], y[LONGEST_FIELD];
    int length;
} Coordinates;

static bool ec_open(Ec *ec, const CurveRow *curve, Failure *failure) {
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

static void ec_close(Ec *ec) {
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

/* Big-endian, of any length; zeros in front don't count. */
static bool read_number(Bytes bytes, int longest, BIGNUM *number, const char *what,
                        Failure *failure) {
    while (bytes.length && !*bytes.data) bytes.data++, bytes.length--;
    if (bytes.length > (size_t)longest) {
        return failure_set(failure, "%s of %zu bytes, at most %d", what, bytes.length, longest);
    }
    return BN_bin2bn(bytes.data, (int)bytes.length, number) ||
           failure_openssl(failure, "%s not read", what);
}

/* Hybrid encodings (06, 07) and the point at infinity (00) have no place in any protocol. */
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
    int longest = field_length(ec->group);
    if (!read_number(bytes->x, longest, ec->x, "not a point: :x", failure) ||
        !read_number(bytes->y, longest, ec->y, "not a point: :y", failure)) {
        return false;
    }
    /* Also checks that it is on the curve. */
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

static bool multiply(const CurveRow *curve, Bytes scalar, const PointBytes *point, Coordinates *out,
                     Failure *failure) {
    Ec ec;
    bool done = ec_open(&ec, curve, failure) &&
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
    ec_close(&ec);
    return done;
}

static bool add(const CurveRow *curve, const PointBytes *a, const PointBytes *b, Coordinates *out,
                Failure *failure) {
    Ec ec;
    bool done = ec_open(&ec, curve, failure) && read_point(&ec, a, ec.result, failure) &&
                read_point(&ec, b, ec.point, failure);
    if (done && EC_POINT_add(ec.group, ec.result, ec.result, ec.point, ec.context) != 1) {
        done = failure_openssl(failure, "not added");
    }
    done = done && write_point(&ec, ec.result, out, failure);
    ec_close(&ec);
    return done;
}

static bool reread(const CurveRow *curve, const PointBytes *point, Coordinates *out,
                   Failure *failure) {
    Ec ec;
    bool done = ec_open(&ec, curve, failure) && read_point(&ec, point, ec.point, failure) &&
                write_point(&ec, ec.point, out, failure);
    ec_close(&ec);
    return done;
}

static bool random_scalar(const CurveRow *curve, uint8_t *out, int *length, Failure *failure) {
    Ec ec;
    bool done = ec_open(&ec, curve, failure);
    if (!done) goto end;
    *length = order_length(ec.group);
    do { /* 0 comes with a chance of 2^-224 */
        done = BN_priv_rand_range(ec.scalar, EC_GROUP_get0_order(ec.group)) == 1;
    } while (done && BN_is_zero(ec.scalar));
    done = done && BN_bn2binpad(ec.scalar, out, *length) == *length;
    if (!done) failure_openssl(failure, "no random scalar");
end:
    ec_close(&ec);
    return done;
}

/* --- Janet's side --- */

static Janet buffer_of(const uint8_t *bytes, int length) {
    JanetBuffer *buffer = janet_buffer(length);
    janet_buffer_push_bytes(buffer, bytes, length);
    return janet_wrap_buffer(buffer);
}

static Janet struct_of(Coordinates *point) {
    JanetKV *result = janet_struct_begin(2);
    janet_struct_put(result, janet_ckeywordv("x"), buffer_of(point->x, point->length));
    janet_struct_put(result, janet_ckeywordv("y"), buffer_of(point->y, point->length));
    OPENSSL_cleanse(point, sizeof *point);
    return janet_wrap_struct(janet_struct_end(result));
}

/* {:x bytes :y bytes}, or the bytes of SEC1. */
static PointBytes args_point(const Janet *argv, int32_t slot) {
    Janet value = argv[slot];
    if (janet_checktypes(value, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        return (PointBytes){.sec1 = args_bytes(argv, slot)};
    }
    if (!janet_checktypes(value, JANET_TFLAG_DICTIONARY)) {
        raise_type(slot, "point {:x bytes :y bytes} or its bytes", value);
    }
    Janet xy[2] = {janet_get(value, janet_ckeywordv("x")), janet_get(value, janet_ckeywordv("y"))};
    for (int i = 0; i < 2; i++) {
        if (janet_checktypes(xy[i], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) continue;
        raise_type(slot, "point whose :x and :y are strings or buffers", value);
    }
    return (PointBytes){.x = args_bytes(xy, 0), .y = args_bytes(xy, 1)};
}

static Janet cfun_crypto_ec_generate_scalar(int32_t argc, Janet *argv) {
    const char *function = "crypto/ec-generate-scalar";
    uint8_t scalar[LONGEST_FIELD];
    int length;
    Failure failure;
    janet_fixarity(argc, 1);
    if (!random_scalar(args_curve(function, argv, 0), scalar, &length, &failure)) {
        raise_failure(function, &failure);
    }
    Janet result = buffer_of(scalar, length);
    OPENSSL_cleanse(scalar, sizeof scalar);
    return result;
}

static Janet cfun_crypto_ec_point_mul(int32_t argc, Janet *argv) {
    const char *function = "crypto/ec-point-mul";
    PointBytes point;
    Coordinates result;
    Failure failure;
    janet_arity(argc, 2, 3);
    const CurveRow *curve = args_curve(function, argv, 0);
    Bytes scalar = args_bytes(argv, 1);
    bool given = argc > 2 && !janet_checktype(argv[2], JANET_NIL);
    if (given) point = args_point(argv, 2);
    if (!multiply(curve, scalar, given ? &point : NULL, &result, &failure)) {
        raise_failure(function, &failure);
    }
    return struct_of(&result);
}

static Janet cfun_crypto_ec_point_add(int32_t argc, Janet *argv) {
    const char *function = "crypto/ec-point-add";
    Coordinates result;
    Failure failure;
    janet_fixarity(argc, 3);
    const CurveRow *curve = args_curve(function, argv, 0);
    PointBytes a = args_point(argv, 1), b = args_point(argv, 2);
    if (!add(curve, &a, &b, &result, &failure)) raise_failure(function, &failure);
    return struct_of(&result);
}

typedef struct PointOptions {
    bool compressed;
} PointOptions;

static const OptionRow point_rows[] = {
    OPTION("compressed", option_boolean, PointOptions, compressed,
           "x and one bit of y only. False by default."),
};
static const OptionSet point_options = OPTION_SET(point_rows);

static Janet cfun_crypto_ec_point_to_bytes(int32_t argc, Janet *argv) {
    const char *function = "crypto/ec-point-to-bytes";
    Coordinates point;
    PointOptions options = {false};
    Failure failure;
    janet_arity(argc, 2, 3);
    const CurveRow *curve = args_curve(function, argv, 0);
    PointBytes bytes = args_point(argv, 1);
    options_read(function, &point_options, args_options(argv, argc, 2), &options);
    if (!reread(curve, &bytes, &point, &failure)) raise_failure(function, &failure);
    JanetBuffer *out = janet_buffer(1 + 2 * point.length);
    int odd = point.y[point.length - 1] & 1;
    janet_buffer_push_u8(out, options.compressed ? (uint8_t)(2 + odd) : 4);
    janet_buffer_push_bytes(out, point.x, point.length);
    if (!options.compressed) janet_buffer_push_bytes(out, point.y, point.length);
    return janet_wrap_buffer(out);
}

static Janet cfun_crypto_ec_point_from_bytes(int32_t argc, Janet *argv) {
    const char *function = "crypto/ec-point-from-bytes";
    Coordinates point;
    Failure failure;
    janet_fixarity(argc, 2);
    const CurveRow *curve = args_curve(function, argv, 0);
    PointBytes bytes = {.sec1 = args_bytes(argv, 1)};
    if (!reread(curve, &bytes, &point, &failure)) raise_failure(function, &failure);
    return struct_of(&point);
}

static const FunctionRow rows[] = {
    {"crypto/ec-generate-scalar", cfun_crypto_ec_generate_scalar,
     "(crypto/ec-generate-scalar curve)\n\n"
     "A random number from 1 to the curve's order less 1, as a buffer of big-endian bytes, as many "
     "as the order has: a private key. `curve` is :p-256, :p-384, :p-521, :secp256k1, :p-224, "
     ":brainpoolP256r1, :brainpoolP384r1 or :brainpoolP512r1, in any of their spellings.",
     NULL},
    {"crypto/ec-point-mul", cfun_crypto_ec_point_mul,
     "(crypto/ec-point-mul curve scalar &opt point)\n\n"
     "`point`, or the curve's generator if none is given, times `scalar`, big-endian bytes. Points "
     "are structs `{:x buffer :y buffer}` of big-endian coordinates as long as the field; one that "
     "is given may also be SEC1 bytes. The scalar counts modulo the order. The time taken does not "
     "depend on it. Raises when the point is not on the curve, the scalar longer than the order, or "
     "the result the point at infinity.\n\n"
     "A building block: for signatures use `sign`, for key agreement `derive`.",
     NULL},
    {"crypto/ec-point-add", cfun_crypto_ec_point_add,
     "(crypto/ec-point-add curve point1 point2)\n\n"
     "The sum of two points, as `{:x buffer :y buffer}`; the same point twice is doubled. Raises "
     "when one is not on the curve, or the sum is the point at infinity.",
     NULL},
    {"crypto/ec-point-to-bytes", cfun_crypto_ec_point_to_bytes,
     "(crypto/ec-point-to-bytes curve point &opt opts)\n\n"
     "A point in SEC1's encoding (section 2.3.3), as a buffer. Raises when it is not on the curve.\n",
     &point_options},
    {"crypto/ec-point-from-bytes", cfun_crypto_ec_point_from_bytes,
     "(crypto/ec-point-from-bytes curve bytes)\n\n"
     "The point `{:x buffer :y buffer}` that SEC1 bytes stand for, compressed (02, 03) or not (04). "
     "Raises on any other form, a wrong length, and what is not on the curve.",
     NULL},
    {NULL, NULL, NULL, NULL},
};

void ec_register(JanetTable *env) {
    module_functions(env, rows);
}

/* Arithmetic of points on elliptic curves. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/point.h"
#include "register.h"

#include <string.h>

static Janet make_buffer(const uint8_t *bytes, int length) {
    JanetBuffer *buffer = janet_buffer(length);
    janet_buffer_push_bytes(buffer, bytes, length);
    return janet_wrap_buffer(buffer);
}

static Janet make_point(Coordinates *point) {
    JanetKV *result = janet_struct_begin(2);
    janet_struct_put(result, janet_ckeywordv("x"), make_buffer(point->x, point->length));
    janet_struct_put(result, janet_ckeywordv("y"), make_buffer(point->y, point->length));
    OPENSSL_cleanse(point, sizeof *point);
    return janet_wrap_struct(janet_struct_end(result));
}

/* A point is {:x bytes :y bytes}, or its bytes in the encoding of SEC 1. */
static PointBytes read_point(const char *function, const Janet *argv, int32_t slot) {
    Janet value = argv[slot];
    if (janet_checktypes(value, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        return (PointBytes){.sec1 = args_bytes(function, argv, slot)};
    }
    if (!janet_checktypes(value, JANET_TFLAG_DICTIONARY)) {
        raise_type(function, slot, "point {:x bytes :y bytes} or its bytes", value);
    }
    Janet xy[2] = {janet_get(value, janet_ckeywordv("x")), janet_get(value, janet_ckeywordv("y"))};
    for (int i = 0; i < 2; i++) {
        if (janet_checktypes(xy[i], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) continue;
        raise_type(function, slot, "point whose :x and :y are strings or buffers", value);
    }
    return (PointBytes){.x = args_bytes(function, xy, 0), .y = args_bytes(function, xy, 1)};
}

FUNCTION(crypto_ec_generate_scalar, "crypto/ec-generate-scalar", "curve",
         "A random number from 1 to the order of the curve minus 1, as a buffer of big-endian "
         "bytes, as many as the order has: a private key. `curve` is :p-256, :p-384, :p-521, "
         ":secp256k1, :p-224, :brainpoolP256r1, :brainpoolP384r1 or :brainpoolP512r1, in any of "
         "their spellings. Raises when it is another.",
         NULL) {
    uint8_t scalar[MAX_FIELD_LENGTH];
    int length;
    Failure failure;
    args_arity(function, argc, 1, 1);
    if (!point_random_scalar(args_curve(function, argv, 0), scalar, &length, &failure)) {
        raise_failure(function, &failure);
    }
    Janet result = make_buffer(scalar, length);
    OPENSSL_cleanse(scalar, sizeof scalar);
    return result;
}

FUNCTION(crypto_ec_point_mul, "crypto/ec-point-mul", "curve scalar &opt point",
         "`scalar`, big-endian bytes, times `point`, or times the generator of the curve when "
         "none is given. Points are structs `{:x buffer :y buffer}` of big-endian coordinates as "
         "long as the field; an argument may also be SEC 1 bytes. The scalar counts modulo the "
         "order. The time does not depend on it. Raises when the point is not on the curve, the "
         "scalar is longer than the order, or the result is the point at infinity.\n\n"
         "A building block: for signatures use `sign`, for key agreement `derive`.",
         NULL) {
    PointBytes point;
    Coordinates result;
    Failure failure;
    args_arity(function, argc, 2, 3);
    const CurveRow *curve = args_curve(function, argv, 0);
    Bytes scalar = args_secret(function, argv, 1);
    bool given = argc > 2 && !janet_checktype(argv[2], JANET_NIL);
    if (given) point = read_point(function, argv, 2);
    if (!point_multiply(curve, scalar, given ? &point : NULL, &result, &failure)) {
        raise_failure(function, &failure);
    }
    return make_point(&result);
}

FUNCTION(crypto_ec_point_add, "crypto/ec-point-add", "curve point1 point2",
         "The sum of two points, as `{:x buffer :y buffer}`; a point plus itself is its double. "
         "Raises when one is not on the curve, or the sum is the point at infinity.",
         NULL) {
    Coordinates result;
    Failure failure;
    args_arity(function, argc, 3, 3);
    const CurveRow *curve = args_curve(function, argv, 0);
    PointBytes a = read_point(function, argv, 1), b = read_point(function, argv, 2);
    if (!point_add(curve, &a, &b, &result, &failure)) raise_failure(function, &failure);
    return make_point(&result);
}

typedef struct PointOptions {
    bool compressed;
} PointOptions;

static const OptionRow point_rows[] = {
    OPTION("compressed", option_boolean, PointOptions, compressed,
           "Whether to write x and one bit of y only; false by default."),
};
static const OptionSet point_options = OPTION_SET(point_rows);

FUNCTION(crypto_ec_point_to_bytes, "crypto/ec-point-to-bytes", "curve point &opt opts",
         "A point in the encoding of SEC 1 (section 2.3.3), as a buffer. Raises when it is not on "
         "the curve.",
         &point_options) {
    Coordinates point;
    PointOptions options = {false};
    Failure failure;
    args_arity(function, argc, 2, 3);
    const CurveRow *curve = args_curve(function, argv, 0);
    PointBytes bytes = read_point(function, argv, 1);
    options_read(function, &point_options, args_options(argv, argc, 2), &options);
    if (!point_reread(curve, &bytes, &point, &failure)) raise_failure(function, &failure);
    JanetBuffer *out = janet_buffer(1 + 2 * point.length);
    int odd = point.y[point.length - 1] & 1;
    janet_buffer_push_u8(out, options.compressed ? (uint8_t)(2 + odd) : 4);
    janet_buffer_push_bytes(out, point.x, point.length);
    if (!options.compressed) janet_buffer_push_bytes(out, point.y, point.length);
    return janet_wrap_buffer(out);
}

FUNCTION(crypto_ec_point_from_bytes, "crypto/ec-point-from-bytes", "curve bytes",
         "The point `{:x buffer :y buffer}` of SEC 1 bytes, compressed (02, 03) or not (04). "
         "Raises on any other form, a wrong length, and a point that is not on the curve.",
         NULL) {
    Coordinates point;
    Failure failure;
    args_arity(function, argc, 2, 2);
    const CurveRow *curve = args_curve(function, argv, 0);
    PointBytes bytes = {.sec1 = args_bytes(function, argv, 1)};
    if (!point_reread(curve, &bytes, &point, &failure)) raise_failure(function, &failure);
    return make_point(&point);
}

static const Function *const functions[] = {
    &function_crypto_ec_generate_scalar,  &function_crypto_ec_point_mul,
    &function_crypto_ec_point_add,        &function_crypto_ec_point_to_bytes,
    &function_crypto_ec_point_from_bytes, NULL,
};

void ec_register(JanetTable *env) {
    module_register(env, functions);
}

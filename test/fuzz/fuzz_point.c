/* Points of curves from SEC 1 bytes and from coordinates: accepted on the curve only. */
#include "core/crypto/point.h"
#include "fuzz.h"

static const CurveRow *curve_of(uint8_t choice) {
    static const char *const names[] = {"p-256", "p-384", "p-521", "secp256k1"};
    const char *name = names[choice % 4];
    Failure failure;
    return algorithms_curve((Bytes){(const uint8_t *)name, strlen(name)}, &failure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    Coordinates out, again;
    if (size < 2) return 0;
    const CurveRow *curve = curve_of(data[0]);
    Bytes rest = {data + 1, size - 1};
    PointBytes point = {.sec1 = rest};
    if (data[0] & 0x80) {
        size_t half = rest.length / 2;
        point = (PointBytes){.x = {rest.data, half}, .y = {rest.data + half, rest.length - half}};
    }
    if (!point_reread(curve, &point, &out, &failure)) {
        fuzz_expect_reason(&failure);
        return 0;
    }
    PointBytes same = {.x = {out.x, (size_t)out.length}, .y = {out.y, (size_t)out.length}};
    fuzz_expect(point_reread(curve, &same, &again, &failure));
    fuzz_expect(!memcmp(out.x, again.x, (size_t)out.length));
    if (!point_multiply(curve, rest, &same, &again, &failure)) fuzz_expect_reason(&failure);
    if (!point_add(curve, &same, &same, &again, &failure)) fuzz_expect_reason(&failure);
    return 0;
}

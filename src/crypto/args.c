#include "crypto/args.h"

#include "base/raise.h"

#include <math.h>
#include <stdio.h>

static Bytes bytes_of(Janet value) {
    JanetByteView view = {NULL, 0};
    janet_bytes_view(value, &view.bytes, &view.len);
    /* An empty buffer may have no memory at all, and NULL would say "not given". */
    return (Bytes){view.bytes ? view.bytes : (const uint8_t *)"", (size_t)view.len};
}

Bytes args_bytes(const Janet *argv, int32_t slot) {
    if (!janet_checktypes(argv[slot], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        raise_type(slot, "string or buffer", argv[slot]);
    }
    return bytes_of(argv[slot]);
}

Bytes args_secret(const Janet *argv, int32_t slot) {
    if (!janet_checktypes(argv[slot], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        raise_secret(slot, "string or buffer", argv[slot]);
    }
    return bytes_of(argv[slot]);
}

Bytes args_secret_or_none(const Janet *argv, int32_t argc, int32_t slot) {
    if (slot >= argc || janet_checktype(argv[slot], JANET_NIL)) return (Bytes){NULL, 0};
    return args_secret(argv, slot);
}

Bytes args_bytes_or_none(const Janet *argv, int32_t argc, int32_t slot) {
    if (slot >= argc || janet_checktype(argv[slot], JANET_NIL)) return (Bytes){NULL, 0};
    return args_bytes(argv, slot);
}

Bytes args_name(const Janet *argv, int32_t slot) {
    if (!janet_checktypes(argv[slot], JANET_TFLAG_BYTES)) {
        raise_type(slot, "keyword or string", argv[slot]);
    }
    return bytes_of(argv[slot]);
}

const DigestRow *args_digest(const char *function, const Janet *argv, int32_t slot) {
    Failure failure;
    const DigestRow *row = algorithms_digest(args_name(argv, slot), &failure);
    if (!row) raise_failure(function, &failure);
    return row;
}

const CipherRow *args_cipher(const char *function, const Janet *argv, int32_t slot) {
    Failure failure;
    const CipherRow *row = algorithms_cipher(args_name(argv, slot), &failure);
    if (!row) raise_failure(function, &failure);
    return row;
}

const CurveRow *args_curve(const char *function, const Janet *argv, int32_t slot) {
    Failure failure;
    const CurveRow *row = algorithms_curve(args_name(argv, slot), &failure);
    if (!row) raise_failure(function, &failure);
    return row;
}

int32_t args_integer(const Janet *argv, int32_t slot, int32_t min, int32_t max) {
    Janet value = argv[slot];
    double number = janet_checktype(value, JANET_NUMBER) ? janet_unwrap_number(value) : NAN;
    if (!(number >= min && number <= max) || number != floor(number)) {
        char expected[64];
        snprintf(expected, sizeof expected, "integer from %d to %d", min, max);
        raise_type(slot, expected, value);
    }
    return (int32_t)number;
}

Janet args_options(const Janet *argv, int32_t argc, int32_t slot) {
    return slot < argc ? argv[slot] : janet_wrap_nil();
}

void args_option_digest(const OptionSite *site, Janet value, void *field) {
    if (!janet_checktypes(value, JANET_TFLAG_BYTES)) option_refuse(site, "name of a digest", value);
    Failure failure;
    const DigestRow *row = algorithms_digest(bytes_of(value), &failure);
    if (!row) raise_failure(site->function, &failure);
    *(const DigestRow **)field = row;
}

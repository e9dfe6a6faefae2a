#include "base/args.h"

#include "base/raise.h"

#include <math.h>

#define MIN_SIGNATURE_DIGEST 28 /* bytes, of SHA-224; shorter ones do not resist forgery */

void args_arity(const char *function, int32_t argc, int32_t min, int32_t max) {
    if (argc < min || argc > max) raise_arity(function, argc, min, max);
}

Bytes args_bytes(const char *function, const Janet *argv, int32_t slot) {
    if (!janet_checktypes(argv[slot], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        raise_type(function, slot, "string or buffer", argv[slot]);
    }
    return value_bytes(argv[slot]);
}

Bytes args_secret(const char *function, const Janet *argv, int32_t slot) {
    if (!janet_checktypes(argv[slot], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        raise_secret(function, slot, "string or buffer", argv[slot]);
    }
    return value_bytes(argv[slot]);
}

Bytes args_secret_or_none(const char *function, const Janet *argv, int32_t argc, int32_t slot) {
    if (slot >= argc || janet_checktype(argv[slot], JANET_NIL)) return (Bytes){NULL, 0};
    return args_secret(function, argv, slot);
}

Bytes args_bytes_or_none(const char *function, const Janet *argv, int32_t argc, int32_t slot) {
    if (slot >= argc || janet_checktype(argv[slot], JANET_NIL)) return (Bytes){NULL, 0};
    return args_bytes(function, argv, slot);
}

Bytes args_name(const char *function, const Janet *argv, int32_t slot) {
    if (!janet_checktypes(argv[slot], JANET_TFLAG_BYTES)) {
        raise_type(function, slot, "keyword or string", argv[slot]);
    }
    return value_bytes(argv[slot]);
}

JanetByteView args_view(const char *function, const Janet *argv, int32_t slot) {
    JanetByteView view;
    if (!function) return janet_getbytes(argv, slot);
    if (!janet_bytes_view(argv[slot], &view.bytes, &view.len)) {
        raise_type(function, slot, "string, symbol, keyword or buffer", argv[slot]);
    }
    return view;
}

JanetBuffer *args_buffer(const char *function, const Janet *argv, int32_t slot) {
    if (!function) return janet_getbuffer(argv, slot);
    if (!janet_checktype(argv[slot], JANET_BUFFER)) {
        raise_type(function, slot, "buffer", argv[slot]);
    }
    return janet_unwrap_buffer(argv[slot]);
}

JanetFunction *args_function(const char *function, const Janet *argv, int32_t slot) {
    if (!janet_checktype(argv[slot], JANET_FUNCTION)) {
        raise_type(function, slot, "function", argv[slot]);
    }
    return janet_unwrap_function(argv[slot]);
}

int32_t args_natural(const char *function, const Janet *argv, int32_t slot) {
    if (!function) return janet_getnat(argv, slot);
    if (!janet_checkint(argv[slot]) || janet_unwrap_number(argv[slot]) < 0) {
        raise_type(function, slot, "non-negative 32 bit signed integer", argv[slot]);
    }
    return janet_unwrap_integer(argv[slot]);
}

const DigestRow *args_digest(const char *function, const Janet *argv, int32_t slot) {
    Failure failure;
    const DigestRow *row = algorithms_digest(args_name(function, argv, slot), &failure);
    if (!row) raise_value(function, &failure, argv[slot]);
    return row;
}

const DigestRow *args_hmac_digest(const char *function, const Janet *argv, int32_t slot) {
    const DigestRow *row = args_digest(function, argv, slot);
    if (row->xof) raise_format(function, "HMAC is not defined over %s", row->name.text);
    return row;
}

const CipherRow *args_cipher(const char *function, const Janet *argv, int32_t slot) {
    Failure failure;
    const CipherRow *row = algorithms_cipher(args_name(function, argv, slot), &failure);
    if (!row) raise_value(function, &failure, argv[slot]);
    return row;
}

const CurveRow *args_curve(const char *function, const Janet *argv, int32_t slot) {
    Failure failure;
    const CurveRow *row = algorithms_curve(args_name(function, argv, slot), &failure);
    if (!row) raise_value(function, &failure, argv[slot]);
    return row;
}

int32_t args_integer(const char *function, const Janet *argv, int32_t slot, int32_t min,
                     int32_t max) {
    int32_t integer;
    ValueExpected expected;
    if (value_integer(argv[slot], min, max, &integer, &expected)) return integer;
    raise_type(function, slot, expected.text, argv[slot]);
}

int args_word(const char *function, const OptionWord *words, const Janet *argv, int32_t slot) {
    int word;
    ValueExpected expected;
    if (value_word(argv[slot], words, &word, &expected)) return word;
    raise_type(function, slot, expected.text, argv[slot]);
}

Janet args_options(const Janet *argv, int32_t argc, int32_t slot) {
    return slot < argc ? argv[slot] : janet_wrap_nil();
}

static const DigestRow *read_digest(const OptionSite *site, Janet value) {
    if (!janet_checktypes(value, JANET_TFLAG_BYTES)) option_refuse(site, "name of a digest", value);
    Failure failure;
    const DigestRow *row = algorithms_digest(value_bytes(value), &failure);
    if (!row) raise_value(site->function, &failure, value);
    return row;
}

void args_option_digest(const OptionSite *site, Janet value, void *field) {
    *(const DigestRow **)field = read_digest(site, value);
}

void args_option_signature_digest(const OptionSite *site, Janet value, void *field) {
    const DigestRow *row = read_digest(site, value);
    const EVP_MD *md = algorithms_md(row);
    if (row->xof || EVP_MD_get_size(md) < MIN_SIGNATURE_DIGEST) {
        option_refuse(site, "digest that is safe for signatures, such as :sha256", value);
    }
    *(const EVP_MD **)field = md;
}

/* --- timeouts --- */

typedef struct TimeoutOptions {
    double timeout;
} TimeoutOptions;

static const OptionRow timeout_rows[] = {
    OPTION("timeout", option_seconds, TimeoutOptions, timeout, "Seconds for the call."),
};
static const OptionSet timeout_set = OPTION_SET(timeout_rows);

double args_timeout(const char *function, const Janet *argv, int32_t argc, int32_t slot) {
    TimeoutOptions options = {INFINITY};
    if (slot >= argc || janet_checktype(argv[slot], JANET_NIL)) return INFINITY;
    if (janet_checktypes(argv[slot], JANET_TFLAG_DICTIONARY)) {
        options_read(function ? function : "timeout", &timeout_set, argv[slot], &options);
        return options.timeout;
    }
    bool number = janet_checktype(argv[slot], JANET_NUMBER);
    if (function && !number) raise_type(function, slot, "number", argv[slot]);
    double seconds = janet_getnumber(argv, slot);
    if (!(seconds >= 0)) raise_type(function, slot, "non-negative number of seconds", argv[slot]);
    return seconds;
}

#include "core/base64.h"

#include <pthread.h>
#include <string.h>

static const char alphabets[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

#define INVALID 0x80 /* a bit that no value of 6 bits has */

static uint8_t values[2][256];
static char pairs[2][4096][2]; /* the characters of 12 bits: half the look-ups */
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void) {
    memset(values, INVALID, sizeof values);
    for (int variant = 0; variant < 2; variant++) {
        const char *alphabet = alphabets[variant];
        for (uint8_t i = 0; i < 64; i++) values[variant][(uint8_t)alphabet[i]] = i;
        for (int i = 0; i < 4096; i++) {
            pairs[variant][i][0] = alphabet[i >> 6];
            pairs[variant][i][1] = alphabet[i & 63];
        }
    }
}

size_t base64_encoded_length(Base64 variant, size_t length) {
    static const size_t tail[3] = {0, 2, 3};
    return length / 3 * 4 + (variant == BASE64_URL ? tail[length % 3] : length % 3 ? 4 : 0);
}

static void encode_tail(Base64 variant, const uint8_t *in, size_t left, uint8_t *out) {
    const char *alphabet = alphabets[variant];
    unsigned bits = (unsigned)in[0] << 16 | (left == 2 ? (unsigned)in[1] << 8 : 0);
    out[0] = (uint8_t)alphabet[bits >> 18];
    out[1] = (uint8_t)alphabet[bits >> 12 & 63];
    if (left == 2) out[2] = (uint8_t)alphabet[bits >> 6 & 63];
    if (variant == BASE64_URL) return;
    if (left == 1) out[2] = '=';
    out[3] = '=';
}

void base64_encode(Base64 variant, Bytes data, uint8_t *out) {
    pthread_once(&tables_once, make_tables);
    char(*pair)[2] = pairs[variant];
    const uint8_t *in = data.data;
    size_t left = data.length;
    for (; left >= 3; left -= 3, in += 3, out += 4) {
        unsigned bits = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
        memcpy(out, pair[bits >> 12], 2);
        memcpy(out + 2, pair[bits & 4095], 2);
    }
    if (left) encode_tail(variant, in, left, out);
}

static bool refuse_character(const uint8_t *value, Bytes text, Failure *failure) {
    size_t at = 0;
    while (at < text.length && !(value[text.data[at]] & INVALID)) at++;
    if (at == text.length) return failure_set(failure, "invalid base64: incomplete");
    return failure_set(failure, "invalid base64: byte 0x%02x at index %zu", text.data[at], at);
}

/* Cut off the padding; what it must be follows from the length. */
static bool trim_padding(Base64 variant, Bytes *text, Failure *failure) {
    size_t length = text->length, padding = 0;
    while (padding < 2 && padding < length && text->data[length - padding - 1] == '=') padding++;
    bool whole = length % 4 == 0;
    if (!whole && (variant == BASE64_STANDARD || padding)) {
        return failure_set(failure, "invalid base64: %zu bytes, expected a multiple of 4", length);
    }
    text->length -= padding;
    if (text->length % 4 == 1) return failure_set(failure, "invalid base64: incomplete");
    return true;
}

bool base64_decode(Base64 variant, Bytes text, uint8_t *out, size_t *length, Failure *failure) {
    pthread_once(&tables_once, make_tables);
    if (!trim_padding(variant, &text, failure)) return false;
    const uint8_t *value = values[variant], *in = text.data;
    uint8_t *start = out;
    unsigned bad = 0;
    size_t left = text.length;
    for (; left >= 4; left -= 4, in += 4, out += 3) {
        unsigned a = value[in[0]], b = value[in[1]], c = value[in[2]], d = value[in[3]];
        bad |= a | b | c | d;
        unsigned bits = a << 18 | b << 12 | c << 6 | d;
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
    }
    if (left) {
        unsigned a = value[in[0]], b = value[in[1]], c = left == 3 ? value[in[2]] : 0;
        bad |= a | b | c;
        *out++ = (uint8_t)(a << 2 | b >> 4);
        if (left == 3) *out++ = (uint8_t)(b << 4 | c >> 2);
        bool stray = left == 3 ? c & 3 : b & 15;
        if (stray && !(bad & INVALID)) {
            return failure_set(failure, "invalid base64: bits beyond the last byte are not zero");
        }
    }
    *length = (size_t)(out - start);
    return bad & INVALID ? refuse_character(value, text, failure) : true;
}

#include "core/crypto/base64.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static const char alphabets[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

#define INVALID 0x80            /* a bit that no value of 6 bits has */
#define INVALID_BITS (1u << 24) /* and no 24 bits */

static uint8_t values[2][256];
static char pairs[2][4096][2]; /* encodes two characters a look-up, by 12 bits */
/* The value of a character at each of four positions, shifted to its place in the 24 bits. */
static uint32_t shifted[2][4][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void) {
    memset(values, INVALID, sizeof values);
    for (int variant = 0; variant < 2; variant++) {
        const char *alphabet = alphabets[variant];
        for (uint8_t i = 0; i < 64; i++) values[variant][(uint8_t)alphabet[i]] = i;
        for (int i = 0; i < 4 * 256; i++) {
            uint8_t value = values[variant][i & 255];
            int place = i >> 8;
            shifted[variant][place][i & 255] =
                value & INVALID ? INVALID_BITS : (uint32_t)value << (18 - 6 * place);
        }
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

/* Compilers turn this into one load and a byte swap. */
static uint64_t load_big_endian(const uint8_t *in) {
    return (uint64_t)in[0] << 56 | (uint64_t)in[1] << 48 | (uint64_t)in[2] << 40 |
           (uint64_t)in[3] << 32 | (uint64_t)in[4] << 24 | (uint64_t)in[5] << 16 |
           (uint64_t)in[6] << 8 | in[7];
}

void base64_encode(Base64 variant, Bytes data, uint8_t *out) {
    pthread_once(&tables_once, make_tables);
    char(*pair)[2] = pairs[variant];
    const uint8_t *in = data.data;
    size_t left = data.length;
    for (; left >= 8; left -= 6, in += 6, out += 8) { /* reads eight bytes, encodes six */
        uint64_t bits = load_big_endian(in);
        memcpy(out, pair[bits >> 52], 2);
        memcpy(out + 2, pair[bits >> 40 & 4095], 2);
        memcpy(out + 4, pair[bits >> 28 & 4095], 2);
        memcpy(out + 6, pair[bits >> 16 & 4095], 2);
    }
    for (; left >= 3; left -= 3, in += 3, out += 4) {
        unsigned bits = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
        memcpy(out, pair[bits >> 12], 2);
        memcpy(out + 2, pair[bits & 4095], 2);
    }
    if (left) encode_tail(variant, in, left, out);
}

typedef enum Why { BAD_BYTE, NOT_WHOLE, STRAY_BITS } Why;

/* What is wrong, and at which index of the text. */
typedef struct Fault {
    Why why;
    size_t index;
    size_t length; /* which is no multiple of 4; 0: that is not the reason */
} Fault;

static bool refuse(Fault *fault, Why why, size_t index) {
    *fault = (Fault){why, index, 0};
    return false;
}

/* The first byte that is not of the alphabet, or the end of the text. */
static bool refuse_byte(const uint8_t *value, Bytes text, Fault *fault) {
    size_t at = 0;
    while (at < text.length && !(value[text.data[at]] & INVALID)) at++;
    return refuse(fault, at == text.length ? NOT_WHOLE : BAD_BYTE, at);
}

/* Removes the padding, whose length follows from the length of the text. */
static bool trim_padding(Base64 variant, Bytes *text, Fault *fault) {
    size_t length = text->length, padding = 0;
    while (padding < 2 && padding < length && text->data[length - padding - 1] == '=') padding++;
    bool whole = length % 4 == 0;
    text->length -= padding;
    if (!whole && (variant == BASE64_STANDARD || padding)) {
        refuse_byte(values[variant], *text, fault);
        if (fault->why == NOT_WHOLE) fault->index = length;
        fault->length = length;
        return false;
    }
    if (text->length % 4 == 1) return refuse_byte(values[variant], *text, fault);
    return true;
}

static bool decode(Base64 variant, Bytes text, uint8_t *out, size_t *length, Fault *fault) {
    pthread_once(&tables_once, make_tables);
    if (!trim_padding(variant, &text, fault)) return false;
    const uint8_t *value = values[variant], *in = text.data;
    uint8_t *start = out;
    const uint32_t(*place)[256] = (const uint32_t(*)[256])shifted[variant];
    uint32_t all = 0;
    unsigned bad = 0;
    size_t left = text.length;
    for (; left >= 4; left -= 4, in += 4, out += 3) {
        uint32_t bits = place[0][in[0]] | place[1][in[1]] | place[2][in[2]] | place[3][in[3]];
        all |= bits;
        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
    }
    if (all & INVALID_BITS) bad = INVALID;
    if (left) {
        unsigned a = value[in[0]], b = value[in[1]], c = left == 3 ? value[in[2]] : 0;
        bad |= a | b | c;
        *out++ = (uint8_t)(a << 2 | b >> 4);
        if (left == 3) *out++ = (uint8_t)(b << 4 | c >> 2);
        bool stray = left == 3 ? c & 3 : b & 15;
        if (stray && !(bad & INVALID)) return refuse(fault, STRAY_BITS, text.length - 1);
    }
    *length = (size_t)(out - start);
    return bad & INVALID ? refuse_byte(value, text, fault) : true;
}

static bool explain(Bytes text, const Fault *fault, Failure *failure) {
    char length[64] = "";
    if (fault->length) {
        snprintf(length, sizeof length, ": %zu bytes, expected a multiple of 4", fault->length);
    }
    switch (fault->why) {
    case BAD_BYTE:
        return failure_set(failure, "invalid base64: byte 0x%02x at index %zu%s",
                           text.data[fault->index], fault->index, length);
    case NOT_WHOLE:
        return failure_set(failure, "invalid base64: incomplete at index %zu%s", fault->index,
                           length);
    default:
        return failure_set(failure,
                           "invalid base64: bits beyond the last byte are not zero, at "
                           "index %zu",
                           fault->index);
    }
}

bool base64_decode(Base64 variant, Bytes text, uint8_t *out, size_t *length, Failure *failure) {
    Fault fault;
    return decode(variant, text, out, length, &fault) || explain(text, &fault, failure);
}

static bool is_space(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* The index in `text` of a character that has an index among those that are no white space. */
static size_t find_index(Bytes text, size_t index) {
    size_t at = 0;
    for (; at < text.length; at++) {
        if (!is_space(text.data[at]) && !index--) break;
    }
    return at;
}

static Bytes pack(Bytes text, uint8_t *out) {
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (!is_space(text.data[i])) out[count++] = text.data[i];
    }
    return (Bytes){out, count};
}

bool base64_decode_spaced(Base64 variant, Bytes text, uint8_t *out, size_t *length,
                          Failure *failure) {
    Fault fault;
    /* In place: a byte is written only after the characters for it were read. */
    if (decode(variant, pack(text, out), out, length, &fault)) return true;
    if (fault.why != STRAY_BITS) { /* the output has replaced the characters */
        Bytes packed = pack(text, out);
        if (trim_padding(variant, &packed, &fault)) refuse_byte(values[variant], packed, &fault);
    }
    fault.index = find_index(text, fault.index);
    return explain(text, &fault, failure);
}

#include "core/crypto/base32.h"

#define INVALID 0xff
#define GROUP 8 /* characters that stand for five bytes */

/* Characters for 0 to 4 bytes at the end. */
static const uint8_t tails[] = {0, 2, 4, 5, 7};

size_t base32_encoded_length(size_t length, bool padded) {
    size_t tail = tails[length % 5];
    return length / 5 * GROUP + (padded && tail ? GROUP : tail);
}

void base32_encode(Bytes data, bool padded, uint8_t *out) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t *end = out + base32_encoded_length(data.length, padded);
    unsigned bits = 0, count = 0; /* the bits that are not written yet, and their number */
    for (size_t i = 0; i < data.length; i++) {
        bits = bits << 8 | data.data[i];
        for (count += 8; count >= 5; count -= 5) {
            *out++ = (uint8_t)alphabet[bits >> (count - 5) & 31];
        }
    }
    if (count) *out++ = (uint8_t)alphabet[bits << (5 - count) & 31];
    while (out < end) *out++ = '=';
}

static uint8_t value_of(uint8_t character) {
    if (character >= 'A' && character <= 'Z') return (uint8_t)(character - 'A');
    return character >= '2' && character <= '7' ? (uint8_t)(character - '2' + 26) : INVALID;
}

static bool is_whole(size_t length) {
    size_t tail = length % GROUP;
    return tail != 1 && tail != 3 && tail != 6;
}

/* Removes the padding, whose length follows from the length of the text. */
static bool trim_padding(bool padded, Bytes *text, Failure *failure) {
    size_t whole = text->length, length = whole;
    while (padded && length && whole - length < GROUP && text->data[length - 1] == '=') length--;
    *text = (Bytes){text->data, length};
    bool is_padded = !padded || (whole % GROUP == 0 && whole - length < GROUP - 1);
    return is_padded || failure_set(failure, "invalid base32: wrong padding at index %zu", length);
}

bool base32_decode(Bytes text, bool padded, uint8_t *out, size_t *length, Failure *failure) {
    uint8_t *start = out;
    unsigned bits = 0, count = 0;
    bool is_padded = trim_padding(padded, &text, failure);
    for (size_t i = 0; i < text.length; i++) {
        uint8_t value = value_of(text.data[i]);
        if (value == INVALID) {
            return failure_set(failure, "invalid base32: byte 0x%02x at index %zu", text.data[i],
                               i);
        }
        bits = bits << 5 | value;
        count += 5;
        if (count >= 8) *out++ = (uint8_t)(bits >> (count -= 8));
    }
    *length = (size_t)(out - start);
    if (!is_padded) return false;
    if (!is_whole(text.length)) {
        return failure_set(failure, "invalid base32: incomplete at index %zu", text.length);
    }
    return !(bits & ((1u << count) - 1)) ||
           failure_set(failure, "invalid base32: stray bits at index %zu", text.length - 1);
}

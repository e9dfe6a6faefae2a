#include "core/crypto/hex.h"

#define INVALID 0xff

void hex_encode(Bytes data, uint8_t *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < data.length; i++) {
        *out++ = (uint8_t)digits[data.data[i] >> 4];
        *out++ = (uint8_t)digits[data.data[i] & 15];
    }
}

static uint8_t value_of(uint8_t digit) {
    if (digit >= '0' && digit <= '9') return (uint8_t)(digit - '0');
    uint8_t letter = digit | 0x20;
    return letter >= 'a' && letter <= 'f' ? (uint8_t)(letter - 'a' + 10) : INVALID;
}

static bool refuse_digit(Bytes text, Failure *failure) {
    size_t at = 0;
    while (value_of(text.data[at]) != INVALID) at++;
    return failure_set(failure, "invalid hex: byte 0x%02x at index %zu", text.data[at], at);
}

bool hex_decode(Bytes text, uint8_t *out, Failure *failure) {
    unsigned all = 0;
    size_t pairs = text.length / 2;
    for (size_t i = 0; i < pairs; i++) {
        unsigned high = value_of(text.data[2 * i]), low = value_of(text.data[2 * i + 1]);
        all |= high | low;
        out[i] = (uint8_t)(high << 4 | low);
    }
    bool is_odd = text.length % 2;
    if (is_odd) all |= value_of(text.data[text.length - 1]);
    if (all > 15) return refuse_digit(text, failure);
    return !is_odd ||
           failure_set(failure, "invalid hex: no second digit at index %zu", text.length);
}

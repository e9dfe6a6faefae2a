#include "core/pki/serial.h"

#include <openssl/bn.h>
#include <string.h>

static int parse_digit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Shift one digit in; false when the number gets too large. */
static bool push_digit(Serial *serial, int digit) {
    if (serial->bytes[0] >> 4) return false;
    for (size_t i = 0; i < SERIAL_MAX_LENGTH; i++) {
        int next = i + 1 < SERIAL_MAX_LENGTH ? serial->bytes[i + 1] >> 4 : digit;
        serial->bytes[i] = (uint8_t)(serial->bytes[i] << 4 | next);
    }
    return true;
}

static void drop_zeros(Serial *serial) {
    size_t zeros = 0;
    while (zeros < SERIAL_MAX_LENGTH && !serial->bytes[zeros]) zeros++;
    serial->length = SERIAL_MAX_LENGTH - zeros;
    memmove(serial->bytes, serial->bytes + zeros, serial->length);
}

bool serial_parse(Bytes hex, Serial *serial) {
    memset(serial, 0, sizeof *serial);
    for (size_t i = 0; i < hex.length; i++) {
        int digit = parse_digit(hex.data[i]);
        bool separates = hex.data[i] == ':' && i > 0 && i + 1 < hex.length;
        if (separates) continue;
        if (digit < 0 || !push_digit(serial, digit)) return false;
    }
    bool is_negative = serial->bytes[0] & 0x80; /* in DER it would take 21 octets */
    drop_zeros(serial);
    return serial->length && !is_negative;
}

ASN1_INTEGER *serial_integer(const Serial *serial) {
    BIGNUM *number = BN_bin2bn(serial->bytes, (int)serial->length, NULL);
    ASN1_INTEGER *integer = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    BN_free(number);
    return integer;
}

Bytes serial_text(Pool *pool, const ASN1_INTEGER *number) {
    BIGNUM *value = ASN1_INTEGER_to_BN(number, NULL);
    char *hex = value ? BN_bn2hex(value) : NULL;
    for (char *c = hex; c && *c; c++) {
        if (*c >= 'A' && *c <= 'F') *c = (char)(*c - 'A' + 'a');
    }
    const char *text = hex ? hex : "";
    if (!hex) pool->failed = true;
    Bytes copy = pool_copy(pool, (Bytes){(const uint8_t *)text, strlen(text)});
    OPENSSL_free(hex);
    BN_free(value);
    return copy;
}

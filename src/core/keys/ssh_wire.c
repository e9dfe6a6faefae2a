#include "core/keys/ssh_wire.h"

#include <openssl/crypto.h>
#include <string.h>

static Bytes skip(Bytes bytes, size_t count) {
    return (Bytes){bytes.data + count, bytes.length - count};
}

bool ssh_take_uint32(Bytes *rest, uint32_t *value) {
    if (rest->length < 4) return false;
    const uint8_t *at = rest->data;
    *value = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    *rest = skip(*rest, 4);
    return true;
}

bool ssh_take_string(Bytes *rest, Bytes *string) {
    uint32_t length;
    if (!ssh_take_uint32(rest, &length) || length > rest->length) return false;
    *string = (Bytes){rest->data, length};
    *rest = skip(*rest, length);
    return true;
}

/* A zero byte comes first only where the number would look negative. */
bool ssh_take_number(Bytes *rest, Bytes *number) {
    if (!ssh_take_string(rest, number) || !number->length) return false;
    bool is_negative = number->data[0] & 0x80, begins_with_zero = !number->data[0];
    if (!begins_with_zero) return !is_negative;
    *number = skip(*number, 1);
    return number->length && number->data[0] & 0x80;
}

static bool append(BIO *into, const void *data, size_t length) {
    size_t written;
    return !length || (BIO_write_ex(into, data, length, &written) && written == length);
}

bool ssh_put_uint32(BIO *into, uint32_t value) {
    const uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                             (uint8_t)value};
    return append(into, bytes, sizeof bytes);
}

bool ssh_put_string(BIO *into, Bytes string) {
    return ssh_put_uint32(into, (uint32_t)string.length) &&
           append(into, string.data, string.length);
}

bool ssh_put_text(BIO *into, const char *text) {
    return ssh_put_string(into, (Bytes){(const uint8_t *)text, strlen(text)});
}

bool ssh_put_number(BIO *into, const BIGNUM *number) {
    int length = BN_num_bits(number) / 8 + 1; /* with a place for the sign */
    uint8_t *bytes = OPENSSL_malloc((size_t)length);
    bool put = bytes && BN_bn2binpad(number, bytes, length) == length;
    put = put && ssh_put_string(into, (Bytes){bytes, (size_t)length});
    OPENSSL_clear_free(bytes, (size_t)length);
    return put;
}

bool ssh_is_text(Bytes bytes, const char *text) {
    return bytes.length == strlen(text) && !memcmp(bytes.data, text, bytes.length);
}

Bytes ssh_written(BIO *from) {
    char *data;
    long length = BIO_get_mem_data(from, &data);
    return (Bytes){(const uint8_t *)data, (size_t)length};
}

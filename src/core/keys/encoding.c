#define _GNU_SOURCE /* memmem */
#include "core/keys/encoding.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

/* No text begins with 0x30 and a byte beyond ASCII: that is DER, whatever its strings may hold. */
bool encoding_is_pem(Bytes data) {
    if (data.length > 1 && data.data[0] == 0x30 && data.data[1] >= 0x80) return false;
    return data.length >= sizeof ENCODING_BEGIN - 1 &&
           memmem(data.data, data.length, ENCODING_BEGIN, sizeof ENCODING_BEGIN - 1);
}

bool encoding_is_der(Bytes data) {
    if (data.length < 2 || data.data[0] != 0x30) return false;
    size_t length = data.data[1], header = 2;
    if (length & 0x80) {
        size_t octets = length & 0x7f;
        if (octets < 1 || octets > 4 || data.length < 2 + octets) return false;
        length = 0;
        for (size_t i = 0; i < octets; i++) length = length << 8 | data.data[2 + i];
        header += octets;
    }
    return length <= data.length - header;
}

bool encoding_block(Bytes data, const char *label, PemSource *owned) {
    char *name = NULL, *header = NULL;
    unsigned char *bytes = NULL;
    long length = 0;
    bool found = false;
    *owned = (PemSource){NULL, 0};
    BIO *bio = BIO_new_mem_buf(data.data, (int)data.length);
    while (bio && !found && PEM_read_bio(bio, &name, &header, &bytes, &length)) {
        found = !strcmp(name, label) && !*header;
        if (found) *owned = (PemSource){bytes, (size_t)length};
        if (!found) OPENSSL_clear_free(bytes, (size_t)length);
        OPENSSL_free(name);
        OPENSSL_free(header);
    }
    BIO_free(bio);
    ERR_clear_error();
    return found;
}

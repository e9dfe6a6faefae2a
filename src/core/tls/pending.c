#include "core/tls/pending.h"

#include <openssl/crypto.h>
#include <string.h>

bool pending_add(Pending *pending, const uint8_t *bytes, size_t length, size_t max) {
    size_t needed = pending->length + length;
    if (needed > max) return false;
    if (needed > pending->room) {
        uint8_t *grown = OPENSSL_realloc(pending->bytes, needed + needed / 2);
        if (!grown) return false;
        pending->bytes = grown;
        pending->room = needed + needed / 2;
    }
    memcpy(pending->bytes + pending->length, bytes, length);
    pending->length = needed;
    return true;
}

void pending_remove(Pending *pending, size_t length) {
    if (length == pending->length) {
        pending_clear(pending);
    } else if (length) {
        pending->length -= length;
        memmove(pending->bytes, pending->bytes + length, pending->length);
    }
}

void pending_clear(Pending *pending) {
    OPENSSL_free(pending->bytes);
    *pending = (Pending){NULL, 0, 0};
}

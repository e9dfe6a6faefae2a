#define _GNU_SOURCE /* memmem */
#include "core/keys/encoding.h"

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

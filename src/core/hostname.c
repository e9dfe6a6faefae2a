#include "core/hostname.h"

#include <ctype.h>
#include <string.h>

static bool is_label(Bytes label) {
    if (!label.length || label.length > 63) return false;
    for (size_t i = 0; i < label.length; i++) {
        uint8_t c = label.data[i];
        if (!isalnum(c) && c != '-' && c != '_') return false;
    }
    return true;
}

bool hostname_is_sound(Bytes name) {
    if (name.length > MAX_HOST_NAME) return false;
    for (;;) {
        const uint8_t *dot = memchr(name.data, '.', name.length);
        size_t length = dot ? (size_t)(dot - name.data) : name.length;
        if (!is_label((Bytes){name.data, length})) return false;
        if (!dot) return true;
        name = (Bytes){dot + 1, name.length - length - 1};
    }
}

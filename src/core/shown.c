#include "core/shown.h"

#include "core/hostname.h"
#include "core/printable.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAX_PATH 100
#define MAX_EXTENSION 8

static bool is_line(Bytes value) {
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < ' ' || value.data[i] > '~') return false;
    }
    return true;
}

bool shown_is_short(Bytes value) {
    return value.length <= MAX_SHOWN && is_line(value);
}

bool shown_is_path(Bytes path) {
    size_t extension = 0; /* characters since the last dot */
    bool dot = false;
    if (path.length > MAX_PATH || !is_line(path)) return false;
    for (size_t i = 0; i < path.length; i++) {
        uint8_t byte = path.data[i];
        dot = byte == '.' || (dot && isalnum(byte));
        extension = byte == '.' ? 0 : extension + 1;
    }
    return dot && extension >= 1 && extension <= MAX_EXTENSION;
}

/* A name without a dot can be a password. */
static bool is_qualified(Bytes name) {
    return memchr(name.data, '.', name.length) && hostname_is_sound(name);
}

static const char *show(Bytes value, bool whole, Shown *shown) {
    char text[sizeof shown->text - 2];
    printable_copy(text, sizeof text, (const char *)value.data, value.length, "\\x");
    if (whole) {
        snprintf(shown->text, sizeof shown->text, "\"%s\"", text);
    } else {
        snprintf(shown->text, sizeof shown->text, "<%zu bytes>", value.length);
    }
    return shown->text;
}

const char *shown_name(Bytes name, Shown *shown) {
    return show(name, name.length <= MAX_SHOWN || is_qualified(name), shown);
}

const char *shown_path(Bytes path, Shown *shown) {
    return show(path, !path.length || shown_is_path(path), shown);
}

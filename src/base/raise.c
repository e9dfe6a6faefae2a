#include "base/raise.h"

#include "core/printable.h"

#include <stdarg.h>

#define MAX_SHOWN 32 /* bytes of a string or keyword that an error repeats */

Janet raise_text(const char *function, const Failure *failure) {
    return janet_wrap_string(janet_formatc("%s: %s", function, failure->text));
}

void raise_failure(const char *function, const Failure *failure) {
    janet_panicv(raise_text(function, failure));
}

void raise_format(const char *function, const char *format, ...) {
    JanetBuffer *buffer = janet_buffer(64);
    janet_formatb(buffer, "%s: ", function);
    va_list args;
    va_start(args, format);
    janet_formatbv(buffer, format, args);
    va_end(args);
    /* A text may contain bytes of a peer or a file. */
    JanetBuffer *shown = janet_buffer(4 * buffer->count + 1);
    size_t length = printable_copy((char *)shown->data, (size_t)shown->capacity,
                                   (const char *)buffer->data, (size_t)buffer->count, "\\x");
    janet_panics(janet_string(shown->data, (int32_t)length));
}

static bool is_short_line(Janet value) {
    JanetByteView text;
    if (!janet_bytes_view(value, &text.bytes, &text.len)) return true;
    if (text.len > MAX_SHOWN) return false;
    for (int32_t i = 0; i < text.len; i++) {
        if (text.bytes[i] < ' ' || text.bytes[i] > '~') return false;
    }
    return true;
}

const char *raise_kind(Janet value) {
    return janet_type_names[janet_type(value)];
}

const char *raise_shown(Janet value) {
    if (!is_short_line(value)) return raise_kind(value);
    return (const char *)janet_formatc("%v", value);
}

void raise_type(int32_t slot, const char *expected, Janet got) {
    bool text = janet_checktypes(got, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER);
    janet_panicf("bad slot #%d, expected %s, got %s", slot, expected,
                 text ? raise_kind(got) : raise_shown(got));
}

void raise_word(int32_t slot, const char *expected, Janet got) {
    janet_panicf("bad slot #%d, expected %s, got %s", slot, expected, raise_shown(got));
}

void raise_secret(int32_t slot, const char *expected, Janet got) {
    janet_panicf("bad slot #%d, expected %s, got %s", slot, expected, raise_kind(got));
}

void *raise_unless_abstract(const Janet *argv, int32_t slot, const JanetAbstractType *type) {
    void *pointer = janet_checkabstract(argv[slot], type);
    if (!pointer) raise_type(slot, type->name, argv[slot]);
    return pointer;
}

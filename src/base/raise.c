#include "base/raise.h"

#include "core/printable.h"

#include <stdarg.h>

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
    /* Names may come from elsewhere, such as a URL. */
    JanetBuffer *shown = janet_buffer(4 * buffer->count + 1);
    size_t length = printable_copy((char *)shown->data, (size_t)shown->capacity,
                                   (const char *)buffer->data, (size_t)buffer->count, "\\x");
    janet_panics(janet_string(shown->data, (int32_t)length));
}

void raise_type(int32_t slot, const char *expected, Janet got) {
    janet_panicf("bad slot #%d, expected %s, got %v", slot, expected, got);
}

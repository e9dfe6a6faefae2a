#include "base/raise.h"

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
    janet_panics(janet_string(buffer->data, buffer->count));
}

void raise_type(int32_t slot, const char *expected, Janet got) {
    janet_panicf("bad slot #%d, expected %s, got %v", slot, expected, got);
}

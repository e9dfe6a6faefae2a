#include "base/raise.h"

#include "base/module.h"
#include "base/value.h"
#include "core/printable.h"
#include "core/shown.h"

#include <stdarg.h>

Janet raise_text(const char *function, const Failure *failure) {
    return janet_wrap_string(janet_formatc("%s: %s", function, failure->text));
}

void raise_failure(const char *function, const Failure *failure) {
    janet_panicv(raise_text(function, failure));
}

void raise_value(const char *function, const Failure *failure, Janet got) {
    janet_panics(janet_formatc("%s: %s, got %s", function, failure->text, raise_shown(got)));
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

const char *raise_kind(Janet value) {
    return janet_type_names[janet_type(value)];
}

const char *raise_shown(Janet value) {
    bool named = janet_checktypes(value, JANET_TFLAG_KEYWORD | JANET_TFLAG_SYMBOL);
    bool text = janet_checktypes(value, JANET_TFLAG_BYTES);
    bool shows = named ? shown_is_short(value_bytes(value)) : !text;
    return shows ? (const char *)janet_formatc("%v", value) : raise_kind(value);
}

/* "crypto/digest: data: "; nothing for a method, whose errors are core's. */
static void push_site(JanetBuffer *text, const char *function, int32_t slot) {
    if (!function) return;
    size_t length;
    const char *parameter = module_parameter(function, slot, &length);
    janet_formatb(text, "%s: ", function);
    if (!parameter) return;
    janet_buffer_push_bytes(text, (const uint8_t *)parameter, (int32_t)length);
    janet_buffer_push_cstring(text, ": ");
}

JANET_NO_RETURN static void raise_slot(const char *function, int32_t slot, const char *expected,
                                       const char *got) {
    JanetBuffer *text = janet_buffer(128);
    push_site(text, function, slot);
    janet_formatb(text, "bad slot #%d, expected %s, got %s", slot, expected, got);
    janet_panics(janet_string(text->data, text->count));
}

void raise_type(const char *function, int32_t slot, const char *expected, Janet got) {
    raise_slot(function, slot, expected, raise_shown(got));
}

void raise_secret(const char *function, int32_t slot, const char *expected, Janet got) {
    raise_slot(function, slot, expected, raise_kind(got));
}

void raise_arity(const char *function, int32_t argc, int32_t min, int32_t max) {
    if (!function) janet_arity(argc, min, max);
    const char *bound = min == max ? "" : argc < min ? "at least " : "at most ";
    const char *signature = module_signature(function);
    raise_format(function ? function : "", "arity mismatch, expected %s%d, got %d: (%s)", bound,
                 argc < min ? min : max, argc, signature ? signature : "");
}

void *raise_unless_abstract(const char *function, const Janet *argv, int32_t slot,
                            const JanetAbstractType *type) {
    void *pointer = janet_checkabstract(argv[slot], type);
    if (!pointer) raise_type(function, slot, type->name, argv[slot]);
    return pointer;
}

#include "base/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

Bytes value_bytes(Janet value) {
    JanetByteView view = {NULL, 0};
    janet_bytes_view(value, &view.bytes, &view.len);
    /* An empty buffer may have no memory at all, and NULL would say "not given". */
    return (Bytes){view.bytes ? view.bytes : (const uint8_t *)"", (size_t)view.len};
}

bool value_integer(Janet value, double min, double max, int32_t *integer, ValueExpected *expected) {
    double number = janet_checktype(value, JANET_NUMBER) ? janet_unwrap_number(value) : NAN;
    if (number >= min && number <= max && number == floor(number)) {
        *integer = (int32_t)number;
        return true;
    }
    snprintf(expected->text, sizeof expected->text, "integer from %.0f to %.0f", min, max);
    return false;
}

static bool names_word(Bytes text, const char *name) {
    return text.length == strlen(name) && !strncasecmp((const char *)text.data, name, text.length);
}

static void list_words(const OptionWord *words, ValueExpected *expected) {
    size_t used = (size_t)snprintf(expected->text, sizeof expected->text, "one of");
    for (; words->name && used < sizeof expected->text; words++) {
        char *end = expected->text + used;
        used += (size_t)snprintf(end, sizeof expected->text - used, " :%s", words->name);
    }
}

bool value_word(Janet value, const OptionWord *words, int *word, ValueExpected *expected) {
    bool named = janet_checktypes(value, JANET_TFLAG_BYTES);
    for (const OptionWord *row = words; named && row->name; row++) {
        if (!names_word(value_bytes(value), row->name)) continue;
        *word = row->value;
        return true;
    }
    list_words(words, expected);
    return false;
}

/* What a Janet value holds, read alike for arguments and options. */
#ifndef JSEC_BASE_VALUE_H
#define JSEC_BASE_VALUE_H

#include "core/bytes.h"

#include <janet.h>
#include <stdbool.h>

/* The bytes of a string, buffer, keyword or symbol; never NULL data. The view lasts as long as the
 * value does and, of a buffer, until Janet code runs again. */
Bytes value_bytes(Janet value);

/* What these would have accepted, for the error, when they return false. */
typedef struct ValueExpected {
    char text[256];
} ValueExpected;

/* A whole number from `min` to `max`. */
bool value_integer(Janet value, double min, double max, int32_t *integer, ValueExpected *expected);

/* A word of an enumeration; keywords and strings both name it, letter case does not matter. */
typedef struct OptionWord {
    const char *name;
    int value;
} OptionWord;

/* The word of `words`, ended by a NULL name, that the value names. */
bool value_word(Janet value, const OptionWord *words, int *word, ValueExpected *expected);

#endif

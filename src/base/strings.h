/* Long strings for Janet. */
#ifndef JSEC_BASE_STRINGS_H
#define JSEC_BASE_STRINGS_H

#include <janet.h>

/* As janet_string_end, several times faster for long strings: Janet hashes every string when it is
 * made, a byte after the other. */
const uint8_t *strings_end(uint8_t *string);

#endif

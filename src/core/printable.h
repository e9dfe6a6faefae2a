/* Text from a peer or a file, made safe for error texts, logs and terminals. */
#ifndef JSEC_CORE_PRINTABLE_H
#define JSEC_CORE_PRINTABLE_H

#include <stddef.h>

/* Copy UTF-8 text into `size` bytes (at least one) and end it with a NUL; returns its length.
 * What does not fit is left out. Bytes of characters that are not printable, and bytes that are
 * no UTF-8, become "<mark>9B", two hexadecimal digits each: control characters (C0, C1), those
 * that change the direction of writing or have no width, line separators, private use. */
size_t printable_copy(char *into, size_t size, const char *text, size_t length, const char *mark);

#endif

/* Text from a peer or a file, made safe for error texts, logs and terminals. */
#ifndef JSEC_CORE_PRINTABLE_H
#define JSEC_CORE_PRINTABLE_H

#include <stddef.h>

/* Copy UTF-8 text into `size` bytes (at least one) and end it with a NUL; returns its length. Text
 * that does not fit is cut. Unprintable characters and bytes that are no UTF-8 become "<mark>9B",
 * two hexadecimal digits a byte. Unprintable are control characters (C0, C1), line separators,
 * private use, and characters that change the direction of writing or have no width. */
size_t printable_copy(char *into, size_t size, const char *text, size_t length, const char *mark);

#endif

/* Which values an error text repeats. A value in the wrong place may be a key or a password, and
 * error texts end up in logs. */
#ifndef JSEC_CORE_SHOWN_H
#define JSEC_CORE_SHOWN_H

#include "core/bytes.h"

#include <stdbool.h>

#define MAX_SHOWN 24 /* bytes of a name; keys are longer */

/* Is it a short line of printable characters? */
bool shown_is_short(Bytes value);

/* Is it surely the path of a file: a line of at most 100 characters with a file extension? */
bool shown_is_path(Bytes path);

typedef struct Shown {
    char text[4 * MAX_SHOWN + 256];
} Shown;

/* A host name, address or name of a subject as an error shows it: in quotes if it is short or a
 * host name of several labels, otherwise as "<48 bytes>". Returns `shown->text`. */
const char *shown_name(Bytes name, Shown *shown);

/* The same for a path: in quotes if shown_is_path. */
const char *shown_path(Bytes path, Shown *shown);

#endif

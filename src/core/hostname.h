/* The form of host names (RFC 1123). */
#ifndef JSEC_CORE_HOSTNAME_H
#define JSEC_CORE_HOSTNAME_H

#include "core/bytes.h"

#include <stdbool.h>

#define MAX_HOST_NAME 253 /* RFC 1035, without the dot at the end */

/* Labels of 1 to 63 letters, digits, hyphens, and the underscore that some hosts have. */
bool hostname_is_sound(Bytes name);

#endif

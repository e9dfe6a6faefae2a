/* libjanet.a holds all of janet, its main included; linked whole and with -rdynamic it is a `janet` in which native
 * modules find every function of janet.h. Only this is missing: Debian builds the archive against a newer glibc. */
#include <stdlib.h>

#if defined(__GLIBC__) && !__GLIBC_PREREQ(2, 38)
long __isoc23_strtol(const char *text, char **end, int base);

long __isoc23_strtol(const char *text, char **end, int base) {
    return strtol(text, end, base);
}
#endif

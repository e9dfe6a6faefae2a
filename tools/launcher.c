/* A `janet` that loads native modules. libjanet.a contains janet's main function and, linked whole
 * and with -rdynamic, exports all of janet.h. Debian builds it against a newer glibc; define the
 * function that an older glibc lacks. */
#include <stdlib.h>

#if defined(__GLIBC__) && !__GLIBC_PREREQ(2, 38)
long __isoc23_strtol(const char *text, char **end, int base);

long __isoc23_strtol(const char *text, char **end, int base) {
    return strtol(text, end, base);
}
#endif

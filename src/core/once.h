/* Objects that are made on first use and kept for the life of the process, shared by all
 * threads. */
#ifndef JSEC_CORE_ONCE_H
#define JSEC_CORE_ONCE_H

#include <stdatomic.h>

/* Zeroed at birth, as static memory is. */
typedef _Atomic(void *) Once;

/* The object, made by `make(argument)` if there is none yet. NULL if `make` returns NULL; the next
 * call tries again. */
void *once_get(Once *once, void *(*make)(const void *argument), const void *argument);

#endif

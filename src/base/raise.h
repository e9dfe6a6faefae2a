/* The one way errors reach Janet: "<function>: <what failed>: <why>". */
#ifndef JSEC_BASE_RAISE_H
#define JSEC_BASE_RAISE_H

#include "core/failure.h"

#include <janet.h>

/* The text of an error as a Janet string, for fibers that are woken with it. */
Janet raise_text(const char *function, const Failure *failure);

/* Raise what the core reported. */
JANET_NO_RETURN void raise_failure(const char *function, const Failure *failure);

/* Raise with a format of janet_formatc (%v, %s, %d …). */
JANET_NO_RETURN void raise_format(const char *function, const char *format, ...);

/* "bad slot #n, expected X, got Y", in the tone of Janet's core. */
JANET_NO_RETURN void raise_type(int32_t slot, const char *expected, Janet got);

#endif

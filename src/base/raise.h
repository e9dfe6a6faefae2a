/* How errors are raised in Janet: "<function>: <what failed>: <why>". */
#ifndef JSEC_BASE_RAISE_H
#define JSEC_BASE_RAISE_H

#include "core/failure.h"

#include <janet.h>

/* The error text as a Janet string, for janet_cancel. */
Janet raise_text(const char *function, const Failure *failure);

/* Raise a failure of the core. */
JANET_NO_RETURN void raise_failure(const char *function, const Failure *failure);

/* Raise a failure over a value that the caller gave: "<text>, got :md6". */
JANET_NO_RETURN void raise_value(const char *function, const Failure *failure, Janet got);

/* Raise a text with the formats of janet_formatc (%v, %s, %d …). */
JANET_NO_RETURN void raise_format(const char *function, const char *format, ...);

/* How an error text shows a value. Of a string or buffer only the type appears, as it may be a key
 * or password in the wrong place; a keyword or symbol appears if it is short (core/shown.h).
 * raise_kind gives the type of any value and is for values that are secret. Both last as long as
 * the C function runs. */
const char *raise_shown(Janet value);
const char *raise_kind(Janet value);

/* Raise "<function>: <parameter>: bad slot #n, expected X, got Y"; for a NULL function the text
 * begins with "bad slot", as that of Janet's core. raise_type shows Y by raise_shown, raise_secret
 * by raise_kind. */
JANET_NO_RETURN void raise_type(const char *function, int32_t slot, const char *expected,
                                Janet got);
JANET_NO_RETURN void raise_secret(const char *function, int32_t slot, const char *expected,
                                  Janet got);

/* Raise "<function>: arity mismatch, expected n, got m: (<call>)", or core's text for NULL. */
JANET_NO_RETURN void raise_arity(const char *function, int32_t argc, int32_t min, int32_t max);

/* The argument's abstract value. janet_getabstract would repeat a string in its error. */
void *raise_unless_abstract(const char *function, const Janet *argv, int32_t slot,
                            const JanetAbstractType *type);

#endif

/* Arguments of functions, and names of algorithms in arguments and options. All raise on what they
 * do not accept. `function` is the public name, for the error; NULL in a method that core calls
 * too, whose errors are core's. */
#ifndef JSEC_BASE_ARGS_H
#define JSEC_BASE_ARGS_H

#include "base/options.h"
#include "core/algorithms.h"
#include "core/bytes.h"

#include <janet.h>

/* The maximum that a call may ask for: random bytes, derived keys, a SHAKE's output. */
#define ARGS_MAX_OUTPUT (64 << 20)

/* Raise unless there are `min` to `max` arguments. */
void args_arity(const char *function, int32_t argc, int32_t min, int32_t max);

/* A string or buffer; never NULL data. The view lasts as long as the C function runs. */
Bytes args_bytes(const char *function, const Janet *argv, int32_t slot);

/* The same for keys and passwords: the error does not show the value. */
Bytes args_secret(const char *function, const Janet *argv, int32_t slot);
Bytes args_secret_or_none(const char *function, const Janet *argv, int32_t argc, int32_t slot);

/* Like args_bytes; NULL data when it is left out or nil. */
Bytes args_bytes_or_none(const char *function, const Janet *argv, int32_t argc, int32_t slot);

/* A keyword, string, symbol or buffer that names something. */
Bytes args_name(const char *function, const Janet *argv, int32_t slot);

/* As janet_getbytes, janet_getbuffer, janet_getfunction and janet_getnat, with their errors. */
JanetByteView args_view(const char *function, const Janet *argv, int32_t slot);
JanetBuffer *args_buffer(const char *function, const Janet *argv, int32_t slot);
JanetFunction *args_function(const char *function, const Janet *argv, int32_t slot);
int32_t args_natural(const char *function, const Janet *argv, int32_t slot);

const DigestRow *args_digest(const char *function, const Janet *argv, int32_t slot);
const DigestRow *args_hmac_digest(const char *function, const Janet *argv, int32_t slot);
const CipherRow *args_cipher(const char *function, const Janet *argv, int32_t slot);
const CurveRow *args_curve(const char *function, const Janet *argv, int32_t slot);

/* An integer from `min` to `max`. */
int32_t args_integer(const char *function, const Janet *argv, int32_t slot, int32_t min,
                     int32_t max);

/* The word that a keyword or string in that slot names. */
int args_word(const char *function, const OptionWord *words, const Janet *argv, int32_t slot);

/* The options in that slot, nil when left out. */
Janet args_options(const Janet *argv, int32_t argc, int32_t slot);

/* Seconds of an optional timeout argument: a number, or a table with :timeout. INFINITY: none. */
double args_timeout(const char *function, const Janet *argv, int32_t argc, int32_t slot);

/* Parsers for options: a `const DigestRow *` of any digest, and a `const EVP_MD *` of one that
 * signatures may use. */
void args_option_digest(const OptionSite *site, Janet value, void *field);
void args_option_signature_digest(const OptionSite *site, Janet value, void *field);

#endif

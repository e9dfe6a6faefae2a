/* Functions for Janet. Each is declared in one place, directly above its body:
 *
 *   FUNCTION(crypto_hmac, "crypto/hmac", "algorithm key data",
 *            "The keyed hash (HMAC, RFC 2104) of `data`, as a buffer. Raises when ...",
 *            NULL) {
 *       janet_fixarity(argc, 3);
 *       const DigestRow *digest = args_digest(function, argv, 0);
 *       ...
 *   }
 *
 * The body has three parameters: `function`, the public name, with which its errors begin; `argc`
 * and `argv`. The C function for Janet is cfun_crypto_hmac. A table at the end of the file lists
 * what is registered; the compiler reports a function that is missing there:
 *
 *   static const Function *const functions[] = {&function_crypto_hmac, NULL}; */
#ifndef JSEC_BASE_MODULE_H
#define JSEC_BASE_MODULE_H

#include "base/options.h"

#include <janet.h>

typedef struct Function {
    const char *name;         /* "tls/connect" */
    const char *parameters;   /* "host port &opt opts", for the first line of the documentation */
    const char *text;         /* the rest of the documentation */
    const OptionSet *options; /* listed after the text; or NULL */
    JanetCFunction function;
} Function;

#define FUNCTION(id, name, parameters, text, options)                                              \
    static Janet call_##id(const char *function, int32_t argc, Janet *argv);                       \
    static Janet cfun_##id(int32_t argc, Janet *argv) {                                            \
        return call_##id(name, argc, argv);                                                        \
    }                                                                                              \
    static const Function function_##id = {name, parameters, text, options, cfun_##id};            \
    static Janet call_##id(FUNCTION_UNUSED const char *function, FUNCTION_UNUSED int32_t argc,     \
                           FUNCTION_UNUSED Janet *argv)

#define FUNCTION_UNUSED __attribute__((unused))

/* Bind the functions, ended by NULL, in the native module's environment. */
void module_register(JanetTable *env, const Function *const *functions);

/* How a function of that name is called: "crypto/digest algorithm data". The text lasts as long as
 * the C function runs. */
const char *module_signature(const char *name);

/* The numbers of arguments that a function takes by its parameters. */
void module_arity(const char *name, int32_t *min, int32_t *max);

/* The name of a parameter, not terminated; NULL: unknown. */
const char *module_parameter(const char *name, int32_t slot, size_t *length);

#endif

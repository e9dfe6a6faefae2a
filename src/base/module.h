/* How a file of C functions presents itself to Janet: rows of name, function, docstring. */
#ifndef JSEC_BASE_MODULE_H
#define JSEC_BASE_MODULE_H

#include "base/options.h"

#include <janet.h>

typedef struct FunctionRow {
    const char *name; /* "tls/connect"; also what its errors begin with */
    JanetCFunction function;
    const char *doc;          /* first line: the call, as core's docs have it */
    const OptionSet *options; /* appended to the doc where given */
} FunctionRow;

/* Bind the rows, ended by a NULL name, in the native module's environment. */
void module_functions(JanetTable *env, const FunctionRow *rows);

#endif

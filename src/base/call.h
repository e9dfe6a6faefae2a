/* Functions that users give, called later in fibers of their own. */
#ifndef JSEC_BASE_CALL_H
#define JSEC_BASE_CALL_H

#include <janet.h>

/* A fiber that calls a function or C function with one argument, for janet_schedule. */
JanetFiber *call_fiber(Janet function, Janet argument);

#endif

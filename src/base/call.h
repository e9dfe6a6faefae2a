/* Calls of a program's callbacks, each in a fiber of its own. */
#ifndef JSEC_BASE_CALL_H
#define JSEC_BASE_CALL_H

#include <janet.h>
#include <stdbool.h>

/* A fiber of a function, with core's dynamic bindings. */
JanetFiber *call_new_fiber(JanetFunction *function, int32_t argc, const Janet *argv);

/* A fiber for janet_schedule that calls a Janet function or C function with one argument. */
JanetFiber *call_fiber(Janet function, Janet argument);

/* The same with a second argument, for Janet functions that take two. */
JanetFiber *call_fiber_with(Janet function, Janet argument, Janet extra);

/* The function that Janet code makes. Only for C functions that Janet calls: elsewhere the event
 * loop would run within itself. */
JanetFunction *call_compile(const char *source);

#endif

#include "base/call.h"

/* Fibers run Janet functions only, and janet_fiber gives none where the arity does not fit: `apply`
 * takes both, and raises in the fiber. */
JanetFiber *call_fiber(Janet function, Janet argument) {
    Janet arguments[] = {function, janet_wrap_tuple(janet_tuple_n(&argument, 1))};
    return janet_fiber(janet_unwrap_function(janet_resolve_core("apply")), 64, 2, arguments);
}

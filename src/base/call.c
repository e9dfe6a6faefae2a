#include "base/call.h"

/* A fiber can't start with a C function, and janet_fiber fails for a function of another arity.
 * `apply` accepts both, and an arity error is then raised in the fiber. */
JanetFiber *call_fiber(Janet function, Janet argument) {
    Janet arguments[] = {function, janet_wrap_tuple(janet_tuple_n(&argument, 1))};
    return janet_fiber(janet_unwrap_function(janet_resolve_core("apply")), 64, 2, arguments);
}

#include "base/call.h"

/* A fiber that C makes has no dynamic bindings, not even those of the core: `peg/match` would know
 * no :d. */
JanetFiber *call_new_fiber(JanetFunction *function, int32_t argc, const Janet *argv) {
    JanetFiber *fiber = janet_fiber(function, 64, argc, argv);
    if (!fiber) return NULL;
    fiber->env = janet_table(0);
    fiber->env->proto = janet_core_env(NULL);
    return fiber;
}

/* A fiber can't start with a C function, and janet_fiber fails for a function of another arity.
 * `apply` accepts both, and an arity error is then raised in the fiber. */
static JanetFiber *apply_fiber(Janet function, const Janet *arguments, int32_t count) {
    Janet call[] = {function, janet_wrap_tuple(janet_tuple_n(arguments, count))};
    return call_new_fiber(janet_unwrap_function(janet_resolve_core("apply")), 2, call);
}

JanetFiber *call_fiber(Janet function, Janet argument) {
    return apply_fiber(function, &argument, 1);
}

/* A C function does not say how many arguments it takes: `print` would show the second one. */
static bool takes_two(Janet function) {
    return janet_checktype(function, JANET_FUNCTION) &&
           janet_unwrap_function(function)->def->max_arity >= 2;
}

JanetFiber *call_fiber_with(Janet function, Janet argument, Janet extra) {
    Janet arguments[] = {argument, extra};
    return apply_fiber(function, arguments, takes_two(function) ? 2 : 1);
}

/* A collection would free the code that is compiled, and before Janet 1.42 the fiber that runs. */
JanetFunction *call_compile(const char *source) {
    Janet made;
    int locked = janet_gclock();
    int status = janet_dostring(janet_core_env(NULL), source, "jsec", &made);
    janet_gcunlock(locked);
    if (status) janet_panicv(made);
    return janet_unwrap_function(made);
}

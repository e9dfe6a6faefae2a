#include "tls/handler.h"

/* In Janet, since only Janet code can wait for another fiber. The error goes on with its trace. */
static const char guard_source[] = "(fn accept-loop [handler stream abort]\n"
                                   "  (def result (resume handler))\n"
                                   "  (if (= :dead (fiber/status handler))\n"
                                   "    result\n"
                                   "    (do (abort stream) (propagate result handler))))";

JanetFunction *handler_guard(void) {
    Janet guard;
    if (janet_dostring(janet_core_env(NULL), guard_source, "jsec", &guard)) janet_panicv(guard);
    return janet_unwrap_function(guard);
}

static Janet cfun_abort(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    stream_abort(stream_get(argv, 0));
    return janet_wrap_nil();
}

JanetFiber *handler_fiber(JanetFunction *guard, JanetFunction *handler, Stream *stream,
                          JanetTable *env) {
    Janet argument = janet_wrap_abstract(stream);
    JanetFiber *inner = janet_fiber(handler, 64, 1, &argument);
    inner->flags &= ~(1 << JANET_SIGNAL_YIELD); /* as in a task: the guard does not catch yields */
    inner->flags |= HANDLER_ERRORS;
    inner->env = env;
    Janet arguments[] = {janet_wrap_fiber(inner), argument, janet_wrap_cfunction(cfun_abort)};
    JanetFiber *outer = janet_fiber(guard, 16, 3, arguments);
    outer->env = env;
    return outer;
}

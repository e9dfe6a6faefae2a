#include "tls/handler.h"

#include "base/call.h"

/* In Janet, since only Janet code can wait for another fiber. The program's errors go on with their
 * trace. */
static const char guard_source[] = "(fn accept-loop [handler ended loop stream]\n"
                                   "  (def result (resume handler))\n"
                                   "  (def failed (not= :dead (fiber/status handler)))\n"
                                   "  (if (ended loop stream failed result)\n"
                                   "    (unless failed result)\n"
                                   "    (propagate result handler)))";

JanetFunction *handler_guard(void) {
    return call_compile(guard_source);
}

JanetFiber *handler_fiber(const Handler *handler, Janet loop, Stream *stream, JanetTable *env) {
    Janet argument = janet_wrap_abstract(stream);
    JanetFiber *inner = janet_fiber(handler->function, 64, 1, &argument);
    inner->flags &= ~(1 << JANET_SIGNAL_YIELD); /* as in a task: the guard does not catch yields */
    inner->flags |= HANDLER_ERRORS;
    inner->env = env;
    Janet arguments[] = {janet_wrap_fiber(inner), janet_wrap_cfunction(handler->ended), loop,
                         argument};
    JanetFiber *outer = janet_fiber(handler->guard, 16, 4, arguments);
    outer->env = env;
    return outer;
}

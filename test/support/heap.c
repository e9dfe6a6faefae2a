/* Bytes that this process has taken from malloc and not given back, where glibc counts them: of the pages of a process some
 * are kept for later, more or fewer each time. */
#include <janet.h>
#include <malloc.h>

static Janet cfun_in_use(int32_t argc, Janet *argv) {
    (void)argv;
    janet_fixarity(argc, 0);
    struct mallinfo2 info = mallinfo2();
    return janet_wrap_number((double)info.uordblks + (double)info.hblkhd);
}

JANET_MODULE_ENTRY(JanetTable *env) {
    janet_def(env, "in-use", janet_wrap_cfunction(cfun_in_use), NULL);
}

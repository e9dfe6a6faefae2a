/* The bytes of malloc that this process has not freed, where glibc counts them. The process's pages
 * are a worse measure: malloc keeps a varying number of them. */
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

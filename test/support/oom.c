/* Makes allocations of OpenSSL fail, also those that jsec makes through it. Janet's own do not
 * fail: Janet would end the process by design. */
#include <dlfcn.h>
#include <janet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

typedef void *Allocate(size_t size, const char *file, int line);
typedef void *Reallocate(void *block, size_t size, const char *file, int line);
typedef void Free(void *block, const char *file, int line);

static atomic_long made, first_to_fail = -1, last_to_fail = -1;

static int fails(const char *file, int line) {
    long n = atomic_fetch_add(&made, 1);
    if (n < atomic_load(&first_to_fail) || n > atomic_load(&last_to_fail)) return 0;
    /* for the process that finds this one dead */
    if (n == atomic_load(&first_to_fail)) fprintf(stderr, "failed: %s:%d\n", file, line);
    return 1;
}

static void *allocate(size_t size, const char *file, int line) {
    return fails(file, line) ? NULL : malloc(size);
}

static void *reallocate(void *block, size_t size, const char *file, int line) {
    return fails(file, line) ? NULL : realloc(block, size);
}

static void release(void *block, const char *file, int line) {
    (void)file, (void)line;
    free(block);
}

/* (install path): replace the allocator of the OpenSSL that the module at `path` is linked with. It
 * must not have allocated yet. */
static Janet cfun_install(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    void *module = dlopen(janet_getcstring(argv, 0), RTLD_NOW);
    if (!module) janet_panicf("%s", dlerror());
    int (*set)(Allocate *, Reallocate *, Free *) =
        (int (*)(Allocate *, Reallocate *, Free *))dlsym(module, "CRYPTO_set_mem_functions");
    if (!set || !set(allocate, reallocate, release)) janet_panic("too late, or no OpenSSL");
    return janet_wrap_nil();
}

/* (fail n count): from now on, make `count` allocations fail, beginning with the n-th. */
static Janet cfun_fail(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 2);
    long n = (long)janet_getinteger64(argv, 0), count = (long)janet_getinteger64(argv, 1);
    atomic_store(&first_to_fail, n);
    atomic_store(&last_to_fail, n + count - 1);
    atomic_store(&made, 0);
    return janet_wrap_nil();
}

/* (stop): no more of that; how many allocations there were. */
static Janet cfun_stop(int32_t argc, Janet *argv) {
    (void)argv;
    janet_fixarity(argc, 0);
    atomic_store(&last_to_fail, -1);
    return janet_wrap_number((double)atomic_load(&made));
}

JANET_MODULE_ENTRY(JanetTable *env) {
    janet_def(env, "install", janet_wrap_cfunction(cfun_install), NULL);
    janet_def(env, "fail", janet_wrap_cfunction(cfun_fail), NULL);
    janet_def(env, "stop", janet_wrap_cfunction(cfun_stop), NULL);
}

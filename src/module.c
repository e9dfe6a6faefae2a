#include "register.h"

#include <openssl/crypto.h>

JANET_MODULE_ENTRY(JanetTable *env) {
    /* OpenSSL would free all it has when the process exits, under the threads that still work. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
#define REGISTER_CALL(file) file##_register(env);
    REGISTER_FILES(REGISTER_CALL)
#undef REGISTER_CALL
    (void)env;
}

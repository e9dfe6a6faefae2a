#include "base/requirements.h"
#include "net/listener.h"
#include "register.h"

#include <openssl/crypto.h>

/* Build options of Janet that its header does not state. */
static void check_janet(void) {
    if (listener_find_core()) return;
    janet_panic("jsec: this Janet was built without net (JANET_NO_NET): use another");
}

JANET_MODULE_ENTRY(JanetTable *env) {
    check_janet();
    /* OpenSSL would free all it has when the process exits, under the threads that still work. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
#define REGISTER_CALL(file) file##_register(env);
    REGISTER_FILES(REGISTER_CALL)
#undef REGISTER_CALL
    (void)env;
}

#include "register.h"

JANET_MODULE_ENTRY(JanetTable *env) {
#define REGISTER_CALL(file) file##_register(env);
    REGISTER_FILES(REGISTER_CALL)
#undef REGISTER_CALL
    (void)env;
}

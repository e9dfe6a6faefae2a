/* A program with Janet and jsec linked into it: it runs the Janet code in its argument, with the
 * functions of jsec's native module. jpm's quickbin links programs in the same way. */
#include <janet.h>

void janet_module_entry_jsec_47_native(JanetTable *env);

int main(int argc, char **argv) {
    if (argc != 2 || janet_init()) return 2;
    JanetTable *env = janet_table(0);
    env->proto = janet_core_env(NULL);
    janet_module_entry_jsec_47_native(env);
    int status = janet_dostring(env, argv[1], "static", NULL);
    janet_loop();
    janet_deinit();
    return status != 0;
}

/* A native object that is no core stream but has the methods of one. Each answers with its name and
 * the arguments after the object; :read parks its fiber first, as a stream does. */
#include <janet.h>

static Janet answer(const char *name, int32_t argc, Janet *argv) {
    Janet *tuple = janet_tuple_begin(argc);
    tuple[0] = janet_ckeywordv(name);
    for (int32_t i = 1; i < argc; i++) tuple[i] = argv[i];
    return janet_wrap_tuple(janet_tuple_end(tuple));
}

static Janet method_read(int32_t argc, Janet *argv) {
    janet_schedule(janet_root_fiber(), answer("read", argc, argv));
    janet_await();
}

#define METHOD(id, name)                                                                           \
    static Janet method_##id(int32_t argc, Janet *argv) {                                          \
        return answer(name, argc, argv);                                                           \
    }
METHOD(write, "write")
METHOD(chunk, "chunk")
METHOD(close, "close")
METHOD(peername, "peername")
METHOD(localname, "localname")
METHOD(shutdown, "shutdown")
METHOD(setsockopt, "setsockopt")
METHOD(send_to, "send-to")
METHOD(recv_from, "recv-from")

static const JanetMethod methods[] = {
    {"read", method_read},
    {"write", method_write},
    {"chunk", method_chunk},
    {"close", method_close},
    {"peername", method_peername},
    {"localname", method_localname},
    {"shutdown", method_shutdown},
    {"setsockopt", method_setsockopt},
    {"send-to", method_send_to},
    {"recv-from", method_recv_from},
    {NULL, NULL},
};

/* :flush is there, but nothing that can be called. */
static int fake_get(void *object, Janet key, Janet *out) {
    (void)object;
    if (!janet_checktype(key, JANET_KEYWORD)) return 0;
    if (janet_keyeq(key, "flush")) {
        *out = janet_wrap_true();
        return 1;
    }
    return janet_getmethod(janet_unwrap_keyword(key), methods, out);
}

static const JanetAbstractType fake_type = {"fake/stream", NULL, NULL, fake_get, JANET_ATEND_GET};

static Janet cfun_fake_stream(int32_t argc, Janet *argv) {
    (void)argv;
    janet_fixarity(argc, 0);
    return janet_wrap_abstract(janet_abstract(&fake_type, 1));
}

JANET_MODULE_ENTRY(JanetTable *env) {
    janet_def(env, "stream", janet_wrap_cfunction(cfun_fake_stream), NULL);
    janet_register("fake/stream", cfun_fake_stream);
}

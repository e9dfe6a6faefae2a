/* Core's functions on streams, such as `ev/read`, extended to streams of other types.
 *
 * Core's functions accept core/stream only. Loading the module puts a dispatcher before each. It
 * passes core streams, and values that are no stream, on to core's function. An object of another
 * native type that has a C method of that name receives the call. A method written in Janet is not
 * called: it could not park its fiber from here. */
#include "net/generic.h"

#include "net/rebind.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/* Identifier, name, method. */
#define GENERIC_FUNCTIONS(X)                                                                       \
    X(ev_read, "ev/read", "read")                                                                  \
    X(ev_write, "ev/write", "write")                                                               \
    X(ev_chunk, "ev/chunk", "chunk")                                                               \
    X(ev_close, "ev/close", "close")                                                               \
    X(net_accept, "net/accept", "accept")                                                          \
    X(net_accept_loop, "net/accept-loop", "accept-loop")                                           \
    X(net_read, "net/read", "read")                                                                \
    X(net_write, "net/write", "write")                                                             \
    X(net_chunk, "net/chunk", "chunk")                                                             \
    X(net_close, "net/close", "close")                                                             \
    X(net_flush, "net/flush", "flush")                                                             \
    X(net_peername, "net/peername", "peername")                                                    \
    X(net_localname, "net/localname", "localname")                                                 \
    X(net_shutdown, "net/shutdown", "shutdown")                                                    \
    X(net_setsockopt, "net/setsockopt", "setsockopt")                                              \
    X(net_send_to, "net/send-to", "send-to")                                                       \
    X(net_recv_from, "net/recv-from", "recv-from")

enum {
#define GENERIC_INDEX(id, name, method) GENERIC_##id,
    GENERIC_FUNCTIONS(GENERIC_INDEX)
#undef GENERIC_INDEX
        GENERIC_COUNT
};

/* Core's functions: addresses of code, hence the same for every VM of the process. */
static _Atomic(JanetCFunction) core_functions[GENERIC_COUNT];

/* Types whose methods were looked up in advance. */
#define MAX_KNOWN 4
static struct {
    const JanetAbstractType *type;
    JanetCFunction methods[GENERIC_COUNT];
} known[MAX_KNOWN];
static atomic_int known_count;

/* The C method of an object whose type is not core's. Core's files and channels have methods of
 * these names too, but core refuses them here, and so does jsec. */
static JanetCFunction method_of(Janet object, const char *method) {
    if (!janet_checktype(object, JANET_ABSTRACT)) return NULL;
    const JanetAbstractType *type = janet_abstract_type(janet_unwrap_abstract(object));
    if (!type->get || strncmp(type->name, "core/", 5) == 0) return NULL;
    Janet value = janet_get(object, janet_ckeywordv(method));
    return janet_checktype(value, JANET_CFUNCTION) ? janet_unwrap_cfunction(value) : NULL;
}

static JanetCFunction method_named(const JanetMethod *methods, const char *name) {
    while (methods->name && strcmp(methods->name, name) != 0) methods++;
    return methods->cfun;
}

/* The listeners of tls/listen are core's streams with methods of their own for accepting. */
static JanetCFunction stream_method(const JanetStream *stream, int index, const char *method) {
    bool accepts = index == GENERIC_net_accept || index == GENERIC_net_accept_loop;
    return accepts ? method_named(stream->methods, method) : NULL;
}

static JanetCFunction find_method(Janet object, int index, const char *method) {
    int count = atomic_load_explicit(&known_count, memory_order_acquire);
    for (int i = 0; i < count; i++) {
        if (janet_checkabstract(object, known[i].type)) return known[i].methods[index];
    }
    const JanetStream *stream = janet_checkabstract(object, &janet_stream_type);
    return stream ? stream_method(stream, index, method) : method_of(object, method);
}

static inline Janet dispatch(int index, const char *method, int32_t argc, Janet *argv) {
    JanetCFunction function = argc > 0 ? find_method(argv[0], index, method) : NULL;
    if (!function) function = atomic_load_explicit(&core_functions[index], memory_order_relaxed);
    return function(argc, argv);
}

#define GENERIC_DISPATCHER(id, name, method)                                                       \
    static Janet cfun_generic_##id(int32_t argc, Janet *argv) {                                    \
        return dispatch(GENERIC_##id, method, argc, argv);                                         \
    }
GENERIC_FUNCTIONS(GENERIC_DISPATCHER)
#undef GENERIC_DISPATCHER

typedef struct GenericRow {
    const char *name;
    JanetCFunction dispatcher;
} GenericRow;

static const GenericRow rows[GENERIC_COUNT] = {
#define GENERIC_ROW(id, name, method) {name, cfun_generic_##id},
    GENERIC_FUNCTIONS(GENERIC_ROW)
#undef GENERIC_ROW
};

void generic_know(const JanetAbstractType *type, const JanetMethod *methods) {
    static const char *const names[] = {
#define GENERIC_METHOD(id, name, method) method,
        GENERIC_FUNCTIONS(GENERIC_METHOD)
#undef GENERIC_METHOD
    };
    /* Each VM of the process loads the module, at the same time if they run in threads. */
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&busy)) {
    }
    int at = 0, count = atomic_load(&known_count);
    while (at < count && known[at].type != type) at++;
    if (at == count && at < MAX_KNOWN) {
        known[at].type = type;
        for (int i = 0; i < GENERIC_COUNT; i++) {
            known[at].methods[i] = method_named(methods, names[i]);
        }
        atomic_store_explicit(&known_count, at + 1, memory_order_release);
    }
    atomic_flag_clear(&busy);
}

/* ---- binding ---- */

/* Marks an extended binding. Another copy of the library may have extended it; its functions call
 * our methods as well. */
static Janet binding_mark(void) {
    return janet_ckeywordv("jsec/generic");
}

static JanetTable *core_dictionary(const char *name) {
    Janet value = janet_resolve_core(name);
    return janet_checktype(value, JANET_TABLE) ? janet_unwrap_table(value) : NULL;
}

/* Images contain the functions by core's names, so they also load in a process without this module,
 * where the names are core's functions. */
static void register_in_images(const GenericRow *row) {
    JanetTable *load = core_dictionary("load-image-dict");
    JanetTable *make = core_dictionary("make-image-dict");
    Janet function = janet_wrap_cfunction(row->dispatcher);
    if (load) janet_table_put(load, janet_csymbolv(row->name), function);
    if (make) janet_table_put(make, function, janet_csymbolv(row->name));
}

static void extend_doc(JanetTable *entry) {
    static const char sentence[] =
        "With jsec loaded, takes jsec's streams and listeners (TLS, DTLS) as well and calls "
        "their own method.";
    Janet doc = janet_table_get(entry, janet_ckeywordv("doc"));
    if (!janet_checktype(doc, JANET_STRING)) return;
    JanetString text = janet_formatc("%S\n\n%s", janet_unwrap_string(doc), sentence);
    janet_table_put(entry, janet_ckeywordv("doc"), janet_wrap_string(text));
}

/* The binding in the first VM counts as core's. A different binding in another VM is the program's
 * own and stays. */
static bool takes_over(int index, JanetCFunction bound) {
    JanetCFunction expected = NULL;
    return atomic_compare_exchange_strong(&core_functions[index], &expected, bound) ||
           expected == bound;
}

/* Extend one binding of the root environment; false when it was extended before. */
static bool extend_binding(int index, JanetTable *entry, JanetCFunction bound) {
    const GenericRow *row = &rows[index];
    if (janet_truthy(janet_table_get(entry, binding_mark()))) return false;
    if (!takes_over(index, bound)) return false;
    janet_register(row->name, row->dispatcher);
    janet_table_put(entry, janet_ckeywordv("value"), janet_wrap_cfunction(row->dispatcher));
    janet_table_put(entry, binding_mark(), janet_wrap_true());
    extend_doc(entry);
    register_in_images(row);
    return true;
}

/* Export ev/read as generic/ev-read. Both names share one entry, with value and documentation. */
static void export_entry(JanetTable *env, const char *name, JanetTable *entry) {
    JanetBuffer *text = janet_buffer(32);
    janet_formatb(text, "generic/%s", name);
    for (int32_t i = (int32_t)sizeof "generic/"; i < text->count; i++)
        if (text->data[i] == '/') text->data[i] = '-';
    janet_table_put(env, janet_symbolv(text->data, text->count), janet_wrap_table(entry));
}

/* net/close is a Janet function that calls ev/close: without rebinding its constant is replaced. */
static void extend_net_close(const RebindPair *pairs, size_t count) {
    Janet function = janet_resolve_core("net/close");
    if (janet_checktype(function, JANET_FUNCTION))
        rebind_constants(janet_unwrap_function(function), pairs, count);
}

/* Rebinding also replaces the keys of the dictionary for images. It must know core's functions too:
 * values that come from other threads may contain them. */
static void restore_in_images(void) {
    JanetTable *make = core_dictionary("make-image-dict");
    for (int i = 0; make && i < GENERIC_COUNT; i++) {
        JanetCFunction core = atomic_load(&core_functions[i]);
        if (core) janet_table_put(make, janet_wrap_cfunction(core), janet_csymbolv(rows[i].name));
    }
}

static void extend_early_code(const RebindPair *pairs, size_t count) {
    if (!rebind_is_on()) {
        extend_net_close(pairs, count);
        return;
    }
    rebind_functions(pairs, count);
    restore_in_images();
}

void generic_register(JanetTable *env) {
    RebindPair pairs[GENERIC_COUNT];
    size_t count = 0;
    JanetTable *root = janet_core_env(NULL);
    for (int i = 0; i < GENERIC_COUNT; i++) {
        Janet found = janet_table_get(root, janet_csymbolv(rows[i].name));
        if (!janet_checktype(found, JANET_TABLE)) continue;
        JanetTable *entry = janet_unwrap_table(found);
        Janet bound = janet_table_get(entry, janet_ckeywordv("value"));
        /* net/close is a Janet function; rebinding replaces the ev/close in it. */
        if (!janet_checktype(bound, JANET_CFUNCTION)) continue;
        JanetCFunction function = janet_unwrap_cfunction(bound);
        if (extend_binding(i, entry, function))
            pairs[count++] = (RebindPair){function, rows[i].dispatcher};
        export_entry(env, rows[i].name, entry);
    }
    if (count) extend_early_code(pairs, count);
}

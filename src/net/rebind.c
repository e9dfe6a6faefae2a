#include "net/rebind.h"

#include "net/heap.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct Walk {
    const RebindPair *pairs;
    size_t count;
    Heap heap;
    JanetGCObject *until, *until_weak; /* where the walk ends; NULL: at the oldest block */
    JanetArray *immutables;            /* all tuples and structs, the newest first */
    /* The tuples and structs to replace, by address. The value is true, then false while its copy
     * is in progress, then the copy. Copies are made only when something refers to the original,
     * which proves that the original was finished. */
    JanetTable *copies;
    JanetArray *pending; /* the stack of copies in progress */
    bool grew;
} Walk;

/* --- one value --- */

static JanetCFunction find_substitute(const Walk *walk, Janet value) {
    if (!janet_checktype(value, JANET_CFUNCTION)) return NULL;
    JanetCFunction function = janet_unwrap_cfunction(value);
    for (size_t i = 0; i < walk->count; i++)
        if (walk->pairs[i].from == function) return walk->pairs[i].to;
    return NULL;
}

static Janet wrap_address(Janet value) {
    return janet_wrap_pointer(janet_unwrap_pointer(value));
}

/* The entry of `copies`, or nil. */
static Janet find_copy(const Walk *walk, Janet value) {
    if (walk->copies->count == 0) return janet_wrap_nil();
    if (!janet_checktypes(value, JANET_TFLAG_TUPLE | JANET_TFLAG_STRUCT)) return janet_wrap_nil();
    return janet_table_rawget(walk->copies, wrap_address(value));
}

static bool is_affected(const Walk *walk, Janet value) {
    return find_substitute(walk, value) || !janet_checktype(find_copy(walk, value), JANET_NIL);
}

/* --- copies of tuples and structs --- */

/* The replacement of a value, if it is made already; otherwise the value itself. */
static Janet replace_made(const Walk *walk, Janet value) {
    JanetCFunction function = find_substitute(walk, value);
    if (function) return janet_wrap_cfunction(function);
    Janet copy = find_copy(walk, value);
    return janet_checktypes(copy, JANET_TFLAG_TUPLE | JANET_TFLAG_STRUCT) ? copy : value;
}

static Janet copy_tuple(const Walk *walk, const JanetTupleHead *head) {
    Janet *copy = janet_tuple_begin(head->length);
    for (int32_t i = 0; i < head->length; i++) copy[i] = replace_made(walk, head->data[i]);
    JanetTupleHead *copy_head = janet_tuple_head(copy);
    copy_head->gc.flags |= head->gc.flags & JANET_TUPLE_FLAG_BRACKETCTOR;
    copy_head->sm_line = head->sm_line;
    copy_head->sm_column = head->sm_column;
    return janet_wrap_tuple(janet_tuple_end(copy));
}

static Janet copy_struct(const Walk *walk, const JanetStructHead *head) {
    JanetKV *copy = janet_struct_begin(head->length);
    for (int32_t i = 0; i < head->capacity; i++) {
        const JanetKV *entry = &head->data[i];
        if (janet_checktype(entry->key, JANET_NIL)) continue;
        janet_struct_put(copy, replace_made(walk, entry->key), replace_made(walk, entry->value));
    }
    if (head->proto) {
        Janet proto = replace_made(walk, janet_wrap_struct(head->proto));
        janet_struct_head(copy)->proto = janet_unwrap_struct(proto);
    }
    return janet_wrap_struct(janet_struct_end(copy));
}

static void push_uncopied(Walk *walk, Janet value) {
    Janet copy = find_copy(walk, value);
    if (janet_checktype(copy, JANET_BOOLEAN) && janet_unwrap_boolean(copy))
        janet_array_push(walk->pending, value);
}

static void push_parts(Walk *walk, Janet value) {
    if (janet_checktype(value, JANET_TUPLE)) {
        const JanetTupleHead *head = heap_tuple(value);
        for (int32_t i = 0; i < head->length; i++) push_uncopied(walk, head->data[i]);
        return;
    }
    const JanetStructHead *head = heap_struct(value);
    for (int32_t i = 0; i < head->capacity; i++) {
        push_uncopied(walk, head->data[i].key);
        push_uncopied(walk, head->data[i].value);
    }
    if (head->proto) push_uncopied(walk, janet_wrap_struct(head->proto));
}

static Janet copy_value(const Walk *walk, Janet value) {
    return janet_checktype(value, JANET_TUPLE) ? copy_tuple(walk, heap_tuple(value))
                                               : copy_struct(walk, heap_struct(value));
}

/* Copies the innermost values first, with a stack of its own: nesting has no bound. */
static void make_copy(Walk *walk, Janet value) {
    push_uncopied(walk, value);
    while (walk->pending->count) {
        Janet top = janet_array_peek(walk->pending), address = wrap_address(top);
        Janet copy = janet_table_rawget(walk->copies, address);
        if (!janet_checktype(copy, JANET_BOOLEAN)) {
            janet_array_pop(walk->pending);
        } else if (janet_unwrap_boolean(copy)) {
            janet_table_put(walk->copies, address, janet_wrap_false());
            push_parts(walk, top);
        } else {
            janet_table_put(walk->copies, address, copy_value(walk, top));
        }
    }
}

static void replace_value(Walk *walk, Janet *value) {
    make_copy(walk, *value);
    *value = replace_made(walk, *value);
}

static void replace_values(Walk *walk, Janet *values, int32_t count) {
    for (int32_t i = 0; i < count; i++) replace_value(walk, &values[i]);
}

/* --- finding the affected tuples and structs --- */

static bool has_affected_part(const Walk *walk, Janet value) {
    if (janet_checktype(value, JANET_TUPLE)) {
        const JanetTupleHead *head = heap_tuple(value);
        for (int32_t i = 0; i < head->length; i++)
            if (is_affected(walk, head->data[i])) return true;
        return false;
    }
    const JanetStructHead *head = heap_struct(value);
    for (int32_t i = 0; i < head->capacity; i++)
        if (is_affected(walk, head->data[i].key) || is_affected(walk, head->data[i].value))
            return true;
    return head->proto && is_affected(walk, janet_wrap_struct(head->proto));
}

static void note_affected(Walk *walk, Janet value) {
    if (!janet_checktype(find_copy(walk, value), JANET_NIL)) return;
    if (!has_affected_part(walk, value)) return;
    janet_table_put(walk->copies, wrap_address(value), janet_wrap_true());
    walk->grew = true;
}

/* Parts are older than what contains them, or newer if it was unmarshalled: so passes in both
 * directions alternate, and even deep nesting takes few of them. */
static void find_affected(Walk *walk) {
    int32_t count = walk->immutables->count;
    bool oldest_first = true;
    do {
        walk->grew = false;
        for (int32_t i = 0; i < count; i++) {
            note_affected(walk, walk->immutables->data[oldest_first ? count - 1 - i : i]);
        }
        oldest_first = !oldest_first;
    } while (walk->grew);
}

/* --- one block --- */

/* Removing an entry moves no other; adding one may. So remove all entries before adding any. */
static void replace_keys(Walk *walk, JanetTable *table) {
    JanetArray *removed = NULL;
    for (int32_t i = 0; i < table->capacity; i++) {
        Janet key = table->data[i].key;
        if (!is_affected(walk, key)) continue;
        if (!removed) removed = janet_array(4);
        janet_array_push(removed, key);
        janet_array_push(removed, janet_table_remove(table, key));
    }
    for (int32_t i = 0; removed && i < removed->count; i += 2) {
        Janet key = removed->data[i];
        replace_value(walk, &key);
        if (janet_checktype(janet_table_rawget(table, key), JANET_NIL))
            janet_table_put(table, key, removed->data[i + 1]);
    }
}

static void visit_table(Walk *walk, JanetTable *table) {
    for (int32_t i = 0; i < table->capacity; i++) replace_value(walk, &table->data[i].value);
    replace_keys(walk, table);
}

/* Captured variables; those of a running function are on its fiber's stack. */
static void visit_function(Walk *walk, JanetFunction *function) {
    if (!function->def) return;
    for (int32_t i = 0; i < function->def->environments_length; i++) {
        JanetFuncEnv *env = function->envs[i];
        if (env && env->offset == 0 && env->as.values)
            replace_values(walk, env->as.values, env->length);
    }
}

static void visit_fiber(Walk *walk, JanetFiber *fiber) {
    replace_value(walk, &fiber->last_value);
    replace_values(walk, fiber->data + fiber->stackstart, fiber->stacktop - fiber->stackstart);
    int32_t end = fiber->stackstart - JANET_FRAME_SIZE;
    for (int32_t start = fiber->frame; start > 0;) {
        replace_values(walk, fiber->data + start, end - start);
        end = start - JANET_FRAME_SIZE;
        start = ((JanetStackFrame *)(void *)(fiber->data + end))->prevframe;
    }
}

/* How a channel begins: a ring of values. janet.h does not declare it; the self-test checks it. */
typedef struct ChannelItems {
    int32_t capacity, head, tail;
    Janet *values;
} ChannelItems;

static void visit_channel(Walk *walk, ChannelItems *items) {
    for (int32_t i = items->head; i != items->tail; i = (i + 1) % items->capacity)
        replace_value(walk, &items->values[i]);
}

static void visit_abstract(Walk *walk, JanetAbstractHead *head) {
    if (head->type == &janet_channel_type) {
        visit_channel(walk, (ChannelItems *)(void *)head->data);
    } else if (head->type == &janet_peg_type) {
        JanetPeg *peg = (JanetPeg *)(void *)head->data;
        replace_values(walk, peg->constants, (int32_t)peg->num_constants);
    }
}

static void visit_block(Walk *walk, HeapKind kind, void *block) {
    JanetArray *array = block;
    JanetFuncDef *definition = block;
    switch (kind) {
    case HEAP_ARRAY: replace_values(walk, array->data, array->count); break;
    case HEAP_TABLE: visit_table(walk, block); break;
    case HEAP_FUNCTION: visit_function(walk, block); break;
    case HEAP_DEFINITION:
        replace_values(walk, definition->constants, definition->constants_length);
        break;
    case HEAP_FIBER: visit_fiber(walk, block); break;
    case HEAP_ABSTRACT: visit_abstract(walk, block); break;
    default: break;
    }
}

/* --- the heap --- */

static void collect_immutables(Walk *walk) {
    JanetGCObject *block = walk->heap.newest;
    for (; block != walk->until; block = block->data.next) {
        HeapKind kind = heap_kind(&walk->heap, block);
        if (kind == HEAP_TUPLE) {
            janet_array_push(walk->immutables,
                             janet_wrap_tuple(((JanetTupleHead *)(void *)block)->data));
        } else if (kind == HEAP_STRUCT) {
            janet_array_push(walk->immutables,
                             janet_wrap_struct(((JanetStructHead *)(void *)block)->data));
        }
    }
}

static void visit_blocks(Walk *walk) {
    const Heap *heap = &walk->heap;
    for (JanetGCObject *block = heap->newest; block != walk->until; block = block->data.next)
        visit_block(walk, heap_kind(heap, block), block);
    for (JanetGCObject *block = heap->newest_weak; block != walk->until_weak;
         block = block->data.next)
        visit_block(walk, heap_weak_kind(heap, block), block);
}

/* The walk's own tables are made after heap_open, so they are not in the lists. */
static void run_walk(Walk *walk) {
    walk->immutables = janet_array(1024);
    walk->copies = janet_table(0);
    walk->pending = janet_array(0);
    collect_immutables(walk);
    find_affected(walk);
    visit_blocks(walk);
}

/* --- self-test --- */

static Janet cfun_old_probe(int32_t argc, Janet *argv) {
    (void)argc, (void)argv;
    return janet_wrap_nil();
}

static Janet cfun_new_probe(int32_t argc, Janet *argv) {
    (void)argv;
    return janet_wrap_integer(argc);
}

/* One value in each kind of place. */
typedef struct Samples {
    JanetArray *array, *weak_array;
    JanetTable *table;
    JanetFiber *fiber;
    JanetFunction *function;
    JanetChannel *channel;
} Samples;

static bool is_new_probe(Janet value) {
    return janet_checktype(value, JANET_CFUNCTION) &&
           janet_unwrap_cfunction(value) == cfun_new_probe;
}

/* [{:a [probe]}] */
static Janet nest_probe(Janet probe) {
    JanetKV *structure = janet_struct_begin(1);
    janet_struct_put(structure, janet_ckeywordv("a"), janet_wrap_tuple(janet_tuple_n(&probe, 1)));
    Janet inner = janet_wrap_struct(janet_struct_end(structure));
    return janet_wrap_tuple(janet_tuple_n(&inner, 1));
}

static bool is_replaced_nested(Janet value) {
    Janet structure = janet_unwrap_tuple(value)[0];
    Janet inner = janet_struct_get(janet_unwrap_struct(structure), janet_ckeywordv("a"));
    return is_new_probe(janet_unwrap_tuple(inner)[0]);
}

static bool make_samples(Samples *samples) {
    Janet probe = janet_wrap_cfunction(cfun_old_probe), nested = nest_probe(probe);
    JanetCompileResult compiled = janet_compile(janet_wrap_tuple(janet_tuple_n(&probe, 1)),
                                                janet_table(0), janet_cstring("jsec"));
    if (compiled.status != JANET_COMPILE_OK) return false;
    samples->function = janet_thunk(compiled.funcdef);
    samples->array = janet_array(2);
    janet_array_push(samples->array, probe);
    janet_array_push(samples->array, nested);
    samples->weak_array = janet_array_weak(1);
    janet_array_push(samples->weak_array, probe);
    samples->table = janet_table(1);
    janet_table_put(samples->table, probe, probe);
    samples->fiber =
        janet_fiber(janet_unwrap_function(janet_resolve_core("identity")), 64, 1, &probe);
    samples->channel = janet_channel_make(1);
    return true;
}

/* An empty channel, then one with a value: only a ring of values looks like this. */
static bool fill_channel(JanetChannel *channel) {
    const ChannelItems *items = (const ChannelItems *)(const void *)channel;
    if (items->capacity || items->head || items->tail || items->values) return false;
    janet_channel_give(channel, janet_wrap_cfunction(cfun_old_probe));
    return items->capacity > 1 && items->head == 0 && items->tail == 1 && items->values;
}

static bool are_replaced(const Samples *samples) {
    Janet probe = janet_wrap_cfunction(cfun_new_probe), taken;
    const JanetFuncDef *definition = samples->function->def;
    bool replaced =
        is_new_probe(samples->array->data[0]) && is_new_probe(samples->weak_array->data[0]);
    replaced = replaced && is_replaced_nested(samples->array->data[1]);
    replaced = replaced && samples->table->count == 1;
    replaced = replaced && is_new_probe(janet_table_get(samples->table, probe));
    replaced = replaced && is_new_probe(samples->fiber->data[samples->fiber->frame]);
    replaced = replaced && definition->constants_length == 1;
    replaced = replaced && is_new_probe(definition->constants[0]);
    return replaced && janet_channel_take(samples->channel, &taken) && is_new_probe(taken);
}

/* Walks the samples only: the blocks that are newer than those of the first heap. */
static bool pass_self_test(void) {
    const RebindPair pair = {cfun_old_probe, cfun_new_probe};
    Walk walk = {.pairs = &pair, .count = 1};
    Samples samples;
    Heap before;
    if (!heap_open(&before) || !make_samples(&samples) || !fill_channel(samples.channel))
        return false;
    if (!heap_open(&walk.heap)) return false;
    walk.until = before.newest;
    walk.until_weak = before.newest_weak;
    if (walk.heap.newest_weak->data.next != &samples.weak_array->gc) return false;
    if (samples.weak_array->gc.data.next != walk.until_weak) return false;
    run_walk(&walk);
    return are_replaced(&samples);
}

static bool is_disabled(void) {
    const char *setting = getenv("JSEC_NO_REBIND");
    return setting && *setting && strcmp(setting, "0") != 0;
}

bool rebind_is_on(void) {
    static atomic_int state; /* 0: unknown, 1: on, 2: off */
    int known = atomic_load(&state);
    if (known) return known == 1;
    int lock = janet_gclock();
    bool on = !is_disabled() && pass_self_test();
    janet_gcunlock(lock);
    atomic_store(&state, on ? 1 : 2);
    return on;
}

/* --- use --- */

void rebind_functions(const RebindPair *pairs, size_t count) {
    if (!rebind_is_on()) return;
    Walk walk = {.pairs = pairs, .count = count};
    int lock = janet_gclock();
    if (heap_open(&walk.heap)) run_walk(&walk);
    janet_gcunlock(lock);
}

void rebind_constants(JanetFunction *function, const RebindPair *pairs, size_t count) {
    const Walk walk = {.pairs = pairs, .count = count};
    JanetFuncDef *definition = function->def;
    for (int32_t i = 0; i < definition->constants_length; i++) {
        JanetCFunction to = find_substitute(&walk, definition->constants[i]);
        if (to) definition->constants[i] = janet_wrap_cfunction(to);
    }
}

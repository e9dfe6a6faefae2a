/* Every object the collector knows is a block in a list, the newest first; janet.h shows the header
 * that links them. So nothing needs to be traced from roots: one pass over the list sees whatever
 * may ever be called. Values are compared, never followed, hence half-made blocks do no harm. */
#include "net/rebind.h"

#include <stdbool.h>
#include <stddef.h>

enum { MAX_PASSES = 8, MAX_DEPTH = 256 };

typedef struct Walk {
    const RebindPair *pairs;
    size_t count;
    /* Tuples and structs can't change: here are those that hold what is swapped, by address; with
     * true, or with their copy. It is made when something turns out to refer to the original, which
     * also proves that this was ever finished. */
    JanetTable *immutable;
    bool grew;
    int depth; /* of copies being made */
    size_t swapped;
} Walk;

/* How janet's collector tags blocks, taken from an example of each: the numbers aren't public. */
typedef struct Tags {
    int32_t array, table, tuple, structure, function, definition, fiber;
} Tags;

static int32_t tag_of(const JanetGCObject *block) {
    return block->flags & 0xFF;
}

/* ---- one value ---- */

static JanetCFunction substitute(const Walk *walk, Janet value) {
    if (!janet_checktype(value, JANET_CFUNCTION)) return NULL;
    JanetCFunction function = janet_unwrap_cfunction(value);
    for (size_t i = 0; i < walk->count; i++)
        if (walk->pairs[i].from == function) return walk->pairs[i].to;
    return NULL;
}

/* The address under which `immutable` knows a tuple or struct. */
static Janet address_of(Janet value) {
    return janet_wrap_pointer(janet_unwrap_pointer(value));
}

/* janet.h's macros for these cast a const away. */
static JanetTupleHead *tuple_head(Janet tuple) {
    char *data = janet_unwrap_pointer(tuple);
    return (JanetTupleHead *)(void *)(data - offsetof(JanetTupleHead, data));
}

static JanetStructHead *struct_head(Janet structure) {
    char *data = janet_unwrap_pointer(structure);
    return (JanetStructHead *)(void *)(data - offsetof(JanetStructHead, data));
}

static bool is_immutable(const Walk *walk, Janet value) {
    if (walk->immutable->count == 0) return false;
    if (!janet_checktypes(value, JANET_TFLAG_TUPLE | JANET_TFLAG_STRUCT)) return false;
    return !janet_checktype(janet_table_get(walk->immutable, address_of(value)), JANET_NIL);
}

static bool concerns(const Walk *walk, Janet value) {
    return substitute(walk, value) || is_immutable(walk, value);
}

static Janet changed(Walk *walk, Janet value);

static Janet copy_tuple(Walk *walk, const JanetTupleHead *head) {
    Janet *copy = janet_tuple_begin(head->length);
    for (int32_t i = 0; i < head->length; i++) copy[i] = changed(walk, head->data[i]);
    JanetTupleHead *copy_head = janet_tuple_head(copy);
    copy_head->gc.flags |= head->gc.flags & JANET_TUPLE_FLAG_BRACKETCTOR;
    copy_head->sm_line = head->sm_line;
    copy_head->sm_column = head->sm_column;
    return janet_wrap_tuple(janet_tuple_end(copy));
}

static Janet copy_struct(Walk *walk, const JanetStructHead *head) {
    JanetKV *copy = janet_struct_begin(head->length);
    for (int32_t i = 0; i < head->capacity; i++) {
        const JanetKV *entry = &head->data[i];
        if (janet_checktype(entry->key, JANET_NIL)) continue;
        janet_struct_put(copy, changed(walk, entry->key), changed(walk, entry->value));
    }
    if (head->proto) {
        Janet proto = changed(walk, janet_wrap_struct(head->proto));
        janet_struct_head(copy)->proto = janet_unwrap_struct(proto);
    }
    return janet_wrap_struct(janet_struct_end(copy));
}

/* The value itself, or what takes its place. */
static Janet changed(Walk *walk, Janet value) {
    JanetCFunction function = substitute(walk, value);
    if (function) return janet_wrap_cfunction(function);
    if (!is_immutable(walk, value)) return value;
    Janet address = address_of(value);
    Janet copy = janet_table_get(walk->immutable, address);
    if (!janet_checktype(copy, JANET_BOOLEAN)) return copy;
    if (walk->depth == MAX_DEPTH) return value;
    walk->depth++;
    copy = janet_checktype(value, JANET_TUPLE) ? copy_tuple(walk, tuple_head(value))
                                               : copy_struct(walk, struct_head(value));
    walk->depth--;
    janet_table_put(walk->immutable, address, copy);
    return copy;
}

static void swap(Walk *walk, Janet *value) {
    if (!concerns(walk, *value)) return;
    *value = changed(walk, *value);
    walk->swapped++;
}

static void swap_many(Walk *walk, Janet *values, int32_t count) {
    for (int32_t i = 0; i < count; i++) swap(walk, &values[i]);
}

/* ---- one block ---- */

/* A key stays and gets a twin: dictionaries for `marshal` must know either function. */
static bool twin_key(Walk *walk, JanetTable *table, const JanetKV *entry) {
    if (!concerns(walk, entry->key)) return false;
    Janet twin = changed(walk, entry->key);
    if (!janet_checktype(janet_table_rawget(table, twin), JANET_NIL)) return false;
    janet_table_put(table, twin, entry->value);
    walk->swapped++;
    return true;
}

static void visit_table(Walk *walk, JanetTable *table) {
    for (int32_t i = 0; i < table->capacity; i++) {
        if (janet_checktype(table->data[i].key, JANET_NIL)) continue;
        swap(walk, &table->data[i].value);
        if (twin_key(walk, table, &table->data[i])) i = -1; /* its entries may have moved */
    }
}

static void note_immutable(Walk *walk, Janet value) {
    Janet key = address_of(value);
    if (!janet_checktype(janet_table_get(walk->immutable, key), JANET_NIL)) return;
    janet_table_put(walk->immutable, key, janet_wrap_true());
    walk->grew = true;
}

static void visit_tuple(Walk *walk, JanetTupleHead *head) {
    for (int32_t i = 0; i < head->length; i++) {
        if (!concerns(walk, head->data[i])) continue;
        note_immutable(walk, janet_wrap_tuple(head->data));
        return;
    }
}

static void visit_struct(Walk *walk, JanetStructHead *head) {
    bool found = head->proto && is_immutable(walk, janet_wrap_struct(head->proto));
    for (int32_t i = 0; i < head->capacity && !found; i++)
        found = concerns(walk, head->data[i].key) || concerns(walk, head->data[i].value);
    if (found) note_immutable(walk, janet_wrap_struct(head->data));
}

/* Captured variables; those still on a fiber's stack are seen there. */
static void visit_function(Walk *walk, JanetFunction *function) {
    if (!function->def) return;
    for (int32_t i = 0; i < function->def->environments_length; i++) {
        JanetFuncEnv *env = function->envs[i];
        if (env && env->offset == 0 && env->as.values) swap_many(walk, env->as.values, env->length);
    }
}

static void visit_fiber(Walk *walk, JanetFiber *fiber) {
    swap(walk, &fiber->last_value);
    swap_many(walk, fiber->data + fiber->stackstart, fiber->stacktop - fiber->stackstart);
    int32_t end = fiber->stackstart - JANET_FRAME_SIZE;
    for (int32_t start = fiber->frame; start > 0;) {
        swap_many(walk, fiber->data + start, end - start);
        end = start - JANET_FRAME_SIZE;
        start = ((JanetStackFrame *)(void *)(fiber->data + end))->prevframe;
    }
}

static void visit(Walk *walk, const Tags *tags, JanetGCObject *block) {
    void *object = block;
    int32_t tag = tag_of(block);
    if (tag == tags->tuple) {
        visit_tuple(walk, object);
    } else if (tag == tags->structure) {
        visit_struct(walk, object);
    } else if (tag == tags->function) {
        visit_function(walk, object);
    } else if (tag == tags->fiber) {
        visit_fiber(walk, object);
    } else if (tag == tags->definition) {
        JanetFuncDef *definition = object;
        swap_many(walk, definition->constants, definition->constants_length);
    } else if (tag == tags->array) {
        JanetArray *array = object;
        swap_many(walk, array->data, array->count);
    } else if (tag == tags->table) {
        visit_table(walk, object);
    }
}

/* ---- the heap ---- */

static bool learn_tags(Tags *tags) {
    Janet example = janet_resolve_core("identity");
    if (!janet_checktype(example, JANET_FUNCTION)) return false;
    JanetFunction *function = janet_unwrap_function(example);
    JanetFiber *fiber = janet_fiber(function, 64, 1, &example);
    if (!fiber) return false;
    Janet tuple = janet_wrap_tuple(janet_tuple_n(NULL, 0));
    Janet structure = janet_wrap_struct(janet_struct_end(janet_struct_begin(0)));
    *tags = (Tags){
        .array = tag_of(&janet_array(0)->gc),
        .table = tag_of(&janet_table(0)->gc),
        .tuple = tag_of(&tuple_head(tuple)->gc),
        .structure = tag_of(&struct_head(structure)->gc),
        .function = tag_of(&function->gc),
        .definition = tag_of(&function->def->gc),
        .fiber = tag_of(&fiber->gc),
    };
    return true;
}

/* The head of the list, where a new block was just put, if janet still links them so. */
static JanetGCObject *list_head(void) {
    JanetGCObject *first = &janet_table(0)->gc, *second = &janet_table(0)->gc;
    return second->data.next == first ? second : NULL;
}

static void visit_all(Walk *walk, const Tags *tags, JanetGCObject *newest) {
    for (JanetGCObject *block = newest; block; block = block->data.next) {
        /* Our own notes may grow meanwhile. */
        if (block != &walk->immutable->gc) visit(walk, tags, block);
    }
}

size_t rebind_functions(const RebindPair *pairs, size_t count) {
    Tags tags;
    if (!learn_tags(&tags)) return 0;
    Walk walk = {.pairs = pairs, .count = count, .immutable = janet_table(0)};
    JanetGCObject *newest = list_head();
    for (int pass = 0; pass <= MAX_PASSES; pass++) {
        walk.grew = false;
        visit_all(&walk, &tags, newest);
        if (!walk.grew) break;
    }
    return walk.swapped;
}

#include "net/heap.h"

#include <stddef.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#define TAG_BITS 0xFF

JanetTupleHead *heap_tuple(Janet tuple) {
    char *data = janet_unwrap_pointer(tuple);
    return (JanetTupleHead *)(void *)(data - offsetof(JanetTupleHead, data));
}

JanetStructHead *heap_struct(Janet structure) {
    char *data = janet_unwrap_pointer(structure);
    return (JanetStructHead *)(void *)(data - offsetof(JanetStructHead, data));
}

static int32_t read_tag(const JanetGCObject *block) {
    return block->flags & TAG_BITS;
}

static bool learn_code_tags(Heap *heap) {
    Janet example = janet_resolve_core("identity");
    if (!janet_checktype(example, JANET_FUNCTION)) return false;
    JanetFunction *function = janet_unwrap_function(example);
    JanetFiber *fiber = janet_fiber(function, 64, 1, &example);
    if (!fiber) return false;
    heap->tags[HEAP_FUNCTION] = read_tag(&function->gc);
    heap->tags[HEAP_DEFINITION] = read_tag(&function->def->gc);
    heap->tags[HEAP_FIBER] = read_tag(&fiber->gc);
    return true;
}

static void learn_data_tags(Heap *heap) {
    Janet tuple = janet_wrap_tuple(janet_tuple_n(NULL, 0));
    Janet structure = janet_wrap_struct(janet_struct_end(janet_struct_begin(0)));
    JanetChannel *channel = janet_channel_make(1);
    heap->tags[HEAP_ARRAY] = read_tag(&janet_array(0)->gc);
    heap->tags[HEAP_TABLE] = read_tag(&janet_table(0)->gc);
    heap->tags[HEAP_TUPLE] = read_tag(&heap_tuple(tuple)->gc);
    heap->tags[HEAP_STRUCT] = read_tag(&heap_struct(structure)->gc);
    heap->tags[HEAP_ABSTRACT] = read_tag(&janet_abstract_head((void *)channel)->gc);
}

/* The only way to find the weak list is to make a weak block. When a thread's VM ends, Janet 1.42
 * does not free its weak blocks; this one has 40 bytes, which LeakSanitizer would report. */
static void find_weak_list(Heap *heap) {
    heap->newest_weak = &janet_array_weak(0)->gc;
#ifdef __SANITIZE_ADDRESS__
    __lsan_ignore_object(heap->newest_weak);
#endif
    heap->weak_array = read_tag(heap->newest_weak);
}

static bool find_list(Heap *heap) {
    JanetGCObject *first = &janet_table(0)->gc, *second = &janet_table(0)->gc;
    heap->newest = second;
    return second->data.next == first;
}

static bool are_tags_distinct(const Heap *heap) {
    for (int i = 0; i < HEAP_OTHER; i++) {
        for (int j = 0; j < i; j++)
            if (heap->tags[i] == heap->tags[j]) return false;
    }
    return true;
}

bool heap_open(Heap *heap) {
    if (!learn_code_tags(heap)) return false;
    learn_data_tags(heap);
    if (!are_tags_distinct(heap)) return false;
    find_weak_list(heap);
    return find_list(heap);
}

HeapKind heap_kind(const Heap *heap, const JanetGCObject *block) {
    int32_t tag = read_tag(block);
    HeapKind kind = HEAP_ARRAY;
    while (kind < HEAP_OTHER && heap->tags[kind] != tag) kind++;
    return kind;
}

HeapKind heap_weak_kind(const Heap *heap, const JanetGCObject *block) {
    return read_tag(block) == heap->weak_array ? HEAP_ARRAY : HEAP_TABLE;
}

/* The blocks of Janet's collector, for code that has to look at all values of a VM.
 *
 * The collector links every block in one of two lists, the newest first, and janet.h declares the
 * header that links them. Weak tables and arrays have a list of their own. The kinds of blocks are
 * numbered by an internal enum, so the numbers are learned from an example of each. */
#ifndef JSEC_NET_HEAP_H
#define JSEC_NET_HEAP_H

#include <janet.h>
#include <stdbool.h>

typedef enum HeapKind {
    HEAP_ARRAY,
    HEAP_TABLE,
    HEAP_TUPLE,
    HEAP_STRUCT,
    HEAP_FUNCTION,
    HEAP_DEFINITION,
    HEAP_FIBER,
    HEAP_ABSTRACT,
    HEAP_OTHER /* strings, buffers, captured variables */
} HeapKind;

typedef struct Heap {
    JanetGCObject *newest, *newest_weak; /* the heads of the lists */
    int32_t tags[HEAP_OTHER];
    int32_t weak_array;
} Heap;

/* Learn the lists and the tags; false when Janet does not link new blocks as expected. Blocks that
 * are made later are not in the lists. The caller must hold janet_gclock. */
bool heap_open(Heap *heap);

/* The kind of a block of the list `newest`, and of one of the list `newest_weak`. */
HeapKind heap_kind(const Heap *heap, const JanetGCObject *block);
HeapKind heap_weak_kind(const Heap *heap, const JanetGCObject *block);

/* janet.h's macros for these cast a const away. */
JanetTupleHead *heap_tuple(Janet tuple);
JanetStructHead *heap_struct(Janet structure);

#endif

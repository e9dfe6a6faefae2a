/* Swap C functions for others in everything a Janet VM holds, so that code compiled earlier calls
 * the new ones as well. */
#ifndef JSEC_NET_REBIND_H
#define JSEC_NET_REBIND_H

#include <janet.h>

typedef struct RebindPair {
    JanetCFunction from, to;
} RebindPair;

/* Replaces `from` wherever this VM's heap holds it as a value: constants of compiled functions,
 * captured variables, bindings, tables, arrays, stacks of fibers, and tuples and structs (by
 * copies, up to eight deep in one another). A table that has it as a key gets the other as a key
 * too. * Not reached: weak tables and arrays (janet keeps them apart, and never frees those of a
 * thread), and what only C memory holds, such as values queued in a channel, a compilation in
 * progress, or another native module's own structs. Returns the number of places changed. */
size_t rebind_functions(const RebindPair *pairs, size_t count);

#endif

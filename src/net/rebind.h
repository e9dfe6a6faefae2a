/* Replace C functions by others in everything that a Janet VM holds, so that code which was
 * compiled earlier calls the new ones as well.
 *
 * Values are replaced in constants of compiled functions, captured variables, bindings, tables (as
 * keys too), arrays, weak tables and arrays, fiber stacks, channels and PEGs. A tuple or struct
 * that contains a function is replaced by a copy, at any depth of nesting.
 *
 * Not reached: values that only C memory refers to. Examples are the event loop's queue of fibers
 * to resume, a compilation or parser in progress, and another module's structs. A channel between
 * threads holds marshalled values, which are not replaced either.
 *
 * This relies on how Janet's collector lays out its heap, which janet.h declares only in part. So a
 * self-test on sample values precedes the first use in a process. When it fails, nothing is
 * replaced. Tested with Janet 1.41.0, 1.41.2, 1.42.1 and its development version of August 2026. */
#ifndef JSEC_NET_REBIND_H
#define JSEC_NET_REBIND_H

#include <janet.h>
#include <stdbool.h>

typedef struct RebindPair {
    JanetCFunction from, to;
} RebindPair;

/* False when the self-test failed, or when the environment variable JSEC_NO_REBIND is set to
 * anything but 0. */
bool rebind_is_on(void);

/* Replace each `from` in this VM's heap; no effect when rebinding is off. */
void rebind_functions(const RebindPair *pairs, size_t count);

/* Replace each `from` among the constants of one function, on or off. */
void rebind_constants(JanetFunction *function, const RebindPair *pairs, size_t count);

#endif

/* Once the module is loaded, `ev/read`, `net/write` and the like accept more than core's streams:
 * every native object with a C method of that name (:read, :write, …), except core's own other
 * types. */
#ifndef JSEC_NET_GENERIC_H
#define JSEC_NET_GENERIC_H

#include <janet.h>

/* Extend the functions in the VM's root environment and in code compiled earlier, once a VM; export
 * them as generic/ev-read and so on. */
void generic_register(JanetTable *env);

/* Look up a type's methods once instead of in each call. The entry lasts as long as the process. */
void generic_know(const JanetAbstractType *type, const JanetMethod *methods);

#endif

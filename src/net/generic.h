/* `ev/read`, `net/write` and the like accept more than core's streams once the module is loaded:
 * any native object with a C method of that name (:read, :write, …) that is not core's own. The
 * streams of this library need nothing but their `get` for it. */
#ifndef JSEC_NET_GENERIC_H
#define JSEC_NET_GENERIC_H

#include <janet.h>

/* Extend the VM's root environment, and code compiled earlier, once; export the functions. */
void generic_register(JanetTable *env);

/* Find a type's methods once, instead of by name in each call. They last as long as the process. */
void generic_know(const JanetAbstractType *type, const JanetMethod *methods);

#endif

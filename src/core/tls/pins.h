/* Pins: public keys, one of which the peer's chain must contain. */
#ifndef JSEC_CORE_PINS_H
#define JSEC_CORE_PINS_H

#include "core/tls/context_data.h"

/* Is one of the pins among the keys of the chain? Without a verified chain (NULL) only the leaf
 * counts: its key signs the handshake, the others prove nothing. */
bool pins_match(const ContextData *data, X509 *leaf, STACK_OF(X509) * chain, Failure *failure);

#endif

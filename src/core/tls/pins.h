/* Public keys that the other side has to bear, whoever vouches for them. */
#ifndef JSEC_CORE_PINS_H
#define JSEC_CORE_PINS_H

#include "core/tls/context_data.h"

/* Is one of the pins among the chain's keys? `chain` NULL: nobody verified it, and of such a chain
 * the leaf alone is proven: its key signs the handshake. */
bool pins_match(const ContextData *data, X509 *leaf, STACK_OF(X509) * chain, Failure *failure);

#endif

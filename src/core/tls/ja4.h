/* JA4, FoxIO's fingerprint of a TLS client: the same program gives the same text, whatever host it
 * asks for and in whatever order it lists its extensions. */
#ifndef JSEC_CORE_JA4_H
#define JSEC_CORE_JA4_H

#include "core/tls/hello_facts.h"

/* False: out of memory. */
bool ja4_write(const HelloFacts *facts, bool datagram, char text[JA4_LENGTH + 1]);

#endif

/* The options that TLS and DTLS have in common, as parts of their sets; all fill a ContextOptions. */
#ifndef JSEC_CONTEXT_ROWS_H
#define JSEC_CONTEXT_ROWS_H

#include "context/options.h"

extern const OptionSet rows_identity;  /* who we are */
extern const OptionSet rows_trust;     /* whom we take the other side for */
extern const OptionSet rows_store;     /* a server's sessions */
extern const OptionSet rows_extension; /* what else a handshake settles */
extern const OptionSet
    rows_strength; /* of :security, and accepted beside it; versions are each protocol's own */
extern const OptionSet rows_connection; /* of a connection: may be given beside a context as well */

#endif

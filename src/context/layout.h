/* How the options of TLS and DTLS are documented, and which ones belong to one role alone. */
#ifndef JSEC_CONTEXT_LAYOUT_H
#define JSEC_CONTEXT_LAYOUT_H

#include "base/options.h"

extern const OptionLayout layout_client, layout_server, layout_both;

/* A DTLS client has an option :sni of its own. */
extern const OptionLayout layout_datagram_client;

#endif

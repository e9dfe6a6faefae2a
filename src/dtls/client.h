/* The client of DTLS: a stream on a connected socket of datagrams. */
#ifndef JSEC_DTLS_CLIENT_H
#define JSEC_DTLS_CLIENT_H

#include "stream/stream.h"

extern const StreamKind dtls_client_kind;

#endif

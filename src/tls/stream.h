#ifndef JSEC_TLS_STREAM_H
#define JSEC_TLS_STREAM_H

#include "stream/stream.h"

extern const StreamKind tls_stream_kind;

#endif

/* A stream of core's in place of a TLS stream. */
#ifndef JSEC_TLS_CORE_STREAM_H
#define JSEC_TLS_CORE_STREAM_H

#include "base/options.h"

extern const OptionSet core_stream_options;

/* tls-stream/core-stream */
Janet cfun_core_stream(int32_t argc, Janet *argv);

#endif

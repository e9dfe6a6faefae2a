/* Streams on a pair of memory BIOs. */
#ifndef JSEC_STREAM_MEMORY_H
#define JSEC_STREAM_MEMORY_H

#include "stream/stream.h"

/* Is it a pair [in out] of memory BIOs? The other functions take such pairs only. */
bool memory_is_pair(Janet value);

/* Number of bytes that wait in `in`. */
size_t memory_waiting(Janet pair);

/* Let a stream without a descriptor use the pair. Each bio/write to `in`, and its close, gives the
 * stream a turn; its output is in `out`, which ends when the stream is dropped. */
void memory_attach(Stream *stream, Janet pair);

/* End the output when the stream is dropped. Not for finalizers. */
void memory_detach(Stream *stream);

#endif

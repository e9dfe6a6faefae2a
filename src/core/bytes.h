/* A borrowed view of bytes: whoever hands one over keeps the memory alive for the call. */
#ifndef JSEC_CORE_BYTES_H
#define JSEC_CORE_BYTES_H

#include <stddef.h>
#include <stdint.h>

typedef struct Bytes {
    const uint8_t *data; /* NULL means "not given", which is not the same as empty */
    size_t length;
} Bytes;

#endif

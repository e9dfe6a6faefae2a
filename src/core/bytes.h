/* A borrowed view of bytes. The caller keeps the memory alive during the call. */
#ifndef JSEC_CORE_BYTES_H
#define JSEC_CORE_BYTES_H

#include <stddef.h>
#include <stdint.h>

typedef struct Bytes {
    const uint8_t *data; /* NULL: not given, which differs from empty */
    size_t length;
} Bytes;

#endif

/* Sealed output that the transport did not take yet. */
#ifndef JSEC_CORE_PENDING_H
#define JSEC_CORE_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Pending {
    uint8_t *bytes;
    size_t length, room;
} Pending;

/* False when the bytes do not fit into `max`, or without memory; nothing is added then. */
bool pending_add(Pending *pending, const uint8_t *bytes, size_t length, size_t max);

/* Remove the first bytes, which were sent. */
void pending_remove(Pending *pending, size_t length);

/* Remove and free all. */
void pending_clear(Pending *pending);

#endif

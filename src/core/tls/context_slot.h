/* A slot: the SSL_CTX that new connections begin with, and the settings that it was made of. A
 * reload puts another SSL_CTX into the slot; connections go on with the one they began with. Slots
 * have references: context objects, virtual hosts and the context cache share them, in any thread.
 */
#ifndef JSEC_CORE_CONTEXT_SLOT_H
#define JSEC_CORE_CONTEXT_SLOT_H

#include "core/tls/settings.h"
#include "core/tls/stats.h"

/* A digest of settings with the stamps of their files: another one means that a file changed. */
typedef struct Stamp {
    uint8_t digest[SETTINGS_DIGEST_LENGTH];
} Stamp;

/* Make a context of settings, in a new slot with one reference. NULL on failure. */
ContextSlot *context_slot_new(const ContextSettings *settings, Failure *failure);

ContextSlot *context_slot_hold(ContextSlot *slot);

/* NULL is fine. */
void context_slot_release(ContextSlot *slot);

/* The slot's context now, for SSL_CTX_free. */
SSL_CTX *context_slot_get(ContextSlot *slot);

/* Can the context serve? context_data_can_serve tells. */
bool context_slot_can_serve(ContextSlot *slot, Failure *failure);

/* The counts of all contexts that the slot has had. */
Stats *context_slot_stats(const ContextSlot *slot);

/* Mark the slot as a virtual host's: a reload can't give it virtual hosts of its own. */
void context_slot_mark_host(ContextSlot *slot);

/* Make the context anew of the same settings, whose files are read again, and those of its virtual
 * hosts. All of them are replaced, or on failure none. Certificates of context_slot_trust and keys
 * of context_slot_set_ticket_keys stay. */
bool context_slot_reread(ContextSlot *slot, Failure *failure);

/* The same with other settings. What belongs to the connections stays as it is. Without ticket keys
 * in the settings, the present ones stay. Certificates of context_slot_trust go. */
bool context_slot_reload(ContextSlot *slot, const ContextSettings *settings, Failure *failure);

/* The stamp of the settings and their files, virtual hosts included: as they are now, or as they
 * were when the context was made. */
Stamp context_slot_stamp(ContextSlot *slot, bool now);

/* Changes of the context in place: trust_add, context_set_ticket_keys, ocsp_staple_context. */
bool context_slot_trust(ContextSlot *slot, Bytes certificate, Failure *failure);
bool context_slot_set_ticket_keys(ContextSlot *slot, const BytesList *keys, Failure *failure);
bool context_slot_staple(ContextSlot *slot, Bytes response, Failure *failure);

#endif

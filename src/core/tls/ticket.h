/* The keys that encrypt a server's session tickets (RFC 5077), given by the program, so that all
 * processes of a fleet accept each other's tickets. */
#ifndef JSEC_CORE_TICKET_H
#define JSEC_CORE_TICKET_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/keys/pem.h"

#include <openssl/ssl.h>

#define MAX_TICKET_KEYS 8

/* Replace the keys of a context: 48 bytes (AES-128) or 80 (AES-256) each, in nginx's layout: name,
 * HMAC-SHA-256 key, AES key. The first encrypts tickets, all decrypt them. */
bool ticket_keys_set(SSL_CTX *context, const Bytes *list, size_t count, Failure *failure);

/* The keys of a context were replaced after it was made: they outlast a reload. */
bool ticket_keys_mark_rotated(SSL_CTX *context);

/* Give a context the keys of the one that it replaces, unless its settings gave it keys. With
 * `again` the settings are those of the old context, and keys that replaced theirs are newer. */
bool ticket_keys_carry(SSL_CTX *from, SSL_CTX *to, bool again, Failure *failure);

/* Read the key of an option: its bytes, or the path of a file that holds them. */
bool ticket_key_source(Bytes source, PemSource *owned, Bytes *key, Failure *failure);

#endif

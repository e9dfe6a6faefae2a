/* Hybrid public key encryption (RFC 9180): base, psk, auth and auth-psk modes. Composed of
 * OpenSSL's key agreement, HMAC and ciphers, as OpenSSL before 3.2 has no HPKE. */
#ifndef JSEC_CORE_HPKE_H
#define JSEC_CORE_HPKE_H

#include "core/algorithms.h"
#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#define HPKE_MAX_ENC 133 /* of P-521 */
#define HPKE_TAG 16
#define HPKE_MIN_PSK 32 /* bytes: RFC 9180, 9.5 */

typedef enum HpkeAead {
    HPKE_AES_128_GCM = 1,
    HPKE_AES_256_GCM = 2,
    HPKE_CHACHA20_POLY1305 = 3,
    HPKE_EXPORT_ONLY = 0xffff,
} HpkeAead;

typedef enum HpkeKdf {
    HPKE_KDF_UNSET, /* the digest of the recipient's kind of key */
    HPKE_HKDF_SHA256,
    HPKE_HKDF_SHA384,
    HPKE_HKDF_SHA512,
} HpkeKdf;

/* What both sides must give alike, but for the halves of keys. */
typedef struct HpkeSetup {
    HpkeAead aead;
    HpkeKdf kdf;
    Bytes info;
    Bytes psk, psk_id; /* both, or neither */
    EVP_PKEY
    *sender_key; /* the sender's private key, the recipient's view of its public half; NULL:
                             the sender is not authenticated */
} HpkeSetup;

/* One direction of messages, which are opened in the order in which they were sealed. Cleanse it
 * when it is done. */
typedef struct HpkeContext {
    HpkeAead aead;
    const DigestRow *digest;
    uint8_t suite[10];
    uint8_t key[32], nonce[12], exporter[64];
    uint64_t sequence;
} HpkeContext;

/* `enc` is for the recipient; it has room for HPKE_MAX_ENC bytes. `ephemeral` is NULL for a new
 * key; tests give one. */
bool hpke_set_up_sender(const HpkeSetup *setup, EVP_PKEY *recipient, EVP_PKEY *ephemeral,
                        uint8_t *enc, size_t *enc_length, HpkeContext *context, Failure *failure);
bool hpke_set_up_recipient(const HpkeSetup *setup, EVP_PKEY *recipient, Bytes enc,
                           HpkeContext *context, Failure *failure);

/* Writes HPKE_TAG bytes more than the text has; `out` has room for SYMMETRIC_BLOCK more. */
bool hpke_seal(HpkeContext *context, Bytes aad, Bytes text, uint8_t *out, Failure *failure);

/* `out` has room for as many bytes as are sealed; the text has HPKE_TAG less. A message that is not
 * authentic is a failure, and the context stays as it was. */
bool hpke_open(HpkeContext *context, Bytes aad, Bytes sealed, uint8_t *out, Failure *failure);

/* A secret that both sides have; at most 255 times the length of the digest. */
bool hpke_export(const HpkeContext *context, Bytes label, uint8_t *out, size_t length,
                 Failure *failure);
size_t hpke_max_export(const HpkeContext *context);

#endif

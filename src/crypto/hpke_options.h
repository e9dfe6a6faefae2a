/* What the functions and objects of HPKE share: options, and setting up a context. */
#ifndef JSEC_CRYPTO_HPKE_OPTIONS_H
#define JSEC_CRYPTO_HPKE_OPTIONS_H

#include "base/options.h"
#include "core/crypto/hpke.h"

typedef struct HpkeOptions {
    int aead, kdf;
    Bytes info, aad, psk, psk_id, sender_key;
} HpkeOptions;

#define HPKE_DEFAULTS ((HpkeOptions){.aead = HPKE_AES_128_GCM})

/* Options of a context, and those of a single message, which add :aad. */
extern const OptionSet hpke_options;
extern const OptionSet hpke_message_options;

/* Raise unless the options fit together; options_read comes before. */
void hpke_options_check(const char *function, const HpkeOptions *options);

/* Set up a context by keys as text; raise what fails. */
void hpke_options_sender(const char *function, const HpkeOptions *options, Bytes recipient,
                         uint8_t *enc, size_t *enc_length, HpkeContext *context);
void hpke_options_recipient(const char *function, const HpkeOptions *options, Bytes recipient,
                            Bytes enc, HpkeContext *context);

#endif

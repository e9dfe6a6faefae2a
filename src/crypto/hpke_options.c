#include "crypto/hpke_options.h"

#include "base/key.h"
#include "base/raise.h"
#include "core/keys/keys.h"

static const OptionWord aeads[] = {
    {"aes-128-gcm", HPKE_AES_128_GCM},
    {"aes-256-gcm", HPKE_AES_256_GCM},
    {"chacha20-poly1305", HPKE_CHACHA20_POLY1305},
    {"export-only", HPKE_EXPORT_ONLY},
    {NULL, 0},
};

static const OptionWord kdfs[] = {
    {"sha256", HPKE_HKDF_SHA256},
    {"sha384", HPKE_HKDF_SHA384},
    {"sha512", HPKE_HKDF_SHA512},
    {NULL, 0},
};

static const OptionRow context_rows[] = {
    OPTION("info", option_bytes, HpkeOptions, info,
           "What the messages are for: bytes that both sides give alike, none by default."),
    OPTION_WITH("aead", option_word, aeads, HpkeOptions, aead,
                "Cipher: :aes-128-gcm (default), :aes-256-gcm, :chacha20-poly1305, or :export-only "
                "for a context without messages."),
    OPTION_WITH("digest", option_word, kdfs, HpkeOptions, kdf,
                "Digest of HKDF: :sha256, :sha384 or :sha512. Default: that of the kind of key, "
                ":sha256 for X25519 and P-256, :sha384 for P-384, else :sha512."),
    OPTION_SECRET("psk", option_bytes, HpkeOptions, psk,
                  "A secret that both sides have, of 32 bytes or more; never a password."),
    OPTION("psk-id", option_bytes, HpkeOptions, psk_id, "The name of the :psk, not empty."),
    OPTION_SECRET("sender-key", key_option, HpkeOptions, sender_key,
                  "The sender's key, of the recipient's kind, which authenticates the sender: its "
                  "private half to seal, its public half to open."),
};

static const OptionRow message_rows[] = {
    OPTION("aad", option_bytes, HpkeOptions, aad,
           "Additional data that is authenticated but not encrypted, none by default."),
};

const OptionSet hpke_options = OPTION_SET(context_rows);
static const OptionSet *const message_parts[] = {&hpke_options, NULL};
const OptionSet hpke_message_options = OPTION_SET_WITH(message_rows, message_parts);

void hpke_options_check(const char *function, const HpkeOptions *options) {
    if (!options->psk.data != !options->psk_id.data) {
        raise_format(function, "options :psk and :psk-id go together");
    }
    if (!options->psk.data) return;
    if (options->psk.length < HPKE_MIN_PSK) {
        raise_format(function, "bad option :psk, expected 32 bytes or more, got %d",
                     (int)options->psk.length);
    }
    if (!options->psk_id.length) raise_format(function, "bad option :psk-id, expected a name");
}

static HpkeSetup make_setup(const HpkeOptions *options) {
    return (HpkeSetup){.aead = (HpkeAead)options->aead,
                       .kdf = (HpkeKdf)options->kdf,
                       .info = options->info,
                       .psk = options->psk,
                       .psk_id = options->psk_id};
}

static EVP_PKEY *read_private(Bytes key, Failure *failure) {
    static const Bytes no_password = {NULL, 0};
    return keys_private(key, no_password, failure);
}

/* True without a key as well. */
static bool read_sender(const HpkeOptions *options, bool is_private, EVP_PKEY **key,
                        Failure *failure) {
    Bytes given = options->sender_key;
    *key = NULL;
    if (!given.data) return true;
    *key = is_private ? read_private(given, failure) : keys_public(given, failure);
    return *key || failure_prefix(failure, ":sender-key");
}

void hpke_options_sender(const char *function, const HpkeOptions *options, Bytes recipient,
                         uint8_t *enc, size_t *enc_length, HpkeContext *context) {
    Failure failure;
    HpkeSetup setup = make_setup(options);
    EVP_PKEY *key = keys_public(recipient, &failure);
    bool done = key && read_sender(options, true, &setup.sender_key, &failure) &&
                hpke_set_up_sender(&setup, key, NULL, enc, enc_length, context, &failure);
    EVP_PKEY_free(key);
    EVP_PKEY_free(setup.sender_key);
    if (!done) raise_failure(function, &failure);
}

void hpke_options_recipient(const char *function, const HpkeOptions *options, Bytes recipient,
                            Bytes enc, HpkeContext *context) {
    Failure failure;
    HpkeSetup setup = make_setup(options);
    EVP_PKEY *key = read_private(recipient, &failure);
    bool done = key && read_sender(options, false, &setup.sender_key, &failure) &&
                hpke_set_up_recipient(&setup, key, enc, context, &failure);
    EVP_PKEY_free(key);
    EVP_PKEY_free(setup.sender_key);
    if (!done) raise_failure(function, &failure);
}

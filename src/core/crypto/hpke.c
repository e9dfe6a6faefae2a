#include "core/crypto/hpke.h"

#include "core/crypto/agreement.h"
#include "core/crypto/symmetric.h"
#include "core/keys/keygen.h"
#include "core/keys/keyparts.h"
#include "core/keys/keys.h"
#include "core/keys/rawkey.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

#define MAX_DIGEST 64
#define MAX_SECRET 66 /* bytes that two keys of P-521 agree on */
#define VERSION "HPKE-v1"

/* --- the parts of a suite (RFC 9180, section 7) --- */

/* The encapsulation of a secret by key agreement with a key of this kind. */
typedef struct Kem {
    const char *type, *curve; /* OpenSSL's type; our name of an EC key's curve */
    uint16_t id;
    HpkeKdf kdf;
    size_t public_length;
} Kem;

static const Kem kems[] = {
    {"EC", "p-256", 0x10, HPKE_HKDF_SHA256, 65},  {"EC", "p-384", 0x11, HPKE_HKDF_SHA384, 97},
    {"EC", "p-521", 0x12, HPKE_HKDF_SHA512, 133}, {"X25519", NULL, 0x20, HPKE_HKDF_SHA256, 32},
    {"X448", NULL, 0x21, HPKE_HKDF_SHA512, 56},
};

static Bytes bytes_of(const char *text) {
    return (Bytes){(const uint8_t *)text, strlen(text)};
}

static bool has_curve(const EVP_PKEY *key, const char *name) {
    Failure ignored;
    const CurveRow *curve = keyparts_curve(key, &ignored);
    return curve && !strcmp(curve->name.text, name);
}

static const Kem *find_kem(const EVP_PKEY *key, Failure *failure) {
    for (size_t i = 0; i < sizeof kems / sizeof *kems; i++) {
        if (!EVP_PKEY_is_a(key, kems[i].type)) continue;
        if (!kems[i].curve || has_curve(key, kems[i].curve)) return kems + i;
    }
    failure_set(failure,
                "HPKE has no %s keys of this kind: take X25519, X448, P-256, P-384 or P-521",
                keys_type(key));
    return NULL;
}

static bool find_algorithm(const Kem *kem, KeyAlgorithm *algorithm, Failure *failure) {
    return algorithms_key(bytes_of(kem->curve ? kem->curve : kem->type), algorithm, failure);
}

static const DigestRow *find_digest(HpkeKdf kdf, Failure *failure) {
    const char *name = kdf == HPKE_HKDF_SHA256   ? "sha256"
                       : kdf == HPKE_HKDF_SHA384 ? "sha384"
                                                 : "sha512";
    return algorithms_digest(bytes_of(name), failure);
}

static const CipherRow *find_cipher(HpkeAead aead, Failure *failure) {
    const char *name = aead == HPKE_AES_128_GCM   ? "aes-128-gcm"
                       : aead == HPKE_AES_256_GCM ? "aes-256-gcm"
                                                  : "chacha20-poly1305";
    return algorithms_cipher(bytes_of(name), failure);
}

static size_t digest_length(const DigestRow *digest) {
    return (size_t)EVP_MD_get_size(algorithms_md(digest));
}

/* --- labeled HKDF (section 4) --- */

/* What a derivation is for: the digest, and the identifier of the KEM or of the whole suite. */
typedef struct Scope {
    const DigestRow *digest;
    Bytes suite;
} Scope;

static bool authenticate(const DigestRow *digest, Bytes key, const Bytes *pieces, size_t count,
                         uint8_t *out, Failure *failure) {
    size_t length;
    EVP_MAC_CTX *context = algorithms_take_hmac(digest, failure);
    if (!context) return false;
    bool done = EVP_MAC_init(context, key.data, key.length, NULL);
    for (size_t i = 0; done && i < count; i++) {
        done = !pieces[i].length || EVP_MAC_update(context, pieces[i].data, pieces[i].length);
    }
    done = done && EVP_MAC_final(context, out, &length, MAX_DIGEST);
    if (!done) {
        EVP_MAC_CTX_free(context);
        return failure_openssl(failure, "no key derived");
    }
    algorithms_give_hmac(digest, context);
    return true;
}

/* An empty salt is as many zeros as the digest has bytes (RFC 5869, 2.2). */
static bool extract(const Scope *scope, Bytes salt, const char *label, Bytes secret, uint8_t *out,
                    Failure *failure) {
    static const uint8_t zeros[MAX_DIGEST];
    const Bytes pieces[] = {bytes_of(VERSION), scope->suite, bytes_of(label), secret};
    if (!salt.length) salt = (Bytes){zeros, digest_length(scope->digest)};
    return authenticate(scope->digest, salt, pieces, 4, out, failure);
}

static bool expand(const Scope *scope, const uint8_t *key, const char *label, Bytes info,
                   uint8_t *out, size_t length, Failure *failure) {
    size_t size = digest_length(scope->digest), done = 0, kept = 0;
    uint8_t block[MAX_DIGEST];
    const uint8_t wanted[2] = {(uint8_t)(length >> 8), (uint8_t)length};
    bool good = true;
    for (uint8_t i = 1; good && done < length; i++) {
        const Bytes pieces[] = {{block, kept}, {wanted, 2},     bytes_of(VERSION),
                                scope->suite,  bytes_of(label), info,
                                {&i, 1}};
        good = authenticate(scope->digest, (Bytes){key, size}, pieces, 7, block, failure);
        kept = size;
        size_t part = length - done < size ? length - done : size;
        if (good) memcpy(out + done, block, part);
        done += part;
    }
    OPENSSL_cleanse(block, sizeof block);
    return good;
}

/* --- the shared secret (section 4.1) --- */

/* The results of one or two key agreements, and the public keys that took part. */
typedef struct Encapsulation {
    const Kem *kem;
    uint8_t agreed[2 * MAX_SECRET], publics[3 * HPKE_MAX_ENC];
    size_t agreed_length, publics_length;
} Encapsulation;

static bool add_agreement(Encapsulation *own, EVP_PKEY *key, EVP_PKEY *peer, Failure *failure) {
    uint8_t secret[AGREEMENT_MAX_LENGTH];
    size_t length;
    if (!agreement_derive(key, peer, secret, &length, failure)) return false;
    bool fits = length <= sizeof own->agreed - own->agreed_length;
    if (fits) memcpy(own->agreed + own->agreed_length, secret, length);
    own->agreed_length += length;
    OPENSSL_cleanse(secret, length);
    return fits || failure_set(failure, "no secret agreed on: too long");
}

static bool add_public(Encapsulation *own, const EVP_PKEY *key, Failure *failure) {
    uint8_t bytes[RAWKEY_MAX_LENGTH];
    size_t length;
    if (!rawkey_write(key, RAWKEY_PUBLIC, bytes, &length, failure)) return false;
    if (length != own->kem->public_length) {
        return failure_set(failure, ":sender-key and the recipient's key are of different kinds");
    }
    memcpy(own->publics + own->publics_length, bytes, length);
    own->publics_length += length;
    return true;
}

static bool derive_shared(const Encapsulation *own, uint8_t *shared, Failure *failure) {
    const uint8_t suite[] = {'K', 'E', 'M', (uint8_t)(own->kem->id >> 8), (uint8_t)own->kem->id};
    const Scope scope = {find_digest(own->kem->kdf, failure), {suite, sizeof suite}};
    static const Bytes none = {NULL, 0};
    uint8_t key[MAX_DIGEST];
    if (!scope.digest) return false;
    bool derived =
        extract(&scope, none, "eae_prk", (Bytes){own->agreed, own->agreed_length}, key, failure) &&
        expand(&scope, key, "shared_secret", (Bytes){own->publics, own->publics_length}, shared,
               digest_length(scope.digest), failure);
    OPENSSL_cleanse(key, sizeof key);
    return derived;
}

/* --- the key schedule (section 5.1) --- */

static void set_suite(HpkeContext *context, const Kem *kem, HpkeKdf kdf, HpkeAead aead) {
    const uint16_t ids[] = {kem->id, (uint16_t)kdf, (uint16_t)aead};
    memcpy(context->suite, "HPKE", 4);
    for (int i = 0; i < 3; i++) {
        context->suite[4 + 2 * i] = (uint8_t)(ids[i] >> 8);
        context->suite[5 + 2 * i] = (uint8_t)ids[i];
    }
}

static uint8_t mode_of(const HpkeSetup *setup) {
    return (uint8_t)((setup->psk.data ? 1 : 0) | (setup->sender_key ? 2 : 0));
}

static bool derive_keys(const HpkeSetup *setup, const Scope *scope, const uint8_t *shared,
                        size_t shared_length, HpkeContext *context, Failure *failure) {
    static const Bytes none = {NULL, 0};
    size_t size = digest_length(scope->digest);
    uint8_t schedule[1 + 2 * MAX_DIGEST] = {mode_of(setup)}, secret[MAX_DIGEST];
    const Bytes info = {schedule, 1 + 2 * size};
    size_t key_length = 0;
    if (setup->aead != HPKE_EXPORT_ONLY) {
        const CipherRow *cipher = find_cipher(setup->aead, failure);
        if (!cipher) return false;
        key_length = (size_t)cipher->key_length;
    }
    bool derived =
        extract(scope, none, "psk_id_hash", setup->psk_id, schedule + 1, failure) &&
        extract(scope, none, "info_hash", setup->info, schedule + 1 + size, failure) &&
        extract(scope, (Bytes){shared, shared_length}, "secret", setup->psk, secret, failure) &&
        expand(scope, secret, "key", info, context->key, key_length, failure) &&
        expand(scope, secret, "base_nonce", info, context->nonce, key_length ? 12 : 0, failure) &&
        expand(scope, secret, "exp", info, context->exporter, size, failure);
    OPENSSL_cleanse(secret, sizeof secret);
    return derived;
}

static bool schedule_keys(const HpkeSetup *setup, const Encapsulation *own, HpkeContext *context,
                          Failure *failure) {
    uint8_t shared[MAX_DIGEST];
    HpkeKdf kdf = setup->kdf ? setup->kdf : own->kem->kdf;
    const DigestRow *kem_digest = find_digest(own->kem->kdf, failure);
    *context = (HpkeContext){.aead = setup->aead, .digest = find_digest(kdf, failure)};
    if (!context->digest || !kem_digest) return false;
    set_suite(context, own->kem, kdf, setup->aead);
    const Scope scope = {context->digest, {context->suite, sizeof context->suite}};
    bool scheduled =
        derive_shared(own, shared, failure) &&
        derive_keys(setup, &scope, shared, digest_length(kem_digest), context, failure);
    OPENSSL_cleanse(shared, sizeof shared);
    if (!scheduled) OPENSSL_cleanse(context, sizeof *context);
    return scheduled;
}

/* --- both sides --- */

static EVP_PKEY *make_ephemeral(const Kem *kem, Failure *failure) {
    KeyAlgorithm algorithm;
    return find_algorithm(kem, &algorithm, failure) ? keygen(&algorithm, 0, failure) : NULL;
}

static bool agree(Encapsulation *own, EVP_PKEY *recipient, EVP_PKEY *other, bool is_sender,
                  Failure *failure) {
    return is_sender ? add_agreement(own, other, recipient, failure)
                     : add_agreement(own, recipient, other, failure);
}

static bool encapsulate(const HpkeSetup *setup, EVP_PKEY *recipient, EVP_PKEY *ephemeral,
                        bool is_sender, Encapsulation *own, Failure *failure) {
    EVP_PKEY *sender = setup->sender_key;
    bool agreed = agree(own, recipient, ephemeral, is_sender, failure);
    if (agreed && sender) {
        agreed = agree(own, recipient, sender, is_sender, failure) ||
                 failure_prefix(failure, ":sender-key");
    }
    return agreed && add_public(own, ephemeral, failure) && add_public(own, recipient, failure) &&
           (!sender || add_public(own, sender, failure));
}

bool hpke_set_up_sender(const HpkeSetup *setup, EVP_PKEY *recipient, EVP_PKEY *ephemeral,
                        uint8_t *enc, size_t *enc_length, HpkeContext *context, Failure *failure) {
    Encapsulation own = {.kem = find_kem(recipient, failure)};
    if (!own.kem) return false;
    EVP_PKEY *made = ephemeral ? NULL : make_ephemeral(own.kem, failure);
    bool done = (ephemeral || made) &&
                encapsulate(setup, recipient, ephemeral ? ephemeral : made, true, &own, failure) &&
                schedule_keys(setup, &own, context, failure);
    *enc_length = own.kem->public_length;
    if (done) memcpy(enc, own.publics, *enc_length);
    EVP_PKEY_free(made);
    OPENSSL_cleanse(&own, sizeof own);
    return done;
}

static EVP_PKEY *read_enc(const Kem *kem, Bytes enc, Failure *failure) {
    KeyAlgorithm algorithm;
    if (enc.length != kem->public_length) {
        failure_set(failure, "enc: %s keys have %zu bytes of enc, got %zu",
                    kem->curve ? kem->curve : kem->type, kem->public_length, enc.length);
        return NULL;
    }
    EVP_PKEY *key = find_algorithm(kem, &algorithm, failure)
                        ? rawkey_read(&algorithm, enc, false, failure)
                        : NULL;
    if (!key) failure_prefix(failure, "enc");
    return key;
}

bool hpke_set_up_recipient(const HpkeSetup *setup, EVP_PKEY *recipient, Bytes enc,
                           HpkeContext *context, Failure *failure) {
    Encapsulation own = {.kem = find_kem(recipient, failure)};
    if (!own.kem) return false;
    EVP_PKEY *ephemeral = read_enc(own.kem, enc, failure);
    bool done = ephemeral && encapsulate(setup, recipient, ephemeral, false, &own, failure) &&
                schedule_keys(setup, &own, context, failure);
    EVP_PKEY_free(ephemeral);
    OPENSSL_cleanse(&own, sizeof own);
    return done;
}

/* --- messages (section 5.2) and exported secrets (section 5.3) --- */

/* The base nonce with the number of the message. */
static void make_nonce(const HpkeContext *context, uint8_t nonce[12]) {
    memcpy(nonce, context->nonce, 12);
    for (int i = 0; i < 8; i++) nonce[11 - i] ^= (uint8_t)(context->sequence >> 8 * i);
}

static bool set_up_cipher(const HpkeContext *context, Bytes aad, const uint8_t *nonce,
                          SymmetricSetup *setup, Failure *failure) {
    if (context->aead == HPKE_EXPORT_ONLY) {
        return failure_set(failure, "with :aead :export-only there are no messages");
    }
    if (context->sequence == UINT64_MAX) return failure_set(failure, "too many messages");
    const CipherRow *cipher = find_cipher(context->aead, failure);
    if (!cipher) return false;
    *setup = (SymmetricSetup){.cipher = cipher,
                              .key = {context->key, (size_t)cipher->key_length},
                              .nonce = {nonce, 12},
                              .aad = aad,
                              .tag_length = HPKE_TAG};
    return true;
}

bool hpke_seal(HpkeContext *context, Bytes aad, Bytes text, uint8_t *out, Failure *failure) {
    SymmetricSetup setup;
    uint8_t nonce[12], tag[SYMMETRIC_MAX_TAG];
    size_t length;
    make_nonce(context, nonce);
    if (!set_up_cipher(context, aad, nonce, &setup, failure) ||
        !symmetric_encrypt(&setup, text, out, &length, tag, failure)) {
        return false;
    }
    memcpy(out + length, tag, HPKE_TAG);
    context->sequence++;
    return true;
}

bool hpke_open(HpkeContext *context, Bytes aad, Bytes sealed, uint8_t *out, Failure *failure) {
    SymmetricSetup setup;
    uint8_t nonce[12];
    size_t length;
    make_nonce(context, nonce);
    if (!set_up_cipher(context, aad, nonce, &setup, failure)) return false;
    if (sealed.length < HPKE_TAG) {
        return failure_set(failure, "a ciphertext has %d bytes or more, got %zu", HPKE_TAG,
                           sealed.length);
    }
    Bytes text = {sealed.data, sealed.length - HPKE_TAG};
    if (!symmetric_decrypt(&setup, text, sealed.data + text.length, out, &length, failure)) {
        return failure_set(failure, "not authentic: another key, enc, :info, :psk or sender, a "
                                    "changed ciphertext or additional data, or another order");
    }
    context->sequence++;
    return true;
}

size_t hpke_max_export(const HpkeContext *context) {
    return 255 * digest_length(context->digest);
}

bool hpke_export(const HpkeContext *context, Bytes label, uint8_t *out, size_t length,
                 Failure *failure) {
    const Scope scope = {context->digest, {context->suite, sizeof context->suite}};
    return expand(&scope, context->exporter, "sec", label, out, length, failure);
}

#include "core/crypto/symmetric.h"

#include "core/crypto/hchacha20.h"
#include "core/crypto/s2v.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

#define CHACHA_NONCE 12

/* What one direction gives OpenSSL. */
typedef struct Run {
    const SymmetricSetup *setup;
    EVP_CIPHER_CTX *context;
    bool encrypting;
    const uint8_t *tag; /* to check; NULL: later, or none */
    size_t length;      /* of the text */
} Run;

static bool set_tag(EVP_CIPHER_CTX *context, int length, const uint8_t *tag) {
    uint8_t copy[SYMMETRIC_MAX_TAG];
    if (tag) memcpy(copy, tag, (size_t)length);
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, length, tag ? copy : NULL) > 0;
}

static bool add_data(EVP_CIPHER_CTX *context, Bytes data) {
    int ignored;
    return EVP_CipherUpdate(context, NULL, &ignored, data.data, (int)data.length);
}

/* XChaCha20-Poly1305 is ChaCha20-Poly1305 under a key that half of the nonce makes. */
static bool init_xchacha(const Run *run, const EVP_CIPHER *cipher) {
    const SymmetricSetup *setup = run->setup;
    uint8_t key[HCHACHA20_KEY], nonce[CHACHA_NONCE] = {0};
    memcpy(nonce + 4, setup->nonce.data + HCHACHA20_NONCE, CHACHA_NONCE - 4);
    bool done = hchacha20(setup->key.data, setup->nonce.data, key) &&
                EVP_CipherInit_ex2(run->context, cipher, key, nonce, run->encrypting, NULL);
    OPENSSL_cleanse(key, sizeof key);
    return done;
}

/* CCM needs all lengths, and the tag, before the key. */
static bool init_lengths(const Run *run, const EVP_CIPHER *cipher) {
    const SymmetricSetup *setup = run->setup;
    bool is_ccm = setup->cipher->kind->mode == CIPHER_CCM;
    return EVP_CipherInit_ex2(run->context, cipher, NULL, NULL, run->encrypting, NULL) &&
           EVP_CIPHER_CTX_ctrl(run->context, EVP_CTRL_AEAD_SET_IVLEN, (int)setup->nonce.length,
                               NULL) > 0 &&
           (!is_ccm || set_tag(run->context, setup->tag_length, run->tag));
}

static bool init_key(const Run *run) {
    const SymmetricSetup *setup = run->setup;
    const CipherKind *kind = setup->cipher->kind;
    const EVP_CIPHER *cipher = algorithms_evp_cipher(setup->cipher);
    const uint8_t *nonce = kind->mode == CIPHER_SIV ? NULL : setup->nonce.data;
    /* Without a cipher, OpenSSL keeps the set-up of the context's last call. */
    if (EVP_CIPHER_CTX_get0_cipher(run->context) == cipher) cipher = NULL;
    if (kind->mode == CIPHER_XCHACHA) return init_xchacha(run, cipher);
    bool usual = kind->mode == CIPHER_SIV || setup->nonce.length == (size_t)kind->nonce_length;
    if (!usual || kind->mode == CIPHER_CCM) {
        if (!init_lengths(run, cipher)) return false;
        cipher = NULL;
    }
    return EVP_CipherInit_ex2(run->context, cipher, setup->key.data, nonce, run->encrypting, NULL);
}

/* For SIV the nonce is the last of the additional data (RFC 5297, section 3). */
static bool add_siv_data(const Run *run) {
    const SymmetricSetup *setup = run->setup;
    return (!setup->aad.data || add_data(run->context, setup->aad)) &&
           (!setup->nonce.data || add_data(run->context, setup->nonce));
}

static bool start_run(const Run *run) {
    const SymmetricSetup *setup = run->setup;
    CipherMode mode = setup->cipher->kind->mode;
    int ignored;
    if (!init_key(run)) return false;
    if (run->tag && mode != CIPHER_CCM && !set_tag(run->context, setup->tag_length, run->tag)) {
        return false;
    }
    if (mode == CIPHER_SIV) return add_siv_data(run);
    if (mode == CIPHER_CCM &&
        !EVP_CipherUpdate(run->context, NULL, &ignored, NULL, (int)run->length)) {
        return false;
    }
    return !setup->aad.length || add_data(run->context, setup->aad);
}

/* The ciphers that see the whole text at once need a call for an empty one, too. */
static bool transform(const Run *run, Bytes text, uint8_t *out, size_t *length) {
    int done = 0, last = 0;
    bool whole = !run->setup->cipher->kind->takes_pieces;
    if (!start_run(run)) return false;
    if ((text.length || whole) &&
        !EVP_CipherUpdate(run->context, out, &done, text.data, (int)text.length)) {
        return false;
    }
    if (!EVP_CipherFinal_ex(run->context, out + done, &last)) return false;
    *length = (size_t)done + (size_t)last;
    return true;
}

/* Contexts whose lengths or key are not the row's own are not kept. */
static bool keeps_context(const SymmetricSetup *setup) {
    const CipherKind *kind = setup->cipher->kind;
    return kind->takes_pieces && setup->nonce.length == (size_t)kind->nonce_length &&
           setup->tag_length == kind->tag_length;
}

static void give_context(const Run *run, bool done) {
    if (done && keeps_context(run->setup)) {
        algorithms_give_cipher(run->setup->cipher, run->context);
    } else {
        EVP_CIPHER_CTX_free(run->context);
    }
}

static EVP_CIPHER_CTX *take_context(const SymmetricSetup *setup) {
    return keeps_context(setup) ? algorithms_take_cipher(setup->cipher) : EVP_CIPHER_CTX_new();
}

bool symmetric_check_length(const SymmetricSetup *setup, size_t length, Failure *failure) {
    if (setup->cipher->kind->mode != CIPHER_CCM) return true;
    size_t counter = 15 - setup->nonce.length; /* bytes that count the length */
    if (counter >= sizeof(size_t) || !(length >> (8 * counter))) return true;
    return failure_set(failure,
                       "%s with a nonce of %zu bytes takes %zu bytes of data at most, got %zu: "
                       "use a shorter nonce",
                       setup->cipher->name.text, setup->nonce.length,
                       ((size_t)1 << (8 * counter)) - 1, length);
}

static bool is_empty_siv(const SymmetricSetup *setup, Bytes text) {
    return setup->cipher->kind->mode == CIPHER_SIV && !text.length;
}

static bool check_empty_siv(const SymmetricSetup *setup, const uint8_t *tag) {
    uint8_t expected[S2V_TAG];
    return s2v_empty(setup->key, setup->aad, setup->nonce, expected) &&
           !CRYPTO_memcmp(expected, tag, S2V_TAG);
}

bool symmetric_encrypt(const SymmetricSetup *setup, Bytes text, uint8_t *out, size_t *length,
                       uint8_t *tag, Failure *failure) {
    *length = 0;
    if (is_empty_siv(setup, text)) {
        return s2v_empty(setup->key, setup->aad, setup->nonce, tag) ||
               failure_openssl(failure, "not encrypted");
    }
    Run run = {setup, take_context(setup), true, NULL, text.length};
    bool done = run.context && transform(&run, text, out, length);
    if (done && setup->tag_length) {
        done = EVP_CIPHER_CTX_ctrl(run.context, EVP_CTRL_AEAD_GET_TAG, setup->tag_length, tag) > 0;
    }
    give_context(&run, done);
    return done || failure_openssl(failure, "not encrypted");
}

static bool decrypt_text(const SymmetricSetup *setup, Bytes text, const uint8_t *tag, uint8_t *out,
                         size_t *length) {
    Run run = {setup, take_context(setup), false, setup->tag_length ? tag : NULL, text.length};
    bool done = run.context && transform(&run, text, out, length);
    give_context(&run, done);
    return done;
}

bool symmetric_decrypt(const SymmetricSetup *setup, Bytes text, const uint8_t *tag, uint8_t *out,
                       size_t *length, Failure *failure) {
    *length = 0;
    bool done = is_empty_siv(setup, text) ? check_empty_siv(setup, tag)
                                          : decrypt_text(setup, text, tag, out, length);
    if (done) return true;
    ERR_clear_error(); /* its reasons would help an attacker */
    if (setup->tag_length) {
        return failure_set(failure, "not authentic: wrong key, nonce or tag, or the ciphertext or "
                                    "additional data was changed");
    }
    return failure_set(failure, "not decrypted: wrong key, or the ciphertext was changed");
}

EVP_CIPHER_CTX *symmetric_start(const SymmetricSetup *setup, bool encrypting, Failure *failure) {
    Run run = {setup, EVP_CIPHER_CTX_new(), encrypting, NULL, 0};
    if (run.context && start_run(&run)) return run.context;
    failure_openssl(failure, "no cipher");
    EVP_CIPHER_CTX_free(run.context);
    return NULL;
}

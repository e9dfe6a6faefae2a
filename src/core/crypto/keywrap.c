#include "core/crypto/keywrap.h"

#include "core/once.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define BLOCK 8
#define MIN_KEY 16 /* without padding */

static Once fetched[2][3];

static void *fetch_wrap(const void *name) {
    return EVP_CIPHER_fetch(NULL, name, NULL);
}

static const EVP_CIPHER *cipher_of(const KeywrapSetup *setup) {
    static const char *const names[2][3] = {
        {"AES-128-WRAP", "AES-192-WRAP", "AES-256-WRAP"},
        {"AES-128-WRAP-PAD", "AES-192-WRAP-PAD", "AES-256-WRAP-PAD"},
    };
    size_t size = setup->kek.length / 8 - 2;
    return once_get(&fetched[setup->padded][size], fetch_wrap, names[setup->padded][size]);
}

static bool run_cipher(const KeywrapSetup *setup, bool wrapping, Bytes in, uint8_t *out,
                       size_t *length) {
    const EVP_CIPHER *cipher = cipher_of(setup);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int done = 0, last = 0;
    if (context) EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool made = cipher && context &&
                EVP_CipherInit_ex2(context, cipher, setup->kek.data, NULL, wrapping, NULL) &&
                EVP_CipherUpdate(context, out, &done, in.data, (int)in.length) && done > 0 &&
                EVP_CipherFinal_ex(context, out + done, &last);
    EVP_CIPHER_CTX_free(context);
    *length = (size_t)done + (size_t)last;
    return made;
}

bool keywrap_wrap(const KeywrapSetup *setup, Bytes key, uint8_t *out, size_t *length,
                  Failure *failure) {
    bool fits = setup->padded ? key.length : key.length >= MIN_KEY && key.length % BLOCK == 0;
    if (!fits && setup->padded) return failure_set(failure, "not wrapped: the key is empty");
    if (!fits) {
        return failure_set(failure,
                           "not wrapped: a key of %zu bytes is no multiple of 8 from 16 on: give "
                           "{:padding true}, if the reader knows RFC 5649",
                           key.length);
    }
    return run_cipher(setup, true, key, out, length) || failure_openssl(failure, "not wrapped");
}

bool keywrap_unwrap(const KeywrapSetup *setup, Bytes wrapped, uint8_t *out, size_t *length,
                    Failure *failure) {
    size_t min = setup->padded ? 2 * BLOCK : MIN_KEY + BLOCK;
    bool done = wrapped.length >= min && wrapped.length % BLOCK == 0 &&
                run_cipher(setup, false, wrapped, out, length);
    ERR_clear_error();
    if (done) return true;
    OPENSSL_cleanse(out, wrapped.length + KEYWRAP_OVERHEAD);
    return failure_set(failure, "not unwrapped: another key wrapped it, with or without padding, "
                                "or it was changed");
}

/* Symmetric encryption of data in pieces. */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "crypto/cipher_arguments.h"
#include "register.h"

#include <openssl/err.h>
#include <string.h>

typedef struct CipherObject {
    SymmetricSetup setup;    /* without key, nonce and additional data */
    EVP_CIPHER_CTX *context; /* NULL: finished */
} CipherObject;

static int collect_cipher(void *pointer, size_t size) {
    (void)size;
    EVP_CIPHER_CTX_free(((CipherObject *)pointer)->context);
    return 0;
}

static int get_encryptor_method(void *pointer, Janet key, Janet *out);
static int get_decryptor_method(void *pointer, Janet key, Janet *out);
static Janet next_encryptor_method(void *pointer, Janet key);
static Janet next_decryptor_method(void *pointer, Janet key);

static const JanetAbstractType encryptor_type = {
    .name = "jsec/encryptor",
    .gc = collect_cipher,
    .get = get_encryptor_method,
    .next = next_encryptor_method,
};

static const JanetAbstractType decryptor_type = {
    .name = "jsec/decryptor",
    .gc = collect_cipher,
    .get = get_decryptor_method,
    .next = next_decryptor_method,
};

/* --- making --- */

static Janet make_cipher(const char *function, int32_t argc, const Janet *argv,
                         const JanetAbstractType *type) {
    Failure failure;
    args_arity(function, argc, 3, 5);
    SymmetricSetup setup = cipher_arguments_read(function, argc, argv, 3);
    if (!setup.cipher->kind->takes_pieces) {
        raise_format(function, "%s takes all data in one call: use crypto/encrypt, crypto/decrypt",
                     setup.cipher->name.text);
    }
    CipherObject *self = janet_abstract(type, sizeof *self);
    *self = (CipherObject){{.cipher = setup.cipher, .tag_length = setup.tag_length}, NULL};
    self->context = symmetric_start(&setup, type == &encryptor_type, &failure);
    if (!self->context) raise_failure(function, &failure);
    return janet_wrap_abstract(self);
}

FUNCTION(
    crypto_new_encryptor, "crypto/new-encryptor", "algo key nonce &opt aad opts",
    "Encrypt data that comes in pieces. The arguments are those of `encrypt`, and the pieces "
    "together give its result. Returns an object with these methods:\n\n"
    "* `(:update e data)` - encrypt a string or buffer; returns the ciphertext so far, a "
    "buffer\n"
    "* `(:finish e)` - the tag; for CBC the last block of the ciphertext, for CTR nothing. Any "
    "further call raises\n\n"
    "An update encrypts at once, however long the data: 4 MB take a few milliseconds, in "
    "which other fibers wait. For files and streams use `seal-stream`, which is safe to open "
    "in pieces. Raises when a length is wrong, and for SIV, GCM-SIV and CCM, which need all "
    "data at once.",
    &cipher_options) {
    return make_cipher(function, argc, argv, &encryptor_type);
}

FUNCTION(crypto_new_decryptor, "crypto/new-decryptor", "algo key nonce &opt aad opts",
         "Decrypt data that comes in pieces. **It releases plaintext before it is "
         "authenticated**: an attacker may have changed any of it until `:finish` has returned. "
         "Keep it aside until then, and drop it when `:finish` raises; or use `open-stream`. "
         "Returns an object with these methods:\n\n"
         "* `(:update d data)` - decrypt a string or buffer; returns plaintext, a buffer\n"
         "* `(:finish d tag)` - check the tag; returns the rest of the plaintext, which is empty "
         "but for CBC; for CBC and CTR the tag is nil. Any further call raises\n\n"
         "An update decrypts at once, however long the data. Raises when a length is wrong, and in "
         "`:finish` when the key, nonce, tag, ciphertext or additional data is not the one of the "
         "encryption.",
         &cipher_options) {
    return make_cipher(function, argc, argv, &decryptor_type);
}

/* --- methods --- */

static CipherObject *require_open(const char *function, const Janet *argv,
                                  const JanetAbstractType *type) {
    CipherObject *self = raise_unless_abstract(function, argv, 0, type);
    if (!self->context) raise_format(function, "the cipher is finished: make a new one");
    return self;
}

static void close_cipher(CipherObject *self) {
    EVP_CIPHER_CTX_free(self->context);
    self->context = NULL;
}

static Janet update_cipher(const char *function, CipherObject *self, Bytes data) {
    Failure failure;
    int length = 0;
    if (data.length > INT32_MAX - SYMMETRIC_BLOCK) {
        raise_format(function, "the result would be larger than 2 GB");
    }
    JanetBuffer *out = janet_buffer((int32_t)data.length + SYMMETRIC_BLOCK);
    if (data.length &&
        !EVP_CipherUpdate(self->context, out->data, &length, data.data, (int)data.length)) {
        close_cipher(self);
        failure_openssl(&failure, "data not taken");
        raise_failure(function, &failure);
    }
    out->count = length;
    return janet_wrap_buffer(out);
}

FUNCTION(encryptor_update, "encryptor/update", "encryptor data",
         "The method :update of `new-encryptor`.", NULL) {
    args_arity(function, argc, 2, 2);
    CipherObject *self = require_open(function, argv, &encryptor_type);
    return update_cipher(function, self, args_secret(function, argv, 1));
}

FUNCTION(decryptor_update, "decryptor/update", "decryptor data",
         "The method :update of `new-decryptor`.", NULL) {
    args_arity(function, argc, 2, 2);
    CipherObject *self = require_open(function, argv, &decryptor_type);
    return update_cipher(function, self, args_bytes(function, argv, 1));
}

FUNCTION(encryptor_finish, "encryptor/finish", "encryptor",
         "The method :finish of `new-encryptor`.", NULL) {
    Failure failure;
    int length = 0;
    args_arity(function, argc, 1, 1);
    CipherObject *self = require_open(function, argv, &encryptor_type);
    JanetBuffer *out = janet_buffer(SYMMETRIC_BLOCK);
    bool done = EVP_CipherFinal_ex(self->context, out->data, &length);
    if (done && self->setup.tag_length) {
        length = self->setup.tag_length;
        done = EVP_CIPHER_CTX_ctrl(self->context, EVP_CTRL_AEAD_GET_TAG, length, out->data) > 0;
    }
    close_cipher(self);
    if (!done) {
        failure_openssl(&failure, "not encrypted");
        raise_failure(function, &failure);
    }
    out->count = length;
    return janet_wrap_buffer(out);
}

static bool set_tag(CipherObject *self, Bytes tag) {
    uint8_t copy[SYMMETRIC_MAX_TAG];
    if (!tag.data) return true;
    memcpy(copy, tag.data, tag.length);
    return EVP_CIPHER_CTX_ctrl(self->context, EVP_CTRL_AEAD_SET_TAG, (int)tag.length, copy) > 0;
}

FUNCTION(decryptor_finish, "decryptor/finish", "decryptor &opt tag",
         "The method :finish of `new-decryptor`.", NULL) {
    Failure failure;
    int length = 0;
    args_arity(function, argc, 1, 2);
    CipherObject *self = require_open(function, argv, &decryptor_type);
    Bytes tag = cipher_arguments_tag(function, &self->setup, argc, argv, 1);
    JanetBuffer *out = janet_buffer(SYMMETRIC_BLOCK);
    bool done = set_tag(self, tag) && EVP_CipherFinal_ex(self->context, out->data, &length);
    close_cipher(self);
    if (!done) {
        ERR_clear_error(); /* its reasons would help an attacker */
        failure_set(&failure, "not authentic: drop all plaintext of this decryptor");
        raise_failure(function, &failure);
    }
    out->count = length;
    return janet_wrap_buffer(out);
}

static const JanetMethod encryptor_methods[] = {
    {"update", cfun_encryptor_update},
    {"finish", cfun_encryptor_finish},
    {NULL, NULL},
};

static const JanetMethod decryptor_methods[] = {
    {"update", cfun_decryptor_update},
    {"finish", cfun_decryptor_finish},
    {NULL, NULL},
};

static int get_encryptor_method(void *pointer, Janet key, Janet *out) {
    (void)pointer;
    return janet_checktype(key, JANET_KEYWORD) &&
           janet_getmethod(janet_unwrap_keyword(key), encryptor_methods, out);
}

static int get_decryptor_method(void *pointer, Janet key, Janet *out) {
    (void)pointer;
    return janet_checktype(key, JANET_KEYWORD) &&
           janet_getmethod(janet_unwrap_keyword(key), decryptor_methods, out);
}

static Janet next_encryptor_method(void *pointer, Janet key) {
    (void)pointer;
    return janet_nextmethod(encryptor_methods, key);
}

static Janet next_decryptor_method(void *pointer, Janet key) {
    (void)pointer;
    return janet_nextmethod(decryptor_methods, key);
}

static const Function *const functions[] = {
    &function_crypto_new_encryptor,
    &function_crypto_new_decryptor,
    &function_encryptor_update,
    &function_encryptor_finish,
    &function_decryptor_update,
    &function_decryptor_finish,
    NULL,
};

void cipher_object_register(JanetTable *env) {
    module_register(env, functions);
}

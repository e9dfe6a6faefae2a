/* Signing and verifying data in pieces: its digest is made in pieces, and signed at the end. */
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/digester.h"
#include "core/keys/keys.h"
#include "crypto/sign.h"
#include "register.h"

#include <string.h>

typedef struct SignObject {
    Digester digester; /* closed: finished */
    EVP_PKEY *key;
    SignatureScheme scheme;
} SignObject;

static int collect_signer(void *pointer, size_t size) {
    (void)size;
    SignObject *self = pointer;
    digester_close(&self->digester);
    EVP_PKEY_free(self->key);
    return 0;
}

static int get_signer_method(void *pointer, Janet key, Janet *out);
static int get_verifier_method(void *pointer, Janet key, Janet *out);
static Janet next_signer_method(void *pointer, Janet key);
static Janet next_verifier_method(void *pointer, Janet key);

static const JanetAbstractType signer_type = {
    .name = "jsec/signer",
    .gc = collect_signer,
    .get = get_signer_method,
    .next = next_signer_method,
};

static const JanetAbstractType verifier_type = {
    .name = "jsec/verifier",
    .gc = collect_signer,
    .get = get_verifier_method,
    .next = next_verifier_method,
};

/* --- making --- */

static bool start_signing(SignObject *self, Failure *failure) {
    if (!self->key || !signature_settle(self->key, &self->scheme, failure)) return false;
    if (!signature_takes_digest(self->key)) {
        return failure_set(failure, "%s signs all data in one call: use crypto/sign",
                           keys_type(self->key));
    }
    const EVP_MD *md = self->scheme.digest;
    return digester_open(&self->digester, md, (size_t)EVP_MD_get_size(md), failure);
}

static Janet make_signer(const char *function, int32_t argc, const Janet *argv,
                         const JanetAbstractType *type) {
    Failure failure;
    Bytes none = {NULL, 0};
    args_arity(function, argc, 1, 2);
    Bytes key = key_argument(function, argv, 0);
    SignatureScheme scheme =
        sign_read_scheme(function, &sign_scheme_options, args_options(argv, argc, 1), &none);
    if (scheme.prehashed) raise_format(function, "bad option :prehashed, the data is hashed here");
    SignObject *self = janet_abstract(type, sizeof *self);
    memset(self, 0, sizeof *self);
    self->scheme = scheme;
    self->key =
        type == &signer_type ? keys_private(key, none, &failure) : keys_public(key, &failure);
    if (!start_signing(self, &failure)) raise_failure(function, &failure);
    self->scheme.prehashed = true;
    return janet_wrap_abstract(self);
}

FUNCTION(crypto_new_signer, "crypto/new-signer", "key &opt opts",
         "Sign data that comes in pieces with a private key: what `sign` signs in one call. For an "
         "encrypted key, open it with `crypto/key`. Returns an object with these methods:\n\n"
         "* `(:update s data)` - append a string or buffer; returns the object\n"
         "* `(:sign s)` - the signature, a buffer; any further call raises\n\n"
         "Raises for Ed25519, Ed448, ML-DSA and SLH-DSA, which sign all data in one call, and as "
         "`sign` does.",
         &sign_scheme_options) {
    return make_signer(function, argc, argv, &signer_type);
}

FUNCTION(crypto_new_verifier, "crypto/new-verifier", "key &opt opts",
         "Verify a signature of data that comes in pieces, as `verify` does in one call. `key` is "
         "a public key, a certificate or a private key. Returns an object with these methods:\n\n"
         "* `(:update v data)` - append a string or buffer; returns the object\n"
         "* `(:verify v signature)` - is it a signature of the data? true or false; any further "
         "call raises\n\n"
         "Raises for Ed25519, Ed448, ML-DSA and SLH-DSA, which sign all data in one call, and as "
         "`verify` does.",
         &sign_scheme_options) {
    return make_signer(function, argc, argv, &verifier_type);
}

/* --- methods --- */

static SignObject *require_open(const char *function, const Janet *argv,
                                const JanetAbstractType *type) {
    SignObject *self = raise_unless_abstract(function, argv, 0, type);
    if (!digester_is_open(&self->digester)) {
        raise_format(function, "it is finished: make a new one");
    }
    return self;
}

static Janet update_digest(const char *function, int32_t argc, const Janet *argv,
                           const JanetAbstractType *type) {
    Failure failure;
    args_arity(function, argc, 2, 2);
    SignObject *self = require_open(function, argv, type);
    if (!digester_update(&self->digester, args_bytes(function, argv, 1), &failure)) {
        raise_failure(function, &failure);
    }
    return argv[0];
}

static Bytes finish_digest(const char *function, SignObject *self, uint8_t *digest) {
    Failure failure;
    size_t length = self->digester.length;
    if (!digester_finish(&self->digester, digest, &failure)) raise_failure(function, &failure);
    return (Bytes){digest, length};
}

/* The object's reference goes to the caller. */
static EVP_PKEY *take_key(SignObject *self) {
    EVP_PKEY *key = self->key;
    self->key = NULL;
    return key;
}

FUNCTION(signer_update, "signer/update", "signer data", "The method :update of `new-signer`.",
         NULL) {
    return update_digest(function, argc, argv, &signer_type);
}

FUNCTION(verifier_update, "verifier/update", "verifier data",
         "The method :update of `new-verifier`.", NULL) {
    return update_digest(function, argc, argv, &verifier_type);
}

FUNCTION(signer_sign, "signer/sign", "signer", "The method :sign of `new-signer`.", NULL) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    args_arity(function, argc, 1, 1);
    SignObject *self = require_open(function, argv, &signer_type);
    Bytes data = finish_digest(function, self, digest);
    return sign_data(function, take_key(self), &self->scheme, data);
}

FUNCTION(verifier_verify, "verifier/verify", "verifier signature",
         "The method :verify of `new-verifier`.", NULL) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    args_arity(function, argc, 2, 2);
    SignObject *self = require_open(function, argv, &verifier_type);
    Bytes signature = args_bytes(function, argv, 1);
    Bytes data = finish_digest(function, self, digest);
    return sign_verify(function, take_key(self), &self->scheme, data, signature);
}

static const JanetMethod signer_methods[] = {
    {"update", cfun_signer_update},
    {"sign", cfun_signer_sign},
    {NULL, NULL},
};

static const JanetMethod verifier_methods[] = {
    {"update", cfun_verifier_update},
    {"verify", cfun_verifier_verify},
    {NULL, NULL},
};

static int get_signer_method(void *pointer, Janet key, Janet *out) {
    (void)pointer;
    return janet_checktype(key, JANET_KEYWORD) &&
           janet_getmethod(janet_unwrap_keyword(key), signer_methods, out);
}

static int get_verifier_method(void *pointer, Janet key, Janet *out) {
    (void)pointer;
    return janet_checktype(key, JANET_KEYWORD) &&
           janet_getmethod(janet_unwrap_keyword(key), verifier_methods, out);
}

static Janet next_signer_method(void *pointer, Janet key) {
    (void)pointer;
    return janet_nextmethod(signer_methods, key);
}

static Janet next_verifier_method(void *pointer, Janet key) {
    (void)pointer;
    return janet_nextmethod(verifier_methods, key);
}

static const Function *const functions[] = {
    &function_crypto_new_signer,
    &function_crypto_new_verifier,
    &function_signer_update,
    &function_signer_sign,
    &function_verifier_update,
    &function_verifier_verify,
    NULL,
};

void sign_object_register(JanetTable *env) {
    module_register(env, functions);
}

/* A provider of OpenSSL, in a library context of its own: no other code fetches from it. OpenSSL
 * first tries to move a key to the default provider, which fails as the private half can't be
 * exported; then it signs with the provider of the key. */
#include "core/keys/keys.h"
#include "core/keys/remote_key_internal.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <string.h>

#define PARAM_KEY "jsec-key" /* a RemoteKey */

/* --- keys --- */

static void *new_key(void *provider) {
    (void)provider;
    return OPENSSL_zalloc(sizeof(RemoteKey));
}

static void free_key(void *data) {
    RemoteKey *key = data;
    if (!key) return;
    EVP_PKEY_free(key->public_half);
    EVP_PKEY_free(key->stored);
    OPENSSL_free(key);
}

static int has_parts(const void *data, int selection) {
    const RemoteKey *key = data;
    bool asks_private = selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
    return key && key->public_half && (!asks_private || key->sign || key->stored);
}

static int match_keys(const void *a, const void *b, int selection) {
    (void)selection;
    return EVP_PKEY_eq(((const RemoteKey *)a)->public_half, ((const RemoteKey *)b)->public_half) ==
           1;
}

static int get_key_params(void *data, OSSL_PARAM params[]) {
    return EVP_PKEY_get_params(((RemoteKey *)data)->public_half, params);
}

static const OSSL_PARAM *list_key_params(void *provider) {
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)provider;
    return params;
}

static int export_key(void *data, int selection, OSSL_CALLBACK *callback, void *arg) {
    OSSL_PARAM *params = NULL;
    if (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) return 0;
    int done =
        EVP_PKEY_todata(((RemoteKey *)data)->public_half, EVP_PKEY_PUBLIC_KEY, &params) == 1 &&
        callback(params, arg);
    OSSL_PARAM_free(params);
    return done;
}

static const OSSL_PARAM *list_transfer(int selection) {
    static const OSSL_PARAM none[] = {OSSL_PARAM_END};
    (void)selection;
    return none;
}

static bool copy_given(RemoteKey *key, const OSSL_PARAM *given) {
    const RemoteKey *from = given->data;
    if (given->data_size != sizeof *from || !EVP_PKEY_up_ref(from->public_half)) return false;
    *key = *from;
    if (!key->stored || EVP_PKEY_up_ref(key->stored)) return true;
    key->stored = NULL; /* free_key frees the rest */
    return false;
}

/* A public key of another provider, such as a certificate's, to compare with. */
static bool import_public(RemoteKey *key, const char *type, const OSSL_PARAM params[]) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    bool made = context && EVP_PKEY_fromdata_init(context) == 1 &&
                EVP_PKEY_fromdata(context, &key->public_half, EVP_PKEY_PUBLIC_KEY,
                                  (OSSL_PARAM *)(uintptr_t)params) == 1;
    EVP_PKEY_CTX_free(context);
    return made;
}

static int import_key(RemoteKey *key, const char *type, const OSSL_PARAM params[]) {
    const OSSL_PARAM *given = OSSL_PARAM_locate_const(params, PARAM_KEY);
    return given ? copy_given(key, given) : import_public(key, type, params);
}

#define IMPORT(id, type)                                                                           \
    static int import_##id(void *key, int selection, const OSSL_PARAM params[]) {                  \
        (void)selection;                                                                           \
        return import_key(key, type, params);                                                      \
    }
IMPORT(rsa, "RSA")
IMPORT(rsa_pss, "RSA-PSS")
IMPORT(ec, "EC")
IMPORT(ed25519, "ED25519")
IMPORT(ed448, "ED448")

static const char *name_rsa(int operation) {
    return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

static const char *name_ec(int operation) {
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *name_ed25519(int operation) {
    return operation == OSSL_OP_SIGNATURE ? "ED25519" : NULL;
}

static const char *name_ed448(int operation) {
    return operation == OSSL_OP_SIGNATURE ? "ED448" : NULL;
}

#define KEY_FUNCTIONS(id, name_operation)                                                          \
    static const OSSL_DISPATCH keys_##id[] = {                                                     \
        {OSSL_FUNC_KEYMGMT_NEW, (Entry)new_key},                                                   \
        {OSSL_FUNC_KEYMGMT_FREE, (Entry)free_key},                                                 \
        {OSSL_FUNC_KEYMGMT_HAS, (Entry)has_parts},                                                 \
        {OSSL_FUNC_KEYMGMT_MATCH, (Entry)match_keys},                                              \
        {OSSL_FUNC_KEYMGMT_GET_PARAMS, (Entry)get_key_params},                                     \
        {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (Entry)list_key_params},                               \
        {OSSL_FUNC_KEYMGMT_EXPORT, (Entry)export_key},                                             \
        {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (Entry)list_transfer},                                    \
        {OSSL_FUNC_KEYMGMT_IMPORT, (Entry)import_##id},                                            \
        {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (Entry)list_transfer},                                    \
        {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (Entry)(name_operation)},                         \
        {0, NULL},                                                                                 \
    }
KEY_FUNCTIONS(rsa, name_rsa);
KEY_FUNCTIONS(rsa_pss, name_rsa);
KEY_FUNCTIONS(ec, name_ec);
KEY_FUNCTIONS(ed25519, name_ed25519);
KEY_FUNCTIONS(ed448, name_ed448);

/* --- the provider --- */

#define PROVIDER "jsec"
#define ALGORITHM(names, functions)                                                                \
    { names, "provider=" PROVIDER, functions, NULL }

static const OSSL_ALGORITHM key_algorithms[] = {
    ALGORITHM("RSA:rsaEncryption:1.2.840.113549.1.1.1", keys_rsa),
    ALGORITHM("RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10", keys_rsa_pss),
    ALGORITHM("EC:id-ecPublicKey:1.2.840.10045.2.1", keys_ec),
    ALGORITHM("ED25519:1.3.101.112", keys_ed25519),
    ALGORITHM("ED448:1.3.101.113", keys_ed448),
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM signature_algorithms[] = {
    ALGORITHM("RSA:rsaEncryption:1.2.840.113549.1.1.1", remote_signature_functions),
    ALGORITHM("ECDSA", remote_signature_functions),
    ALGORITHM("ED25519:1.3.101.112", remote_signature_functions),
    ALGORITHM("ED448:1.3.101.113", remote_signature_functions),
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *list_algorithms(void *provider, int operation, int *no_cache) {
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT     ? key_algorithms
           : operation == OSSL_OP_SIGNATURE ? signature_algorithms
                                            : NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (Entry)list_algorithms},
    {0, NULL},
};

static int start_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *core,
                          const OSSL_DISPATCH **functions, void **context) {
    (void)core;
    *functions = provider_functions;
    *context = (void *)(uintptr_t)handle;
    return 1;
}

static OSSL_LIB_CTX *library;
static CRYPTO_ONCE library_once = CRYPTO_ONCE_STATIC_INIT;

/* The base provider encodes public halves. */
static void make_library(void) {
    OSSL_LIB_CTX *made = OSSL_LIB_CTX_new();
    bool loaded = made && OSSL_PROVIDER_add_builtin(made, PROVIDER, start_provider) &&
                  OSSL_PROVIDER_load(made, PROVIDER) && OSSL_PROVIDER_load(made, "base");
    if (loaded) {
        library = made;
    } else {
        OSSL_LIB_CTX_free(made);
    }
}

static EVP_PKEY *make_key(RemoteKey *key) {
    EVP_PKEY *made = NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(PARAM_KEY, key, sizeof *key),
                           OSSL_PARAM_construct_end()};
    if (!CRYPTO_THREAD_run_once(&library_once, make_library) || !library) return NULL;
    EVP_PKEY_CTX *context =
        EVP_PKEY_CTX_new_from_name(library, EVP_PKEY_get0_type_name(key->public_half), NULL);
    if (context && EVP_PKEY_fromdata_init(context) == 1) {
        EVP_PKEY_fromdata(context, &made, EVP_PKEY_KEYPAIR, params);
    }
    EVP_PKEY_CTX_free(context);
    return made;
}

static bool is_supported(const EVP_PKEY *key) {
    static const char *const types[] = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (EVP_PKEY_is_a(key, types[i])) return true;
    }
    return false;
}

static EVP_PKEY *new_remote(RemoteKey *key, Failure *failure) {
    if (!is_supported(key->public_half)) {
        failure_set(failure, "%s keys can't be used from elsewhere", keys_type(key->public_half));
        return NULL;
    }
    EVP_PKEY *made = make_key(key);
    if (!made) failure_openssl(failure, "key elsewhere not set up");
    return made;
}

EVP_PKEY *remote_key_new(EVP_PKEY *public_half, RemoteSign *sign, const void *signer,
                         Failure *failure) {
    RemoteKey key = {public_half, sign, signer, NULL};
    return new_remote(&key, failure);
}

EVP_PKEY *remote_key_stored(EVP_PKEY *public_half, EVP_PKEY *stored, RemoteSign *sign,
                            Failure *failure) {
    RemoteKey key = {public_half, sign, NULL, stored};
    return new_remote(&key, failure);
}

bool remote_key_is(const EVP_PKEY *key) {
    const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);
    return provider && !strcmp(OSSL_PROVIDER_get0_name(provider), PROVIDER);
}

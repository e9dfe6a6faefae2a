/* Signatures of keys that live elsewhere. A digest is computed here, and only the digest goes to
 * the callback or the store. */
#include "core/algorithms.h"
#include "core/keys/remote_key_internal.h"
#include "core/keys/stored_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <string.h>

typedef struct RemoteSignature {
    const RemoteKey *key; /* of the EVP_PKEY, which lives longer */
    RemoteScheme scheme;
    bool has_salt;       /* its length was given */
    EVP_MD_CTX *message; /* that comes in pieces; NULL: none did */
} RemoteSignature;

/* --- life --- */

static void *new_signature(void *provider, const char *query) {
    (void)provider, (void)query;
    return OPENSSL_zalloc(sizeof(RemoteSignature));
}

static void free_signature(void *data) {
    RemoteSignature *signature = data;
    if (signature) EVP_MD_CTX_free(signature->message);
    OPENSSL_free(signature);
}

/* OpenSSL 3.0 signs with a copy. */
static void *copy_signature(void *data) {
    const RemoteSignature *from = data;
    RemoteSignature *copy = OPENSSL_memdup(from, sizeof *from);
    if (!copy || !from->message) return copy;
    copy->message = EVP_MD_CTX_new();
    if (copy->message && EVP_MD_CTX_copy_ex(copy->message, from->message)) return copy;
    free_signature(copy);
    return NULL;
}

/* --- parameters --- */

static bool is_rsa(const EVP_PKEY *key) {
    return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
}

static bool is_pure(const EVP_PKEY *key) {
    return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
}

/* OpenSSL's name of a digest: "SHA2-256" for example. */
static bool set_digest(const char *name, RemoteScheme *scheme) {
    Failure ignored;
    EVP_MD *fetched = EVP_MD_fetch(NULL, name, NULL);
    const char *known = fetched ? OBJ_nid2sn(EVP_MD_get_type(fetched)) : "";
    Bytes text = {(const uint8_t *)known, strlen(known)};
    const DigestRow *row = algorithms_digest(text, &ignored);
    EVP_MD_free(fetched);
    scheme->digest = row ? algorithms_md(row) : NULL;
    return scheme->digest;
}

/* A name, or a number in OpenSSL's older form. */
static bool read_padding(const OSSL_PARAM *param, RemotePadding *padding) {
    int number = 0;
    bool text = param->data_type == OSSL_PARAM_UTF8_STRING;
    if (!text && !OSSL_PARAM_get_int(param, &number)) return false;
    bool pss =
        text ? !strcmp(param->data, OSSL_PKEY_RSA_PAD_MODE_PSS) : number == RSA_PKCS1_PSS_PADDING;
    bool pkcs1 =
        text ? !strcmp(param->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) : number == RSA_PKCS1_PADDING;
    *padding = pss ? REMOTE_PSS : REMOTE_PKCS1;
    return pss || pkcs1;
}

/* Bytes, or a word: "digest" is the default, and all else as long as the key allows. */
static bool read_salt(const OSSL_PARAM *param, RemoteSignature *signature) {
    int *length = &signature->scheme.salt_length;
    signature->has_salt = false;
    if (param->data_type == OSSL_PARAM_UTF8_STRING) {
        if (!strcmp(param->data, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST)) return true;
        *length = (int)strtol(param->data, NULL, 10);
    } else if (!OSSL_PARAM_get_int(param, length)) {
        return false;
    }
    if (*length == RSA_PSS_SALTLEN_DIGEST) return true;
    signature->has_salt = true;
    return *length >= 0;
}

static bool read_digest(const OSSL_PARAM *param, RemoteScheme *scheme) {
    return param->data_type == OSSL_PARAM_UTF8_STRING && set_digest(param->data, scheme);
}

/* What would make another signature, and no request can say. OpenSSL 4.0 sends parameters that do
 * not, such as the version of TLS. */
static bool is_refused(const char *name) {
    static const char *const names[] = {OSSL_SIGNATURE_PARAM_MGF1_DIGEST,
                                        "nonce-type",
                                        "deterministic",
                                        "context-string",
                                        "instance",
                                        "mu"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) return true;
    }
    return false;
}

static bool set_param(RemoteSignature *signature, const OSSL_PARAM *param) {
    const char *key = param->key;
    if (!strcmp(key, OSSL_SIGNATURE_PARAM_DIGEST)) return read_digest(param, &signature->scheme);
    if (!strcmp(key, OSSL_SIGNATURE_PARAM_PAD_MODE)) {
        return read_padding(param, &signature->scheme.padding);
    }
    if (!strcmp(key, OSSL_SIGNATURE_PARAM_PSS_SALTLEN)) return read_salt(param, signature);
    return !is_refused(key);
}

static int set_params(void *data, const OSSL_PARAM params[]) {
    for (const OSSL_PARAM *param = params; param && param->key; param++) {
        if (!set_param(data, param)) return 0;
    }
    return 1;
}

static const OSSL_PARAM *list_settable(void *data, void *provider) {
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)data, (void)provider;
    return params;
}

/* The minimum length that the key asks for, or that of the digest. */
static int get_salt_length(const RemoteSignature *signature) {
    int min = 0, length = EVP_MD_get_size(signature->scheme.digest);
    if (signature->has_salt) return signature->scheme.salt_length;
    EVP_PKEY_get_int_param(signature->key->public_half, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &min);
    ERR_clear_error();
    return min > length ? min : length;
}

static bool apply_padding(EVP_PKEY_CTX *context, const RemoteScheme *scheme) {
    switch (scheme->padding) {
    case REMOTE_NO_PADDING: return true;
    case REMOTE_PKCS1: return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
    case REMOTE_PSS:
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(context, scheme->salt_length) > 0;
    }
    return false;
}

/* The scheme with all that was left open. */
static RemoteScheme settle_scheme(const RemoteSignature *signature) {
    RemoteScheme scheme = signature->scheme;
    const EVP_PKEY *key = signature->key->public_half;
    bool only_pss = EVP_PKEY_is_a(key, "RSA-PSS");
    if (!is_rsa(key)) {
        scheme.padding = REMOTE_NO_PADDING;
    } else if (!scheme.padding) {
        scheme.padding = only_pss ? REMOTE_PSS : REMOTE_PKCS1;
    }
    if (scheme.padding == REMOTE_PSS) scheme.salt_length = get_salt_length(signature);
    return scheme;
}

/* The algorithm's identifier for certificates, which the default provider knows. */
static bool write_identifier(const RemoteSignature *signature, OSSL_PARAM *into) {
    RemoteScheme scheme = settle_scheme(signature);
    const char *digest = scheme.digest ? EVP_MD_get0_name(scheme.digest) : NULL;
    EVP_PKEY_CTX *inner;
    OSSL_PARAM params[] = {*into, OSSL_PARAM_construct_end()};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool written = context &&
                   EVP_DigestVerifyInit_ex(context, &inner, digest, NULL, "?provider=default",
                                           signature->key->public_half, NULL) > 0 &&
                   apply_padding(inner, &scheme) && EVP_PKEY_CTX_get_params(inner, params) > 0;
    into->return_size = params[0].return_size;
    EVP_MD_CTX_free(context);
    return written;
}

static bool write_padding(const RemoteSignature *signature, OSSL_PARAM *into) {
    bool pss = settle_scheme(signature).padding == REMOTE_PSS;
    if (into->data_type != OSSL_PARAM_UTF8_STRING) {
        return OSSL_PARAM_set_int(into, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
    }
    return OSSL_PARAM_set_utf8_string(into, pss ? OSSL_PKEY_RSA_PAD_MODE_PSS
                                                : OSSL_PKEY_RSA_PAD_MODE_PKCSV15);
}

static int get_params(void *data, OSSL_PARAM params[]) {
    const RemoteSignature *signature = data;
    OSSL_PARAM *identifier = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
    OSSL_PARAM *padding = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    return (!identifier || write_identifier(signature, identifier)) &&
           (!padding || write_padding(signature, padding));
}

static const OSSL_PARAM *list_gettable(void *data, void *provider) {
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)data, (void)provider;
    return params;
}

/* --- with a key in a store --- */

static bool sign_with_digest(EVP_PKEY_CTX *context, const RemoteRequest *request, uint8_t *out,
                             size_t *length) {
    const RemoteScheme *scheme = &request->scheme;
    return EVP_PKEY_sign_init(context) > 0 &&
           (!scheme->digest || EVP_PKEY_CTX_set_signature_md(context, scheme->digest) > 0) &&
           apply_padding(context, scheme) &&
           EVP_PKEY_sign(context, out, length, request->input.data, request->input.length) > 0;
}

static bool sign_whole(const RemoteRequest *request, const char *query, uint8_t *out,
                       size_t *length) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done =
        context &&
        EVP_DigestSignInit_ex(context, NULL, NULL, NULL, query, request->stored, NULL) > 0 &&
        EVP_DigestSign(context, out, length, request->input.data, request->input.length) > 0;
    EVP_MD_CTX_free(context);
    return done;
}

static bool sign_stored(const RemoteRequest *request, uint8_t *out, size_t *length) {
    char query[STORED_KEY_QUERY];
    stored_key_query(request->stored, query);
    *length = (size_t)EVP_PKEY_get_size(request->key);
    if (is_pure(request->key)) return sign_whole(request, query, out, length);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, request->stored, query);
    bool done = context && sign_with_digest(context, request, out, length);
    EVP_PKEY_CTX_free(context);
    return done;
}

/* --- signing --- */

static int begin_sign(void *data, void *key, const OSSL_PARAM params[]) {
    RemoteSignature *signature = data;
    if (key) signature->key = key;
    signature->scheme = (RemoteScheme){.digest = NULL};
    return set_params(data, params);
}

static bool ask(const RemoteSignature *signature, Bytes input, uint8_t *out, size_t *length) {
    const RemoteKey *key = signature->key;
    RemoteRequest request = {key->public_half, key->stored, settle_scheme(signature), input};
    if (key->sign) return key->sign(&request, key->signer, out, length);
    return key->stored && sign_stored(&request, out, length);
}

/* Without `out`: the maximum length. */
static bool has_room(const RemoteSignature *signature, const uint8_t *out, size_t *length,
                     size_t room) {
    *length = (size_t)EVP_PKEY_get_size(signature->key->public_half);
    return !out || room >= *length;
}

static int sign_digest(void *data, unsigned char *out, size_t *length, size_t room,
                       const unsigned char *digest, size_t digest_length) {
    RemoteSignature *signature = data;
    if (!has_room(signature, out, length, room)) return 0;
    return !out || ask(signature, (Bytes){digest, digest_length}, out, length);
}

static int begin_message(void *data, const char *digest, void *key, const OSSL_PARAM params[]) {
    RemoteSignature *signature = data;
    if (!begin_sign(data, key, NULL)) return 0;
    EVP_MD_CTX_free(signature->message);
    signature->message = NULL;
    bool pure = is_pure(signature->key->public_half);
    if (!pure && (!digest || !*digest || !set_digest(digest, &signature->scheme))) return 0;
    return set_params(data, params);
}

/* In one piece, as TLS signs: the callback may wait, which no copy of OpenSSL 3.0 does. */
static int sign_message(void *data, unsigned char *out, size_t *length, size_t room,
                        const unsigned char *message, size_t message_length) {
    RemoteSignature *signature = data;
    uint8_t digest[EVP_MAX_MD_SIZE];
    Bytes input = {message, message_length};
    if (!has_room(signature, out, length, room)) return 0;
    if (!out) return 1;
    if (signature->scheme.digest) {
        if (!algorithms_hash(signature->scheme.digest, &input, 1, digest)) return 0;
        input = (Bytes){digest, (size_t)EVP_MD_get_size(signature->scheme.digest)};
    }
    return ask(signature, input, out, length);
}

static int add_piece(void *data, const unsigned char *piece, size_t length) {
    RemoteSignature *signature = data;
    if (!signature->scheme.digest) return 0; /* EdDSA reads its message twice */
    if (!signature->message) {
        signature->message = EVP_MD_CTX_new();
        if (!signature->message ||
            !EVP_DigestInit_ex2(signature->message, signature->scheme.digest, NULL)) {
            return 0;
        }
    }
    return EVP_DigestUpdate(signature->message, piece, length);
}

static int sign_pieces(void *data, unsigned char *out, size_t *length, size_t room) {
    RemoteSignature *signature = data;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int digest_length = 0;
    if (!has_room(signature, out, length, room)) return 0;
    if (!out) return 1;
    if (!signature->message && !add_piece(data, (const uint8_t *)"", 0)) return 0;
    return EVP_DigestFinal_ex(signature->message, digest, &digest_length) &&
           ask(signature, (Bytes){digest, digest_length}, out, length);
}

const OSSL_DISPATCH remote_signature_functions[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, (Entry)new_signature},
    {OSSL_FUNC_SIGNATURE_FREECTX, (Entry)free_signature},
    {OSSL_FUNC_SIGNATURE_DUPCTX, (Entry)copy_signature},
    {OSSL_FUNC_SIGNATURE_SIGN_INIT, (Entry)begin_sign},
    {OSSL_FUNC_SIGNATURE_SIGN, (Entry)sign_digest},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (Entry)begin_message},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (Entry)sign_message},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (Entry)add_piece},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (Entry)sign_pieces},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (Entry)set_params},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (Entry)list_settable},
    {OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (Entry)get_params},
    {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (Entry)list_gettable},
    {0, NULL},
};

bool remote_key_sign(const RemoteRequest *request, uint8_t *signature, size_t *length,
                     Failure *failure) {
    ERR_clear_error();
    return sign_stored(request, signature, length) ||
           failure_openssl(failure, "the key's store does not sign");
}

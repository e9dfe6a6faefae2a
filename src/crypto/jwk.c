/* JSON Web Keys. */
#include "core/crypto/jwk.h"
#include "base/args.h"
#include "base/key.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/crypto/base64.h"
#include "core/keys/keyform.h"
#include "core/keys/keys.h"
#include "crypto/task.h"
#include "register.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

/* --- as arguments --- */

static int find_member(Janet key) {
    if (!janet_checktypes(key, JANET_TFLAG_STRING | JANET_TFLAG_KEYWORD)) return JWK_MEMBERS;
    Bytes name = value_bytes(key);
    int i = 0;
    while (i < JWK_MEMBERS &&
           (strlen(jwk_names[i]) != name.length || memcmp(jwk_names[i], name.data, name.length))) {
        i++;
    }
    return i;
}

static void read_member(const char *function, const JanetKV *entry, Jwk *jwk) {
    int member = find_member(entry->key);
    if (member == JWK_MEMBERS) return; /* others are ignored: RFC 7517, 4 */
    if (jwk->members[member].data) {
        raise_format(function, "not a usable JWK: member \"%s\" stands there twice",
                     jwk_names[member]);
    }
    bool is_text = janet_checktypes(entry->value, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER);
    if (!is_text && member != JWK_OTH) {
        raise_format(function, "not a usable JWK: member \"%s\" must be a string, got %s",
                     jwk_names[member], raise_kind(entry->value));
    }
    jwk->members[member] = value_bytes(is_text ? entry->value : janet_cstringv(""));
}

static Jwk read_jwk(const char *function, const Janet *argv, int32_t slot) {
    Jwk jwk = {.members = {{NULL, 0}}};
    JanetDictView view;
    if (!janet_dictionary_view(argv[slot], &view.kvs, &view.len, &view.cap)) {
        raise_secret(function, slot, "table or struct of a JWK", argv[slot]);
    }
    for (int32_t i = 0; i < view.cap; i++) {
        if (!janet_checktype(view.kvs[i].key, JANET_NIL)) read_member(function, view.kvs + i, &jwk);
    }
    return jwk;
}

FUNCTION(crypto_key_from_jwk, "crypto/key-from-jwk", "jwk",
         "The key of a JSON Web Key (RFC 7517, 7518, 8037, 8812) as a PEM string: PKCS#8 if it has "
         "private members, else SubjectPublicKeyInfo. `jwk` is a struct or table as a JSON decoder "
         "makes it, with keywords or strings as names: kty RSA, EC (P-256, P-384, P-521, "
         "secp256k1) and OKP (Ed25519, Ed448, X25519, X448). Other members are ignored.\n\n"
         "Raises when a member is missing, is not a string of Base64 for URLs, or has another "
         "length than the RFC requires; when a point is not on its curve; when the private members "
         "do not belong to the public ones; and for an RSA key that has :d without its primes. No "
         "text shows a value.",
         NULL) {
    Failure failure;
    bool is_private;
    size_t length = 0;
    args_arity(function, argc, 1, 1);
    Jwk jwk = read_jwk(function, argv, 0);
    EVP_PKEY *key = jwk_read(&jwk, &is_private, &failure);
    char *pem = !key         ? NULL
                : is_private ? keys_private_pem(key, &length, &failure)
                             : keys_public_pem(key, &length, &failure);
    EVP_PKEY_free(key);
    if (!pem) raise_failure(function, &failure);
    Janet result = janet_stringv((const uint8_t *)pem, (int32_t)length);
    OPENSSL_clear_free(pem, length);
    return result;
}

/* --- as results --- */

typedef struct JwkOptions {
    bool with_private;
    Bytes password;
} JwkOptions;

static const OptionRow option_rows[] = {
    OPTION("private", option_boolean, JwkOptions, with_private,
           "Whether the result has the private members: keep it secret then. Default: false."),
    OPTION_SECRET("password", option_bytes, JwkOptions, password,
                  "Password of the key, if it is encrypted."),
};
static const OptionSet options_set = OPTION_SET(option_rows);

enum { KEY, PASSWORD };

typedef struct JwkTask {
    Task task;
    bool with_private;
    Jwk jwk;
} JwkTask;

static bool jwk_run(Task *task, Failure *failure) {
    JwkTask *job = (JwkTask *)task;
    EVP_PKEY *key =
        keyform_read_half(task->inputs[KEY], task->inputs[PASSWORD], job->with_private, failure);
    bool written = key && jwk_write(key, job->with_private, &job->jwk, failure);
    EVP_PKEY_free(key);
    return written;
}

static Janet jwk_result(Task *task) {
    const Jwk *jwk = &((JwkTask *)task)->jwk;
    int32_t count = 0;
    for (int i = 0; i < JWK_MEMBERS; i++) count += jwk->members[i].data != NULL;
    JanetKV *result = janet_struct_begin(count);
    for (int i = 0; i < JWK_MEMBERS; i++) {
        Bytes value = jwk->members[i];
        if (!value.data) continue;
        janet_struct_put(result, janet_ckeywordv(jwk_names[i]),
                         janet_stringv(value.data, (int32_t)value.length));
    }
    return janet_wrap_struct(janet_struct_end(result));
}

static void jwk_release(Task *task) {
    jwk_free(&((JwkTask *)task)->jwk);
}

FUNCTION(crypto_key_to_jwk, "crypto/key-to-jwk", "key &opt opts",
         "The JSON Web Key of a key (RFC 7517, 7518, 8037, 8812), a struct of keywords and "
         "strings for a JSON encoder: `{:kty \"OKP\" :crv \"Ed25519\" :x \"…\"}`. `key` is a "
         "private or public key or a certificate, PEM, DER, a path or `crypto/key`. The private "
         "members (`:d` …) are there with `:private true` only. Add `:kid`, `:use`, `:alg` with "
         "`merge`.\n\n"
         "Raises when `key` can't be read, has no JWK (DSA, RSA-PSS, curves other than P-256, "
         "P-384, P-521 and secp256k1), or is public and `:private` is true.",
         &options_set) {
    args_arity(function, argc, 1, 2);
    JwkTask job = {
        .task = {
            .function = function, .run = jwk_run, .result = jwk_result, .release = jwk_release}};
    JwkOptions options = {.with_private = false};
    job.task.inputs[KEY] = key_argument(function, argv, 0);
    options_read(function, &options_set, args_options(argv, argc, 1), &options);
    job.task.inputs[PASSWORD] = options.password;
    job.with_private = options.with_private;
    return task_run(&job.task, sizeof job, options.password.data);
}

/* --- thumbprints --- */

static bool hash_key(Bytes data, const EVP_MD *md, uint8_t *digest, Failure *failure) {
    Jwk jwk;
    EVP_PKEY *key = keys_public(data, failure);
    bool written = key && jwk_write(key, false, &jwk, failure);
    EVP_PKEY_free(key);
    if (!written) return false;
    bool hashed = jwk_thumbprint(&jwk, md, digest, failure);
    jwk_free(&jwk);
    return hashed;
}

static const EVP_MD *get_digest(const char *function, int32_t argc, const Janet *argv) {
    bool given = argc > 1 && !janet_checktype(argv[1], JANET_NIL);
    const Janet by_default[] = {janet_wrap_nil(), janet_ckeywordv("sha256")};
    const DigestRow *row = args_digest(function, given ? argv : by_default, 1);
    if (row->xof) raise_format(function, "thumbprints are not made by %s", row->name.text);
    return algorithms_md(row);
}

FUNCTION(crypto_jwk_thumbprint, "crypto/jwk-thumbprint", "key &opt digest",
         "The thumbprint of a key (RFC 7638) as a string of Base64 for URLs, which serves as "
         "`:kid`: the digest, :sha256 by default, of the required members of its JWK. `key` is a "
         "private or public key or a certificate, or a JWK as `key-from-jwk` takes it, also of kty "
         "\"oct\". A private key has the thumbprint of its public half. Raises when `key` is none "
         "of these, or has no JWK.",
         NULL) {
    Failure failure;
    uint8_t digest[EVP_MAX_MD_SIZE], text[2 * EVP_MAX_MD_SIZE];
    args_arity(function, argc, 1, 2);
    const EVP_MD *md = get_digest(function, argc, argv);
    bool hashed;
    if (janet_checktypes(argv[0], JANET_TFLAG_DICTIONARY)) {
        Jwk jwk = read_jwk(function, argv, 0);
        hashed = jwk_thumbprint(&jwk, md, digest, &failure);
    } else {
        hashed = hash_key(key_argument(function, argv, 0), md, digest, &failure);
    }
    if (!hashed) raise_failure(function, &failure);
    Bytes bytes = {digest, (size_t)EVP_MD_get_size(md)};
    base64_encode(BASE64_URL, bytes, text);
    return janet_stringv(text, (int32_t)base64_encoded_length(BASE64_URL, bytes.length));
}

static const Function *const functions[] = {
    &function_crypto_key_to_jwk,
    &function_crypto_key_from_jwk,
    &function_crypto_jwk_thumbprint,
    NULL,
};

void jwk_register(JanetTable *env) {
    module_register(env, functions);
}

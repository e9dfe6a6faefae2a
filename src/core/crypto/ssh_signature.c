#include "core/crypto/ssh_signature.h"

#include "core/algorithms.h"
#include "core/crypto/signature.h"
#include "core/keys/ssh_key.h"
#include "core/keys/ssh_wire.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define LABEL "SSH SIGNATURE"
#define MAGIC "SSHSIG"
#define VERSION 1

static const EVP_MD *find_digest(const char *name, Failure *failure) {
    const DigestRow *row = algorithms_digest((Bytes){(const uint8_t *)name, strlen(name)}, failure);
    return row ? algorithms_md(row) : NULL;
}

/* --- schemes --- */

static bool is_rsa(const EVP_PKEY *key) {
    return EVP_PKEY_is_a(key, "RSA");
}

static bool is_ecdsa(const EVP_PKEY *key) {
    return EVP_PKEY_is_a(key, "EC");
}

/* RFC 5656, 6.2.1: by the size of the curve. */
static const char *ecdsa_digest(const EVP_PKEY *key) {
    int bits = EVP_PKEY_get_bits(key);
    return bits <= 256 ? "sha256" : bits <= 384 ? "sha384" : "sha512";
}

/* `rsa` is the digest of an RSA signature. */
static bool make_scheme(EVP_PKEY *key, const char *rsa, SignatureScheme *scheme, Failure *failure) {
    *scheme = (SignatureScheme){.salt_length = SIGNATURE_SALT_UNSET};
    if (is_rsa(key) && !(scheme->digest = find_digest(rsa, failure))) return false;
    if (is_ecdsa(key) && !(scheme->digest = find_digest(ecdsa_digest(key), failure))) return false;
    if (is_rsa(key)) scheme->padding = SIGNATURE_PKCS1;
    if (is_ecdsa(key)) scheme->format = SIGNATURE_RAW;
    return signature_settle(key, scheme, failure);
}

/* What is signed in place of the message: its digest and what the digest is for. */
static bool write_signed(BIO *into, Bytes data, Bytes name_space, const char *digest,
                         Failure *failure) {
    uint8_t hash[EVP_MAX_MD_SIZE];
    const EVP_MD *md = find_digest(digest, failure);
    if (!md) return false;
    Bytes view = {hash, (size_t)EVP_MD_get_size(md)};
    return (algorithms_hash(md, &data, 1, hash) && BIO_write(into, MAGIC, 6) == 6 &&
            ssh_put_string(into, name_space) && ssh_put_text(into, "") &&
            ssh_put_text(into, digest) && ssh_put_string(into, view)) ||
           failure_openssl(failure, "no signature");
}

/* --- making --- */

/* The halves of an ECDSA signature are numbers of their own. */
static bool put_halves(BIO *into, Bytes raw) {
    int half = (int)raw.length / 2;
    BIO *both = BIO_new(BIO_s_mem());
    BIGNUM *r = BN_bin2bn(raw.data, half, NULL), *s = BN_bin2bn(raw.data + half, half, NULL);
    bool put = both && r && s && ssh_put_number(both, r) && ssh_put_number(both, s) &&
               ssh_put_string(into, ssh_written(both));
    BN_free(r);
    BN_free(s);
    BIO_free(both);
    return put;
}

static const char *signature_type(const EVP_PKEY *key, const char *digest, Failure *failure) {
    if (!is_rsa(key)) return ssh_key_type(key, failure);
    return strcmp(digest, "sha256") ? "rsa-sha2-512" : "rsa-sha2-256";
}

/* Append the signature of `data` as SSH writes it: its type and its bytes. */
static bool put_signature(BIO *into, EVP_PKEY *key, Bytes data, const char *digest,
                          Failure *failure) {
    SignatureScheme scheme;
    const char *type = signature_type(key, digest, failure);
    if (!type || !make_scheme(key, digest, &scheme, failure)) return false;
    size_t length = signature_room(key);
    uint8_t *bytes = OPENSSL_malloc(length);
    if (!bytes) return failure_set(failure, "out of memory");
    bool made = signature_make(key, &scheme, data, bytes, &length, failure);
    Bytes view = {bytes, length};
    bool put = made && ssh_put_text(into, type) &&
               (is_ecdsa(key) ? put_halves(into, view) : ssh_put_string(into, view));
    if (made && !put) failure_openssl(failure, "no signature");
    OPENSSL_free(bytes);
    return put;
}

static bool write_block(BIO *into, Bytes blob, Bytes name_space, const char *digest,
                        Bytes signature) {
    BIO *whole = BIO_new(BIO_s_mem());
    bool written = whole && BIO_write(whole, MAGIC, 6) == 6 && ssh_put_uint32(whole, VERSION) &&
                   ssh_put_string(whole, blob) && ssh_put_string(whole, name_space) &&
                   ssh_put_text(whole, "") && ssh_put_text(whole, digest) &&
                   ssh_put_string(whole, signature);
    if (written) {
        Bytes bytes = ssh_written(whole);
        written = PEM_write_bio(into, LABEL, "", bytes.data, (long)bytes.length) > 0;
    }
    BIO_free(whole);
    return written;
}

bool ssh_signature_make(EVP_PKEY *key, Bytes data, Bytes name_space, const char *digest, BIO *into,
                        Failure *failure) {
    ERR_clear_error();
    BIO *message = BIO_new(BIO_s_mem()), *blob = BIO_new(BIO_s_mem());
    BIO *signature = BIO_new(BIO_s_mem());
    bool made = (message && blob && signature) || failure_set(failure, "out of memory");
    made = made && ssh_key_write_public(key, blob, failure) &&
           write_signed(message, data, name_space, digest, failure) &&
           put_signature(signature, key, ssh_written(message), digest, failure) &&
           (write_block(into, ssh_written(blob), name_space, digest, ssh_written(signature)) ||
            failure_openssl(failure, "no signature"));
    BIO_free(message);
    BIO_free(blob);
    BIO_free(signature);
    ERR_clear_error();
    return made;
}

/* --- reading --- */

static bool split_block(Bytes rest, SshSignature *into) {
    uint32_t version;
    Bytes reserved;
    if (rest.length < 6 || memcmp(rest.data, MAGIC, 6)) return false;
    rest = (Bytes){rest.data + 6, rest.length - 6};
    return ssh_take_uint32(&rest, &version) && version == VERSION &&
           ssh_take_string(&rest, &into->public_blob) &&
           ssh_take_string(&rest, &into->name_space) && into->name_space.length &&
           ssh_take_string(&rest, &reserved) && ssh_take_string(&rest, &into->digest) &&
           (ssh_is_text(into->digest, "sha256") || ssh_is_text(into->digest, "sha512")) &&
           ssh_take_string(&rest, &into->signature) && !rest.length;
}

bool ssh_signature_read(Bytes text, SshSignature *signature, Failure *failure) {
    *signature = (SshSignature){.owned = {NULL, 0}};
    if (encoding_block(text, LABEL, &signature->owned) &&
        split_block((Bytes){signature->owned.bytes, signature->owned.length}, signature)) {
        return true;
    }
    ssh_signature_free(signature);
    failure_set(failure, "not an SSH signature: no such PEM block, or damaged");
    return false;
}

void ssh_signature_free(SshSignature *signature) {
    OPENSSL_free(signature->owned.bytes);
    *signature = (SshSignature){.owned = {NULL, 0}};
}

/* --- verifying --- */

/* r and s of ECDSA side by side. */
static bool join_halves(const EVP_PKEY *key, Bytes both, uint8_t *raw, size_t *length) {
    size_t half = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
    Bytes r, s;
    if (!ssh_take_number(&both, &r) || !ssh_take_number(&both, &s) || both.length) return false;
    if (r.length > half || s.length > half) return false;
    *length = 2 * half;
    memset(raw, 0, *length);
    memcpy(raw + half - r.length, r.data, r.length);
    memcpy(raw + *length - s.length, s.data, s.length);
    return true;
}

#define MAX_RAW 132 /* of P-521 */

/* The digest of an RSA signature, by its type; for other keys any text. NULL: not a type of the
 * key's. SHA-1, "ssh-rsa", is not one. */
static const char *check_type(const EVP_PKEY *key, Bytes type) {
    Failure ignored;
    if (is_rsa(key)) {
        return ssh_is_text(type, "rsa-sha2-512")   ? "sha512"
               : ssh_is_text(type, "rsa-sha2-256") ? "sha256"
                                                   : NULL;
    }
    const char *own = ssh_key_type(key, &ignored);
    return own && ssh_is_text(type, own) ? own : NULL;
}

static bool check_signature(EVP_PKEY *key, Bytes rest, Bytes message, bool *valid,
                            Failure *failure) {
    Bytes type, bytes;
    uint8_t raw[MAX_RAW];
    SignatureScheme scheme;
    if (!ssh_take_string(&rest, &type) || !ssh_take_string(&rest, &bytes) || rest.length) {
        return true;
    }
    const char *digest = check_type(key, type);
    if (!digest) return true;
    if (is_ecdsa(key)) {
        size_t length;
        if (!join_halves(key, bytes, raw, &length)) return true;
        bytes = (Bytes){raw, length};
    }
    return make_scheme(key, digest, &scheme, failure) &&
           signature_verify(key, &scheme, message, bytes, valid, failure);
}

static bool is_by(const EVP_PKEY *key, Bytes blob) {
    Failure ignored;
    EVP_PKEY *signer = ssh_key_read_public(blob, &ignored);
    bool same = signer && EVP_PKEY_eq(key, signer) == 1;
    EVP_PKEY_free(signer);
    ERR_clear_error();
    return same;
}

static bool check_parts(EVP_PKEY *key, Bytes data, const SshSignature *parts, bool *valid,
                        Failure *failure) {
    char digest[8] = "";
    memcpy(digest, parts->digest.data, parts->digest.length); /* "sha256" or "sha512" */
    BIO *message = BIO_new(BIO_s_mem());
    if (!message) return failure_set(failure, "out of memory");
    bool done = write_signed(message, data, parts->name_space, digest, failure) &&
                check_signature(key, parts->signature, ssh_written(message), valid, failure);
    BIO_free(message);
    return done;
}

bool ssh_signature_verify(EVP_PKEY *key, Bytes data, Bytes name_space, Bytes text, bool *valid,
                          Failure *failure) {
    SshSignature parts;
    Failure ignored;
    *valid = false;
    ERR_clear_error();
    if (!ssh_key_type(key, failure)) return false;
    if (!ssh_signature_read(text, &parts, &ignored)) return true;
    bool fits = parts.name_space.length == name_space.length &&
                !memcmp(parts.name_space.data, name_space.data, name_space.length);
    bool done = true;
    if (fits && is_by(key, parts.public_blob)) {
        done = check_parts(key, data, &parts, valid, failure);
    }
    ssh_signature_free(&parts);
    ERR_clear_error();
    return done;
}

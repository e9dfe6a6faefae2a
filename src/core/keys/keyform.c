#define _GNU_SOURCE /* memmem */
#include "core/keys/keyform.h"

#include "core/keys/encoding.h"
#include "core/keys/keys.h"
#include "core/keys/legacy_key.h"
#include "core/keys/openssh.h"
#include "core/keys/pem.h"
#include "core/keys/pem_lines.h"
#include "core/keys/quantum_key.h"
#include "core/keys/stored_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <string.h>

static bool contains(Bytes data, const char *text) {
    return memmem(data.data, data.length, text, strlen(text));
}

static EVP_PKEY *read_either(Bytes data, Bytes password, bool *is_private, Failure *failure) {
    bool pem = encoding_is_pem(data);
    Failure ignored;
    bool names_public = contains(data, "PUBLIC KEY-----") || contains(data, "CERTIFICATE-----");
    *is_private = !pem || !names_public || contains(data, "PRIVATE KEY-----");
    if (!*is_private) return keys_public_content(data, failure);
    EVP_PKEY *key = keys_private_content(data, password, failure);
    if (key || pem) return key;
    /* DER does not mark private and public keys: try both. If both fail, report the first
     * failure. */
    key = keys_public_content(data, &ignored);
    *is_private = !key;
    return key;
}

/* OpenSSL parses an even modulus, which can not be one of RSA. */
static bool is_sound(const EVP_PKEY *key, Failure *failure) {
    BIGNUM *modulus = NULL;
    if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "RSA-PSS")) return true;
    bool sound = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) && BN_is_odd(modulus);
    BN_free(modulus);
    return sound || failure_set(failure, "not a usable key: its RSA modulus is even");
}

static EVP_PKEY *read_content(Bytes data, Bytes password, bool *is_private, Failure *failure) {
    EVP_PKEY *key = read_either(data, password, is_private, failure);
    if (!key || is_sound(key, failure)) return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *read_old_content(Bytes data, Bytes password, bool *is_private, Failure *failure) {
    PemSource mended, plain;
    EVP_PKEY *key = NULL;
    if (!pem_lines_mend(&data, &mended, failure)) return NULL;
    if (!password.data || !legacy_is_encrypted(data)) {
        key = read_content(data, password, is_private, failure);
    } else if (legacy_decrypt_key(data, password, &plain, failure)) {
        Bytes der = {plain.bytes, plain.length};
        key = read_content(der, (Bytes){NULL, 0}, is_private, failure);
        pem_free(&plain);
    }
    pem_free(&mended);
    return key;
}

static EVP_PKEY *read_stored(Bytes uri, Bytes password, Failure *failure) {
    EVP_PKEY *key = stored_key_load(uri, password, true, failure);
    if (!key || !stored_key_stays(key)) return key;
    failure_set(failure, "the key stays in its store: give its URI to the functions that sign");
    EVP_PKEY_free(key);
    return NULL;
}

EVP_PKEY *keyform_read(Bytes source, Bytes password, bool with_legacy, bool *is_private,
                       Failure *failure) {
    PemSource owned;
    *is_private = true;
    if (stored_key_is_uri(source)) return read_stored(source, password, failure);
    if (!pem_resolve(&source, "not a private key", &owned, failure)) return NULL;
    EVP_PKEY *key =
        (with_legacy ? read_old_content : read_content)(source, password, is_private, failure);
    pem_free(&owned);
    return key;
}

EVP_PKEY *keyform_read_half(Bytes source, Bytes password, bool wants_private, Failure *failure) {
    bool is_private;
    EVP_PKEY *key = keyform_read(source, password, false, &is_private, failure);
    if (!key || is_private || !wants_private) return key;
    failure_set(failure, "not a private key: only a public one");
    EVP_PKEY_free(key);
    return NULL;
}

static bool write_encrypted(BIO *bio, EVP_PKEY *key, bool pem, const KeyEncryption *encryption,
                            Failure *failure) {
    PKCS8_PRIV_KEY_INFO *plain = NULL;
    X509_SIG *encrypted = NULL;
    bool written = false;
    X509_ALGOR *pbe = pbe_new(encryption->cipher, encryption->iterations, failure);
    if (!pbe) return false;
    plain = EVP_PKEY2PKCS8(key);
    if (plain) {
        encrypted = PKCS8_set0_pbe((const char *)encryption->password.data,
                                   (int)encryption->password.length, plain, pbe);
    }
    if (encrypted) {
        written = pem ? PEM_write_bio_PKCS8(bio, encrypted) : i2d_PKCS8_bio(bio, encrypted);
    } else {
        X509_ALGOR_free(pbe); /* on success the result owns it */
    }
    X509_SIG_free(encrypted);
    PKCS8_PRIV_KEY_INFO_free(plain);
    return written || failure_openssl(failure, "private key not encrypted");
}

static bool write_plain(BIO *bio, EVP_PKEY *key, bool pem, Failure *failure) {
    bool written = pem ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                       : i2d_PKCS8PrivateKeyInfo_bio(bio, key);
    return written || failure_openssl(failure, "private key not written");
}

static bool write_traditional(BIO *bio, EVP_PKEY *key, bool pem, Failure *failure) {
    if (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC") && !EVP_PKEY_is_a(key, "DSA")) {
        return failure_set(failure,
                           "key not written: %s keys have no traditional form: take :pkcs8",
                           keys_type(key));
    }
    bool written = pem ? PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL)
                       : i2d_PrivateKey_bio(bio, key);
    return written || failure_openssl(failure, "private key not written");
}

static bool write_public(BIO *bio, EVP_PKEY *key, KeyForm form, Failure *failure) {
    if (form != KEYFORM_PEM && form != KEYFORM_DER) {
        return failure_set(failure, "key not written: it is a public key: take :pem or :der");
    }
    bool written = form == KEYFORM_PEM ? PEM_write_bio_PUBKEY(bio, key) : i2d_PUBKEY_bio(bio, key);
    return written || failure_openssl(failure, "public key not written");
}

static bool write_key(BIO *bio, EVP_PKEY *key, bool is_private, KeyForm form,
                      const KeyEncryption *encryption, Failure *failure) {
    bool encrypts = encryption->password.data;
    bool pem = form == KEYFORM_PEM || form == KEYFORM_PKCS8 || form == KEYFORM_TRADITIONAL;
    bool traditional = form == KEYFORM_TRADITIONAL || form == KEYFORM_TRADITIONAL_DER;
    if (encrypts && (!is_private || traditional)) {
        return failure_set(failure,
                           "key not encrypted: only private keys in PKCS#8 or OpenSSH's form are");
    }
    if (encrypts && !pbe_is_password(encryption->password, failure)) return false;
    if (form == KEYFORM_OPENSSH) {
        const OpensshWriting writing = {encryption->comment, encryption->password};
        return openssh_write(key, is_private, &writing, bio, failure);
    }
    if (!is_private) return write_public(bio, key, form, failure);
    if (traditional) return write_traditional(bio, key, pem, failure);
    if (encrypts) return write_encrypted(bio, key, pem, encryption, failure);
    return write_plain(bio, key, pem, failure);
}

uint8_t *keyform_write(EVP_PKEY *key, bool is_private, KeyForm form,
                       const KeyEncryption *encryption, size_t *length, Failure *failure) {
    ERR_clear_error();
    BIO *bio = BIO_new(BIO_s_secmem()); /* cleanses what it frees */
    uint8_t *copy = NULL;
    if (!bio) {
        failure_openssl(failure, "key not written");
    } else if (write_key(bio, key, is_private, form, encryption, failure)) {
        char *bytes;
        *length = (size_t)BIO_get_mem_data(bio, &bytes);
        copy = OPENSSL_memdup(bytes, *length);
        if (!copy) failure_set(failure, "out of memory");
    }
    BIO_free(bio);
    ERR_clear_error();
    return copy;
}

/* False when out of memory. */
static bool read_encrypted(Bytes data, KeyFormInfo *info, Failure *failure) {
    if (!pbe_read_key(data, &info->scheme, failure)) return false;
    bool has_headers = encoding_is_pem(data) && contains(data, "Proc-Type: 4,ENCRYPTED");
    info->encrypted = has_headers || info->scheme.scheme[0];
    const char *type = !has_headers                              ? ""
                       : contains(data, "BEGIN RSA PRIVATE KEY") ? "rsa"
                       : contains(data, "BEGIN EC PRIVATE KEY")  ? "ec"
                       : contains(data, "BEGIN DSA PRIVATE KEY") ? "dsa"
                                                                 : "";
    strncpy(info->facts.type, type, sizeof info->facts.type - 1);
    return true;
}

static bool read_openssh(Bytes data, KeyFormInfo *info, Failure *failure) {
    OpensshFacts facts;
    bool read = openssh_facts(data, &facts, failure);
    info->is_private = true;
    info->encrypted = read && strcmp(facts.cipher, "none");
    if (info->encrypted) {
        snprintf(info->scheme.cipher, sizeof info->scheme.cipher, "%s", facts.cipher);
        snprintf(info->scheme.kdf, sizeof info->scheme.kdf, "%s", facts.kdf);
    }
    if (read) keyfacts_of(facts.public_key, &info->facts);
    EVP_PKEY_free(facts.public_key);
    return read;
}

static bool read_info(Bytes data, Bytes password, bool with_legacy, KeyFormInfo *info,
                      Failure *failure) {
    bool read = openssh_is_private(data) ? read_openssh(data, info, failure)
                                         : read_encrypted(data, info, failure);
    if (!read) return false;
    info->is_private = true;
    if (info->encrypted && !password.data) return true;
    EVP_PKEY *key =
        (with_legacy ? read_old_content : read_content)(data, password, &info->is_private, failure);
    if (key) keyfacts_of(key, &info->facts);
    info->has_seed = key && quantum_key_has_seed(key);
    EVP_PKEY_free(key);
    return key;
}

static bool mend_and_read(Bytes data, Bytes password, bool with_legacy, KeyFormInfo *info,
                          Failure *failure) {
    PemSource mended;
    if (!pem_lines_mend(&data, &mended, failure)) return false;
    bool read = read_info(data, password, with_legacy, info, failure);
    pem_free(&mended);
    return read;
}

bool keyform_info(Bytes source, Bytes password, bool with_legacy, KeyFormInfo *info,
                  Failure *failure) {
    PemSource owned;
    memset(info, 0, sizeof *info);
    if (!pem_resolve(&source, "not a private key", &owned, failure)) return false;
    bool read = mend_and_read(source, password, with_legacy, info, failure);
    pem_free(&owned);
    ERR_clear_error();
    return read;
}

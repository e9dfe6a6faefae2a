#define _GNU_SOURCE /* memmem */
#include "core/keys/pem.h"

#include "core/keys/legacy.h"
#include "core/keys/openssh.h"
#include "core/keys/pbe.h"
#include "core/keys/pem_blocks.h"
#include "core/keys/pem_foreign.h"
#include "core/keys/pem_lines.h"
#include "core/keys/pkcs8.h"
#include "core/keys/quantum_key.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

bool pem_explain(Bytes data, const char *label, Failure *failure) {
    char marker[64];
    bool pem = encoding_is_pem(data);
    snprintf(marker, sizeof marker, "%s-----", label);
    if (!data.length) return failure_set(failure, "empty");
    if (!pem && *data.data != 0x30) return failure_set(failure, "neither PEM nor DER");
    if (pem && !memmem(data.data, data.length, marker, strlen(marker))) {
        return failure_set(failure, "no %s block in the PEM", label);
    }
    if (!ERR_peek_error()) return failure_set(failure, "damaged, or cut off");
    return failure_openssl(failure, "damaged");
}

/* For OpenSSL's question for the password of a key; without a callback it prompts on the
 * terminal. */
typedef struct Passphrase {
    Bytes password;
    bool asked, too_long;
} Passphrase;

static int answer_passphrase(char *buffer, int size, int writing, void *arg) {
    (void)writing;
    Passphrase *phrase = arg;
    phrase->asked = true;
    if (!phrase->password.data) return -1;
    phrase->too_long = phrase->password.length > (size_t)size;
    if (phrase->too_long) return -1;
    memcpy(buffer, phrase->password.data, phrase->password.length);
    return (int)phrase->password.length;
}

/* OpenSSL decodes the first PEM block only, and files hold other blocks before the key:
 * certificates, "EC PARAMETERS". Returns the data from the first block whose label ends in
 * `label`, or all. */
static Bytes find_block(Bytes data, const char *label) {
    const uint8_t *at = data.data, *end = data.data + data.length;
    size_t length = strlen(label);
    while ((at = memmem(at, (size_t)(end - at), ENCODING_BEGIN, sizeof ENCODING_BEGIN - 1))) {
        const uint8_t *name = at + sizeof ENCODING_BEGIN - 1;
        const uint8_t *dashes = memmem(name, (size_t)(end - name), "-----", 5);
        if (!dashes) break;
        if ((size_t)(dashes - name) >= length && !memcmp(dashes - length, label, length)) {
            return (Bytes){at, (size_t)(end - at)};
        }
        at = dashes;
    }
    return data;
}

/* Other bytes are refused first: OpenSSL would try each of its decoders, a second for a
 * megabyte. */
static EVP_PKEY *decode_key(Bytes data, int selection, const char *structure, Passphrase *phrase) {
    EVP_PKEY *key = NULL;
    if (!encoding_is_pem(data) && !encoding_is_der(data)) return NULL;
    OSSL_DECODER_CTX *decoder =
        OSSL_DECODER_CTX_new_for_pkey(&key, NULL, structure, NULL, selection, NULL, NULL);
    if (!decoder) return NULL;
    OSSL_DECODER_CTX_set_pem_password_cb(decoder, answer_passphrase, phrase);
    const unsigned char *at = data.data;
    size_t left = data.length;
    bool decoded = OSSL_DECODER_from_data(decoder, &at, &left);
    OSSL_DECODER_CTX_free(decoder);
    if (decoded) return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* The password may be right: OpenSSL says the same of ciphers that it does not offer. */
static void explain_decryption(Bytes data, Failure *failure) {
    static const char cure[] = "load it with (crypto/load-key key password {:legacy true})";
    PbeFacts facts;
    if (!pbe_read_key(data, &facts, failure)) return;
    if (legacy_explain(&facts, cure, failure)) {
        failure_prefix(failure, "private key not decrypted");
    } else {
        failure_set(failure, "private key is encrypted: wrong password or damaged key");
    }
}

static void explain_key(Bytes data, const Passphrase *phrase, Failure *failure) {
    if (phrase->too_long) {
        failure_set(failure, "password too long, at most %d bytes", PEM_BUFSIZE);
    } else if (phrase->asked && !phrase->password.data) {
        failure_set(failure, "private key is encrypted: give its password");
    } else if (phrase->asked) {
        explain_decryption(data, failure);
    } else if (!encoding_is_pem(data) && !encoding_is_der(data)) {
        failure_set(failure, "not a private key: neither PEM nor DER");
    } else if (encoding_is_pem(data) && !memmem(data.data, data.length, "PRIVATE KEY-----", 16)) {
        failure_set(failure, "not a private key: no PRIVATE KEY block in the PEM");
    } else if (!quantum_key_explain(data, failure)) {
        /* clearer than OpenSSL's reason, "No supported data to decode" */
        failure_set(failure, "not a private key: damaged, or of a kind that OpenSSL does not know");
    }
    ERR_clear_error();
}

static EVP_PKEY *read_private_key(Bytes data, Bytes password, Failure *failure) {
    if (password.data && !pbe_key_is_affordable(data, failure)) return NULL;
    Passphrase phrase = {.password = password};
    if (openssh_is_private(data)) return openssh_read_private(data, password, failure);
    EVP_PKEY *key;
    if (!pkcs8_read(data, password, &key, failure) || key) return key;
    key = decode_key(find_block(data, "PRIVATE KEY"), EVP_PKEY_KEYPAIR, NULL, &phrase);
    if (!key) explain_key(data, &phrase, failure);
    return key;
}

/* OpenSSL frees the DER that it has decrypted or decoded without clearing it. The allocator gives
 * the last block of a size that was freed; OpenSSL's buffers are up to a third larger than the
 * DER. */
static void clear_decoded(const EVP_PKEY *key) {
    int length = i2d_PrivateKey(key, NULL);
    for (int size = length; length > 0 && size <= length + length / 3 + 64; size += 16) {
        OPENSSL_clear_free(OPENSSL_malloc((size_t)size), (size_t)size);
    }
}

EVP_PKEY *pem_private_key(Bytes data, Bytes password, Failure *failure) {
    PemSource mended;
    ERR_clear_error();
    if (!pem_lines_mend(&data, &mended, failure)) return NULL;
    EVP_PKEY *key = read_private_key(data, password, failure);
    if (key) clear_decoded(key);
    pem_free(&mended);
    ERR_clear_error();
    return key;
}

static EVP_PKEY *read_public_key(Bytes data, Failure *failure) {
    Passphrase phrase = {.password = {NULL, 0}};
    if (openssh_is_public(data) || openssh_is_private(data)) {
        return openssh_read_public(data, failure);
    }
    EVP_PKEY *key = decode_key(find_block(data, "PUBLIC KEY"), EVP_PKEY_PUBLIC_KEY, NULL, &phrase);
    if (!key) key = decode_key(find_block(data, "PRIVATE KEY"), EVP_PKEY_KEYPAIR, NULL, &phrase);
    Failure ignored;
    if (!key && !phrase.asked) pkcs8_read(data, phrase.password, &key, &ignored);
    if (!key && !phrase.asked) {
        X509 *certificate = pem_certificate(data, &ignored);
        if (certificate) key = X509_get_pubkey(certificate);
        X509_free(certificate);
    }
    if (!key && phrase.asked) failure_set(failure, "private key is encrypted: load it first");
    if (!key && !phrase.asked && !quantum_key_explain(data, failure)) {
        bool known = encoding_is_pem(data) || encoding_is_der(data);
        failure_set(failure, "not a public key, certificate or private key: %s",
                    known ? "damaged, or of a kind not known here" : "neither PEM nor DER");
    }
    return key;
}

EVP_PKEY *pem_public_key(Bytes data, Failure *failure) {
    PemSource mended;
    ERR_clear_error();
    if (!pem_lines_mend(&data, &mended, failure)) return NULL;
    EVP_PKEY *key = read_public_key(data, failure);
    pem_free(&mended);
    ERR_clear_error();
    return key;
}

/* Without this, PEM_read_bio_X509 prompts on the terminal for the password of an encrypted
 * block. */
static int no_passphrase(char *buffer, int size, int writing, void *arg) {
    (void)buffer, (void)size, (void)writing, (void)arg;
    return -1;
}

static bool is_end_of_input(void) {
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static bool push_pem(STACK_OF(X509) * into, Bytes data) {
    BIO *bio = BIO_new_mem_buf(data.data, (int)data.length);
    if (!bio) return false;
    X509 *certificate;
    bool pushed = true;
    while (pushed && (certificate = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL))) {
        pushed = sk_X509_push(into, certificate) > 0;
        if (!pushed) X509_free(certificate);
    }
    BIO_free(bio);
    bool ended = is_end_of_input();
    if (ended) ERR_clear_error();
    return pushed && ended;
}

/* Certificates may follow each other; other bytes may not. */
static bool push_der(STACK_OF(X509) * into, Bytes data) {
    const unsigned char *at = data.data, *end = at + data.length;
    while (at < end) {
        X509 *certificate = d2i_X509(NULL, &at, (long)(end - at));
        if (!certificate || sk_X509_push(into, certificate) <= 0) {
            X509_free(certificate);
            return false;
        }
    }
    return true;
}

/* `number` certificates were read; the next one failed. */
static void explain_certificates(Bytes data, int number, Failure *failure) {
    bool pem = encoding_is_pem(data);
    bool single = !number && pem_blocks_missed(data, "CERTIFICATE", 1) <= 1;
    if (ERR_peek_error() && (pem || encoding_is_der(data))) {
        (void)(single ? failure_openssl(failure, "not a certificate")
                      : failure_openssl(failure, "not a certificate: number %d", number + 1));
    } else if (pem && !single) {
        failure_set(failure, "not a certificate: number %d: empty or damaged", number + 1);
    } else if (pem && !pem_foreign_check(data, failure)) {
        failure_prefix(failure, "not a certificate");
    } else {
        failure_set(failure, "not a certificate: %s",
                    pem ? "no CERTIFICATE block in the PEM" : "neither PEM nor DER");
    }
}

/* OpenSSL skips a block with a damaged BEGIN line, and what follows the last one. */
static bool check_rest(Bytes data, const char *word, int read, Failure *failure) {
    int missed = pem_blocks_missed(data, word, read);
    if (!missed) return pem_foreign_check(data, failure);
    return failure_set(failure,
                       "number %d was not read: its BEGIN or END line is damaged, or it is not PEM",
                       missed);
}

/* `data` is what the caller gave, `mended` the same with good lines. */
static STACK_OF(X509) * read_certificates(Bytes data, Bytes mended, Failure *failure) {
    STACK_OF(X509) *all = sk_X509_new_null();
    bool pem = encoding_is_pem(data);
    bool parsed = all && (pem ? push_pem(all, mended) : push_der(all, mended));
    if (!parsed || !sk_X509_num(all)) {
        explain_certificates(data, all ? sk_X509_num(all) : 0, failure);
    } else if (!pem || check_rest(data, "CERTIFICATE", sk_X509_num(all), failure)) {
        return all;
    } else {
        failure_prefix(failure, "not a certificate");
    }
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

STACK_OF(X509) * pem_certificates(Bytes data, Failure *failure) {
    PemSource owned;
    Bytes mended = data;
    ERR_clear_error();
    if (data.length > PEM_MAX_SIZE) {
        failure_set(failure, "not a certificate: larger than 16 MB");
        return NULL;
    }
    if (!pem_lines_mend(&mended, &owned, failure)) return NULL;
    STACK_OF(X509) *all = read_certificates(data, mended, failure);
    pem_free(&owned);
    ERR_clear_error();
    return all;
}

X509 *pem_certificate(Bytes data, Failure *failure) {
    STACK_OF(X509) *all = pem_certificates(data, failure);
    if (!all) return NULL;
    X509 *first = sk_X509_shift(all);
    sk_X509_pop_free(all, X509_free);
    return first;
}

STACK_OF(X509) * pem_load_certificates(Bytes source, bool *is_pem, Failure *failure) {
    PemSource owned;
    if (!pem_resolve(&source, "not a certificate", &owned, failure)) return NULL;
    if (is_pem) *is_pem = encoding_is_pem(source);
    STACK_OF(X509) *all = pem_certificates(source, failure);
    pem_free(&owned);
    return all;
}

X509 *pem_load_certificate(Bytes source, Failure *failure) {
    STACK_OF(X509) *all = pem_load_certificates(source, NULL, failure);
    if (!all) return NULL;
    X509 *first = sk_X509_shift(all);
    sk_X509_pop_free(all, X509_free);
    return first;
}

static bool push_crl(STACK_OF(X509_CRL) * into, X509_CRL *crl) {
    if (crl && sk_X509_CRL_push(into, crl) > 0) return true;
    X509_CRL_free(crl);
    return false;
}

/* Lists may follow each other; other bytes may not. */
static bool push_der_crls(STACK_OF(X509_CRL) * into, Bytes data) {
    const unsigned char *at = data.data, *end = at + data.length;
    bool pushed = at < end;
    while (pushed && at < end) pushed = push_crl(into, d2i_X509_CRL(NULL, &at, (long)(end - at)));
    return pushed;
}

/* OpenSSL's own function ignores bytes behind the list, which may be another one. */
static X509_CRL *read_pem_crl(BIO *bio) {
    unsigned char *der = NULL;
    long length;
    if (!PEM_bytes_read_bio(&der, &length, NULL, PEM_STRING_X509_CRL, bio, no_passphrase, NULL))
        return NULL;
    const unsigned char *at = der;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, length);
    if (crl && at != der + length) {
        ERR_raise(ERR_LIB_ASN1, ASN1_R_TOO_LONG);
        X509_CRL_free(crl);
        crl = NULL;
    }
    OPENSSL_free(der);
    return crl;
}

static bool push_pem_crls(STACK_OF(X509_CRL) * into, Bytes data) {
    BIO *bio = BIO_new_mem_buf(data.data, (int)data.length);
    X509_CRL *crl;
    int before = sk_X509_CRL_num(into);
    bool pushed = bio;
    while (pushed && (crl = read_pem_crl(bio))) pushed = push_crl(into, crl);
    BIO_free(bio);
    return pushed && is_end_of_input() && sk_X509_CRL_num(into) > before;
}

static bool add_crls(STACK_OF(X509_CRL) * into, Bytes data, Bytes mended, Failure *failure) {
    int before = sk_X509_CRL_num(into);
    bool pem = encoding_is_pem(data);
    bool added = pem ? push_pem_crls(into, mended) : push_der_crls(into, mended);
    if (!added) return pem_explain(data, "CRL", failure) || failure_prefix(failure, "not a CRL");
    return !pem || check_rest(data, "CRL", sk_X509_CRL_num(into) - before, failure) ||
           failure_prefix(failure, "not a CRL");
}

bool pem_add_crls(STACK_OF(X509_CRL) * into, Bytes data, Failure *failure) {
    PemSource owned;
    Bytes mended = data;
    ERR_clear_error();
    if (data.length > PEM_MAX_SIZE) return failure_set(failure, "not a CRL: larger than 16 MB");
    if (!pem_lines_mend(&mended, &owned, failure)) return false;
    bool added = add_crls(into, data, mended, failure);
    pem_free(&owned);
    ERR_clear_error();
    return added;
}

bool pem_load_crls(STACK_OF(X509_CRL) * into, Bytes source, Failure *failure) {
    PemSource owned;
    if (!pem_resolve(&source, "not a CRL", &owned, failure)) return false;
    bool added = pem_add_crls(into, source, failure);
    pem_free(&owned);
    return added;
}

char *pem_of_certificate(const X509 *certificate, size_t *length) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *copy = NULL, *text = NULL;
    if (bio && PEM_write_bio_X509(bio, certificate)) {
        long size = BIO_get_mem_data(bio, &text);
        copy = OPENSSL_memdup(text, (size_t)size);
        *length = copy ? (size_t)size : 0;
    }
    BIO_free(bio);
    return copy;
}

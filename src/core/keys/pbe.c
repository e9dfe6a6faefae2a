#define _GNU_SOURCE /* memmem */
#include "core/keys/pbe.h"

#include "core/keys/encoding.h"
#include "core/openssl.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

static void copy_name(char *into, size_t size, const ASN1_OBJECT *object) {
    int nid = OBJ_obj2nid(object);
    if (nid == NID_undef) {
        if (OBJ_obj2txt(into, (int)size, object, 1) <= 0) *into = 0;
        return;
    }
    strncpy(into, OBJ_nid2sn(nid), size - 1);
    into[size - 1] = 0;
}

static void *unpack_parameters(const X509_ALGOR *algorithm, const ASN1_ITEM *item) {
    int type;
    const void *value;
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    return type == V_ASN1_SEQUENCE ? ASN1_item_unpack(value, item) : NULL;
}

int64_t pbe_iterations(const ASN1_INTEGER *number) {
    int64_t iterations;
    if (number && ASN1_INTEGER_get_int64(&iterations, number)) return iterations;
    return INT64_MAX; /* missing, or does not fit */
}

/* OpenSSL limits the memory of scrypt, 128 * N * r, but not the passes p over it: 32 MB can take
 * hours. */
static void read_scrypt(const X509_ALGOR *algorithm, PbeFacts *facts) {
#ifndef OPENSSL_NO_SCRYPT
    SCRYPT_PARAMS *parameters = unpack_parameters(algorithm, ASN1_ITEM_rptr(SCRYPT_PARAMS));
    if (!parameters) return;
    int64_t n = pbe_iterations(parameters->costParameter);
    int64_t r = pbe_iterations(parameters->blockSize);
    int64_t p = pbe_iterations(parameters->parallelizationParameter);
    bool small = n > 0 && r > 0 && p > 0 && n <= PBE_MAX_SCRYPT && r <= PBE_MAX_SCRYPT / n &&
                 p <= PBE_MAX_SCRYPT / n / r;
    facts->scrypt = small ? n * r * p : INT64_MAX;
    SCRYPT_PARAMS_free(parameters);
#endif
}

static void read_prf(const PBKDF2PARAM *parameters, PbeFacts *facts) {
    const ASN1_OBJECT *object;
    int digest = NID_sha1; /* the default of RFC 8018, A.2 */
    if (parameters->prf) {
        X509_ALGOR_get0(&object, NULL, NULL, parameters->prf);
        if (!EVP_PBE_find(EVP_PBE_TYPE_PRF, OBJ_obj2nid(object), NULL, &digest, NULL)) return;
    }
    copy_name(facts->digest, sizeof facts->digest, OBJ_nid2obj(digest));
}

static void read_kdf(const X509_ALGOR *algorithm, PbeFacts *facts) {
    const ASN1_OBJECT *object;
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    copy_name(facts->kdf, sizeof facts->kdf, object);
    if (OBJ_obj2nid(object) == NID_id_scrypt) read_scrypt(algorithm, facts);
    if (OBJ_obj2nid(object) != NID_id_pbkdf2) return;
    PBKDF2PARAM *parameters = unpack_parameters(algorithm, ASN1_ITEM_rptr(PBKDF2PARAM));
    if (parameters) facts->iterations = pbe_iterations(parameters->iter);
    if (parameters) read_prf(parameters, facts);
    PBKDF2PARAM_free(parameters);
}

static void read_pbes2(const X509_ALGOR *algorithm, PbeFacts *facts) {
    PBE2PARAM *parameters = unpack_parameters(algorithm, ASN1_ITEM_rptr(PBE2PARAM));
    if (!parameters) return;
    const ASN1_OBJECT *cipher;
    X509_ALGOR_get0(&cipher, NULL, NULL, parameters->encryption);
    copy_name(facts->cipher, sizeof facts->cipher, cipher);
    read_kdf(parameters->keyfunc, facts);
    PBE2PARAM_free(parameters);
}

/* PBES1 and the schemes of PKCS#12: their names say it all. */
static void read_pbes1(const X509_ALGOR *algorithm, int scheme, PbeFacts *facts) {
    int cipher = NID_undef, digest = NID_undef;
    PBEPARAM *parameters = unpack_parameters(algorithm, ASN1_ITEM_rptr(PBEPARAM));
    if (parameters) facts->iterations = pbe_iterations(parameters->iter);
    PBEPARAM_free(parameters);
    if (!EVP_PBE_find(EVP_PBE_TYPE_OUTER, scheme, &cipher, &digest, NULL)) return;
    if (cipher > 0) copy_name(facts->cipher, sizeof facts->cipher, OBJ_nid2obj(cipher));
    if (digest > 0) copy_name(facts->digest, sizeof facts->digest, OBJ_nid2obj(digest));
}

#if OPENSSL_HAS_PBMAC1
static void read_pbmac1(const X509_ALGOR *algorithm, PbeFacts *facts) {
    PBMAC1PARAM *parameters = unpack_parameters(algorithm, ASN1_ITEM_rptr(PBMAC1PARAM));
    if (parameters) read_kdf(parameters->keyDerivationFunc, facts);
    PBMAC1PARAM_free(parameters);
}
#endif

void pbe_read(const X509_ALGOR *algorithm, PbeFacts *facts) {
    const ASN1_OBJECT *object;
    memset(facts, 0, sizeof *facts);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    copy_name(facts->scheme, sizeof facts->scheme, object);
    if (OBJ_obj2nid(object) == NID_pbes2) {
        read_pbes2(algorithm, facts);
#if OPENSSL_HAS_PBMAC1
    } else if (OBJ_obj2nid(object) == NID_pbmac1) {
        read_pbmac1(algorithm, facts);
#endif
    } else {
        read_pbes1(algorithm, OBJ_obj2nid(object), facts);
    }
    ERR_clear_error();
}

bool pbe_spend(const X509_ALGOR *algorithm, PbeBudget *budget, Failure *failure) {
    PbeFacts facts;
    pbe_read(algorithm, &facts);
    if (facts.scrypt > budget->scrypt) {
        return failure_set(failure,
                           "not decrypted: its scrypt would take too long: N * r * p is "
                           "more than %d",
                           PBE_MAX_SCRYPT);
    }
    budget->scrypt -= facts.scrypt;
    return pbe_spend_iterations(facts.iterations, budget, failure);
}

bool pbe_spend_iterations(int64_t iterations, PbeBudget *budget, Failure *failure) {
    if (iterations > budget->iterations) {
        return failure_set(failure, "not decrypted: more than %d iterations of its key derivation",
                           PBE_MAX_ITERATIONS);
    }
    if (iterations > 0) budget->iterations -= iterations;
    return true;
}

X509_ALGOR *pbe_new(const EVP_CIPHER *cipher, int iterations, Failure *failure) {
    if (!cipher) cipher = EVP_aes_256_cbc();
    /* a salt of 16 random bytes and a random IV */
    X509_ALGOR *pbe =
        PKCS5_pbe2_set_iv_ex(cipher, iterations, NULL, 16, NULL, NID_hmacWithSHA256, NULL);
    if (!pbe) failure_openssl(failure, "encryption not set up");
    return pbe;
}

static X509_SIG *read_block(const uint8_t *at, const uint8_t *end) {
    static char no_password[] = ""; /* or OpenSSL would ask the terminal */
    BIO *bio = BIO_new_mem_buf(at, (int)(end - at));
    X509_SIG *key = bio ? PEM_read_bio_PKCS8(bio, NULL, NULL, no_password) : NULL;
    BIO_free(bio);
    return key;
}

bool pbe_encrypted_key(Bytes data, X509_SIG **found, Failure *failure) {
    static const char label[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    X509_SIG *key = *found = NULL;
    const uint8_t *at = data.data;
    ERR_clear_error();
    if (data.length > INT32_MAX) return true;
    /* DER first, like OpenSSL's decoder: PEM may stand inside or behind it. */
    if (encoding_is_der(data)) key = d2i_X509_SIG(NULL, &at, (long)data.length);
    if (!key && (at = memmem(data.data, data.length, label, sizeof label - 1))) {
        const uint8_t *end = data.data + data.length;
        key = read_block(at, end);
        /* An empty block and a lack of memory can both leave no error: try again to tell them
         * apart. */
        if (!key && !ERR_peek_error()) key = read_block(at, end);
    }
    *found = key;
    bool ran_out = failure_of_memory(failure); /* clears the queue as well */
    return key || !ran_out;
}

/* "DEK-Info: DES-CBC,…" (RFC 1421, 4.6.1.3) */
static void read_headers(Bytes data, PbeFacts *facts) {
    static const char header[] = "DEK-Info:";
    const uint8_t *end = data.data + data.length;
    const uint8_t *at = memmem(data.data, data.length, header, sizeof header - 1);
    size_t length = 0;
    if (!at) return;
    at += sizeof header - 1;
    while (at < end && *at == ' ') at++;
    while (at < end && *at != ',' && *at > ' ' && length < sizeof facts->cipher - 1) {
        facts->cipher[length++] = (char)*at++;
    }
}

bool pbe_read_key(Bytes data, PbeFacts *facts, Failure *failure) {
    X509_SIG *key;
    memset(facts, 0, sizeof *facts);
    if (!pbe_encrypted_key(data, &key, failure)) return false;
    if (key) {
        const X509_ALGOR *algorithm;
        X509_SIG_get0(key, &algorithm, NULL);
        pbe_read(algorithm, facts);
    } else if (encoding_is_pem(data)) {
        read_headers(data, facts);
    }
    X509_SIG_free(key);
    return true;
}

bool pbe_key_is_affordable(Bytes data, Failure *failure) {
    X509_SIG *key;
    if (!pbe_encrypted_key(data, &key, failure)) return false;
    if (!key) return true;
    const X509_ALGOR *algorithm;
    X509_SIG_get0(key, &algorithm, NULL);
    PbeBudget budget = PBE_BUDGET;
    bool affordable = pbe_spend(algorithm, &budget, failure);
    X509_SIG_free(key);
    return affordable;
}

bool pbe_is_password(Bytes password, Failure *failure) {
    if (!password.length) return failure_set(failure, "password not usable: it is empty");
    if (password.length > PBE_MAX_PASSWORD_LENGTH) {
        return failure_set(failure, "password not usable: longer than %d bytes",
                           PBE_MAX_PASSWORD_LENGTH);
    }
    if (memchr(password.data, 0, password.length)) {
        return failure_set(failure, "password not usable: it holds a NUL byte");
    }
    return true;
}

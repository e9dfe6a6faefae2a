#include "core/keys/legacy_key.h"

#include "core/keys/legacy.h"
#include "core/keys/pbe.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

#define SALT_LENGTH 8 /* of EVP_BytesToKey: the start of the IV */

bool legacy_is_encrypted(Bytes data) {
    PbeFacts facts;
    Failure ignored;
    return pbe_read_key(data, &facts, &ignored) && (facts.scheme[0] || facts.cipher[0]);
}

static bool refuse(Failure *failure) {
    ERR_clear_error();
    return failure_set(failure, "private key is encrypted: wrong password or damaged key");
}

/* --- PKCS#8 --- */

static bool decrypt_pkcs8(const X509_SIG *sealed, Bytes password, PemSource *plain,
                          OSSL_LIB_CTX *context, Failure *failure) {
    PbeBudget budget = PBE_BUDGET;
    const X509_ALGOR *algorithm;
    X509_SIG_get0(sealed, &algorithm, NULL);
    if (!pbe_spend(algorithm, &budget, failure)) return false;
    PKCS8_PRIV_KEY_INFO *key =
        PKCS8_decrypt_ex(sealed, (const char *)password.data, (int)password.length, context, NULL);
    int length = key ? i2d_PKCS8_PRIV_KEY_INFO(key, &plain->bytes) : -1;
    PKCS8_PRIV_KEY_INFO_free(key);
    if (length <= 0) return refuse(failure);
    plain->length = (size_t)length;
    return true;
}

/* --- the older form: a cipher and its IV in a header of the PEM --- */

typedef struct Sealed {
    char *label, *header;
    unsigned char *bytes;
    long length;
} Sealed;

static void free_sealed(Sealed *sealed) {
    OPENSSL_free(sealed->label);
    OPENSSL_free(sealed->header);
    OPENSSL_free(sealed->bytes);
    *sealed = (Sealed){NULL, NULL, NULL, 0};
}

static bool find_sealed(Bytes data, Sealed *sealed) {
    BIO *bio = BIO_new_mem_buf(data.data, (int)data.length);
    *sealed = (Sealed){NULL, NULL, NULL, 0};
    while (bio &&
           PEM_read_bio(bio, &sealed->label, &sealed->header, &sealed->bytes, &sealed->length)) {
        if (strstr(sealed->header, "DEK-Info:")) break;
        free_sealed(sealed);
    }
    BIO_free(bio);
    return sealed->bytes;
}

/* The hexadecimal IV behind the comma. */
static bool read_iv(const char *header, uint8_t *iv, int length) {
    const char *at = strchr(strstr(header, "DEK-Info:"), ',');
    for (int i = 0; i < length; i++) {
        int high = at ? OPENSSL_hexchar2int((unsigned char)at[1 + 2 * i]) : -1;
        int low = high >= 0 ? OPENSSL_hexchar2int((unsigned char)at[2 + 2 * i]) : -1;
        if (low < 0) return false;
        iv[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool run_cipher(const EVP_CIPHER *cipher, const Sealed *sealed, Bytes password,
                       PemSource *plain) {
    uint8_t key[EVP_MAX_KEY_LENGTH], iv[EVP_MAX_IV_LENGTH];
    int first = 0, last = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    plain->length = (size_t)sealed->length + EVP_MAX_BLOCK_LENGTH;
    plain->bytes = OPENSSL_malloc(plain->length);
    bool opened =
        context && plain->bytes && EVP_CIPHER_get_iv_length(cipher) >= SALT_LENGTH &&
        read_iv(sealed->header, iv, EVP_CIPHER_get_iv_length(cipher)) &&
        EVP_BytesToKey(cipher, EVP_md5(), iv, password.data, (int)password.length, 1, key, NULL) &&
        EVP_DecryptInit_ex(context, cipher, NULL, key, iv) &&
        EVP_DecryptUpdate(context, plain->bytes, &first, sealed->bytes, (int)sealed->length) &&
        EVP_DecryptFinal_ex(context, plain->bytes + first, &last);
    OPENSSL_cleanse(key, sizeof key);
    EVP_CIPHER_CTX_free(context);
    if (opened) plain->length = (size_t)first + (size_t)last;
    return opened && encoding_is_der((Bytes){plain->bytes, plain->length});
}

static bool decrypt_sealed(Bytes data, const PbeFacts *facts, Bytes password, PemSource *plain,
                           OSSL_LIB_CTX *context, Failure *failure) {
    Sealed sealed;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, facts->cipher, NULL);
    bool opened = cipher && find_sealed(data, &sealed);
    if (opened) {
        opened = run_cipher(cipher, &sealed, password, plain);
        free_sealed(&sealed);
    }
    EVP_CIPHER_free(cipher);
    return opened || refuse(failure);
}

bool legacy_decrypt_key(Bytes data, Bytes password, PemSource *plain, Failure *failure) {
    PbeFacts facts;
    X509_SIG *sealed;
    bool opened = false;
    *plain = (PemSource){NULL, 0};
    OSSL_LIB_CTX *context = legacy_context(failure);
    if (!context || !pbe_read_key(data, &facts, failure) ||
        !pbe_encrypted_key(data, &sealed, failure)) {
        return false;
    }
    opened = sealed ? decrypt_pkcs8(sealed, password, plain, context, failure)
                    : decrypt_sealed(data, &facts, password, plain, context, failure);
    X509_SIG_free(sealed);
    ERR_clear_error();
    if (!opened) {
        OPENSSL_clear_free(plain->bytes, plain->length);
        *plain = (PemSource){NULL, 0};
    }
    return opened;
}

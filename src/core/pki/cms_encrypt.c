#define _GNU_SOURCE /* memmem */
#include "core/keys/pbe.h"
#include "core/pki/cms.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

/* OpenSSL's default digest of the EC key derivation is SHA-1. */
static bool set_transport(CMS_RecipientInfo *recipient, EVP_PKEY *key, bool oaep) {
    EVP_PKEY_CTX *context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
    if (!context) return false;
    if (EVP_PKEY_is_a(key, "EC")) {
        return EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) > 0;
    }
    if (!oaep || !EVP_PKEY_is_a(key, "RSA")) return true;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) > 0;
}

static bool add_recipient(CMS_ContentInfo *message, X509 *certificate, bool oaep,
                          Failure *failure) {
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    const char *type = key ? EVP_PKEY_get0_type_name(key) : NULL;
    if (!key || (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC"))) {
        ERR_clear_error();
        return failure_set(failure, "not encrypted: a recipient's key is %s, expected RSA or EC",
                           type ? type : "of an unknown kind");
    }
    CMS_RecipientInfo *recipient = CMS_add1_recipient_cert(message, certificate, CMS_KEY_PARAM);
    if (recipient && set_transport(recipient, key, oaep)) return true;
    return failure_openssl(failure, "not encrypted: recipient not added");
}

/* The key of the content is wrapped in CBC mode (RFC 3211); OpenSSL would take GCM too. */
static bool add_password(CMS_ContentInfo *message, const CmsEncrypting *encrypting,
                         Failure *failure) {
    Bytes password = encrypting->password;
    if (!password.data) return true;
    if (!pbe_is_password(password, failure)) return false;
    const EVP_CIPHER *wrap = EVP_CIPHER_get_mode(encrypting->cipher) == EVP_CIPH_CBC_MODE
                                 ? encrypting->cipher
                                 : EVP_aes_256_cbc();
    unsigned char *copy = OPENSSL_memdup(password.data, password.length);
    if (copy && CMS_add0_recipient_password(message, PBE_KEY_ITERATIONS, NID_id_alg_PWRI_KEK,
                                            NID_undef, copy, (ossl_ssize_t)password.length, wrap)) {
        return true; /* the message owns the copy */
    }
    OPENSSL_clear_free(copy, copy ? password.length : 0);
    return failure_openssl(failure, "not encrypted: recipient not added");
}

static bool add_recipients(CMS_ContentInfo *message, const CmsEncrypting *encrypting,
                           Failure *failure) {
    for (int i = 0; i < sk_X509_num(encrypting->recipients); i++) {
        X509 *certificate = sk_X509_value(encrypting->recipients, i);
        if (!add_recipient(message, certificate, encrypting->oaep, failure)) return false;
    }
    return add_password(message, encrypting, failure);
}

CMS_ContentInfo *cms_encrypt(Bytes data, const CmsEncrypting *encrypting, Failure *failure) {
    ERR_clear_error();
    unsigned int flags = encrypting->is_mime ? 0 : CMS_BINARY;
    BIO *bio = cms_reader(data, failure);
    if (!bio) return NULL;
    CMS_ContentInfo *message = CMS_encrypt(NULL, NULL, encrypting->cipher, flags | CMS_PARTIAL);
    bool made = (message || failure_openssl(failure, "not encrypted")) &&
                add_recipients(message, encrypting, failure) &&
                (CMS_final(message, bio, NULL, flags) || failure_openssl(failure, "not encrypted"));
    BIO_free(bio);
    if (made) return message;
    CMS_ContentInfo_free(message);
    return NULL;
}

static bool is_encrypted(CMS_ContentInfo *message) {
    int type = OBJ_obj2nid(CMS_get0_type(message));
    return type == NID_pkcs7_enveloped || type == NID_id_smime_ct_authEnvelopedData;
}

static bool is_agreement_for(CMS_RecipientInfo *recipient, X509 *certificate) {
    STACK_OF(CMS_RecipientEncryptedKey) *keys = CMS_RecipientInfo_kari_get0_reks(recipient);
    for (int i = 0; keys && i < sk_CMS_RecipientEncryptedKey_num(keys); i++) {
        CMS_RecipientEncryptedKey *key = sk_CMS_RecipientEncryptedKey_value(keys, i);
        if (!CMS_RecipientEncryptedKey_cert_cmp(key, certificate)) return true;
    }
    return false;
}

static bool is_message_for(CMS_ContentInfo *message, X509 *certificate) {
    STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(message);
    for (int i = 0; all && i < sk_CMS_RecipientInfo_num(all); i++) {
        CMS_RecipientInfo *recipient = sk_CMS_RecipientInfo_value(all, i);
        int type = CMS_RecipientInfo_type(recipient);
        if (type == CMS_RECIPINFO_TRANS &&
            !CMS_RecipientInfo_ktri_cert_cmp(recipient, certificate)) {
            return true;
        }
        if (type == CMS_RECIPINFO_AGREE && is_agreement_for(recipient, certificate)) return true;
    }
    return false;
}

static bool check_encrypted(CMS_ContentInfo *message, Failure *failure) {
    return is_encrypted(message) || failure_set(failure, "not an encrypted message");
}

/* With a NULL certificate, by the password that the message was given. */
static BIO *decrypt(CMS_ContentInfo *message, X509 *certificate, EVP_PKEY *key, Failure *failure) {
    BIO *plain = BIO_new(BIO_s_secmem()); /* cleanses what it frees */
    if (plain && CMS_decrypt(message, key, certificate, NULL, plain, CMS_BINARY) == 1) {
        ERR_clear_error();
        return plain;
    }
    failure_openssl(failure, "not decrypted");
    BIO_free(plain);
    return NULL;
}

BIO *cms_decrypt(CMS_ContentInfo *message, X509 *certificate, EVP_PKEY *key, Failure *failure) {
    ERR_clear_error();
    if (!check_encrypted(message, failure)) return NULL;
    if (X509_check_private_key(certificate, key) != 1) {
        ERR_clear_error();
        failure_set(failure, "not decrypted: the key does not match the certificate");
        return NULL;
    }
    if (!is_message_for(message, certificate)) {
        failure_set(failure, "not decrypted: the message is not for this certificate");
        return NULL;
    }
    return decrypt(message, certificate, key, failure);
}

/* OpenSSL does not show the key derivations of recipients: find them in the DER, as [0]
 * AlgorithmIdentifier, and add up their costs. */
static bool spend_derivations(const uint8_t *der, size_t length, Failure *failure) {
    static const uint8_t pbkdf2[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                     0xf7, 0x0d, 0x01, 0x05, 0x0c};
    PbeBudget budget = PBE_BUDGET;
    const uint8_t *at = der, *end = der + length;
    bool affordable = true;
    while (affordable && (at = memmem(at, (size_t)(end - at), pbkdf2, sizeof pbkdf2))) {
        const unsigned char *parameters = at += sizeof pbkdf2;
        PBKDF2PARAM *parsed = d2i_PBKDF2PARAM(NULL, &parameters, (long)(end - at));
        if (parsed) {
            affordable = pbe_spend_iterations(pbe_iterations(parsed->iter), &budget, failure);
        }
        PBKDF2PARAM_free(parsed);
    }
    ERR_clear_error();
    return affordable;
}

static bool is_affordable(CMS_ContentInfo *message, Failure *failure) {
    unsigned char *der = NULL;
    int length = i2d_CMS_ContentInfo(message, &der);
    if (length <= 0) return failure_openssl(failure, "not decrypted");
    bool affordable = spend_derivations(der, (size_t)length, failure);
    OPENSSL_free(der);
    return affordable;
}

static bool has_password(CMS_ContentInfo *message) {
    STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(message);
    for (int i = 0; all && i < sk_CMS_RecipientInfo_num(all); i++) {
        if (CMS_RecipientInfo_type(sk_CMS_RecipientInfo_value(all, i)) == CMS_RECIPINFO_PASS) {
            return true;
        }
    }
    return false;
}

BIO *cms_decrypt_by_password(CMS_ContentInfo *message, Bytes password, Failure *failure) {
    ERR_clear_error();
    if (!check_encrypted(message, failure)) return NULL;
    if (!has_password(message)) {
        failure_set(failure, "not decrypted: no password opens this message");
        return NULL;
    }
    if (!pbe_is_password(password, failure) || !is_affordable(message, failure)) return NULL;
    unsigned char *copy = OPENSSL_memdup(password.data, password.length);
    bool opened = copy && CMS_decrypt_set1_password(message, copy, (ossl_ssize_t)password.length);
    OPENSSL_clear_free(copy, password.length);
    if (opened) return decrypt(message, NULL, NULL, failure);
    ERR_clear_error();
    failure_set(failure, "not decrypted: wrong password or damaged data");
    return NULL;
}

#include "core/keys/pbe.h"
#include "core/pki/pkcs12.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/sha.h>
#include <string.h>

#define MAX_NAME_LENGTH 4096

/* By which Java's readers trust a certificate for any use. */
#define JAVA_TRUSTED "2.16.840.1.113894.746875.1.1"

typedef struct Writer {
    const Pkcs12Template *template;
    char *password; /* with a NUL */
    STACK_OF(PKCS12_SAFEBAG) * certificates, *keys;
    STACK_OF(PKCS7) * safes;
    Failure *failure;
} Writer;

static int choose_scheme(const Writer *writer) {
    return writer->template->is_legacy ? NID_pbe_WithSHA1And3_Key_TripleDES_CBC : NID_aes_256_cbc;
}

/* --- attributes --- */

/* UTF-16, with surrogates, which OpenSSL's own conversion lacks. -1: the text is not UTF-8. */
static int convert_name(Bytes name, uint8_t *units) {
    const uint8_t *at = name.data;
    size_t left = name.length;
    int used = 0;
    while (left) {
        unsigned long point;
        int n = UTF8_getc(at, left > 4 ? 4 : (int)left, &point);
        if (n <= 0 || point > 0x10ffff) return -1;
        unsigned long high = point, low = 0;
        if (point > 0xffff) {
            high = 0xd800 | (point - 0x10000) >> 10;
            low = 0xdc00 | ((point - 0x10000) & 0x3ff);
        }
        units[used++] = (uint8_t)(high >> 8);
        units[used++] = (uint8_t)high;
        if (low) {
            units[used++] = (uint8_t)(low >> 8);
            units[used++] = (uint8_t)low;
        }
        at += n;
        left -= (size_t)n;
    }
    return used;
}

static bool add_name(const Writer *writer, PKCS12_SAFEBAG *bag, size_t index) {
    uint8_t units[2 * MAX_NAME_LENGTH];
    if (index >= writer->template->name_count) return true;
    Bytes name = writer->template->names[index];
    int length = name.length <= MAX_NAME_LENGTH ? convert_name(name, units) : -1;
    if (length < 0) {
        return failure_set(writer->failure,
                           "bundle not made: its friendly name is not UTF-8, or "
                           "longer than %d bytes",
                           MAX_NAME_LENGTH);
    }
    return PKCS12_add_friendlyname_uni(bag, units, length) ||
           failure_openssl(writer->failure, "bundle not made");
}

/* Readers find the certificate of a key by it. */
static bool add_key_id(const Writer *writer, PKCS12_SAFEBAG *bag) {
    unsigned char id[SHA_DIGEST_LENGTH];
    unsigned int length;
    const X509 *certificate = sk_X509_value(writer->template->certificates, 0);
    return (X509_digest(certificate, EVP_sha1(), id, &length) &&
            PKCS12_add_localkeyid(bag, id, (int)length)) ||
           failure_openssl(writer->failure, "bundle not made");
}

static bool add_java_trust(const Writer *writer, PKCS12_SAFEBAG *bag) {
    const ASN1_OBJECT *any = OBJ_nid2obj(NID_anyExtendedKeyUsage);
    return PKCS12_add1_attr_by_txt(bag, JAVA_TRUSTED, V_ASN1_OBJECT, (const unsigned char *)any,
                                   -1) ||
           failure_openssl(writer->failure, "bundle not made");
}

/* --- bags --- */

/* The stack takes ownership of the bag, which may be NULL. */
static bool push_bag(Writer *writer, STACK_OF(PKCS12_SAFEBAG) * into, PKCS12_SAFEBAG *bag) {
    if (bag && sk_PKCS12_SAFEBAG_push(into, bag) > 0) return true;
    PKCS12_SAFEBAG_free(bag);
    return failure_openssl(writer->failure, "bundle not made");
}

static bool add_certificate(Writer *writer, int index) {
    X509 *certificate = sk_X509_value(writer->template->certificates, index);
    PKCS12_SAFEBAG *bag = PKCS12_SAFEBAG_create_cert(certificate);
    if (!push_bag(writer, writer->certificates, bag)) return false;
    bool is_store = !writer->template->key;
    bool is_own = !is_store && index == 0;
    return (!(is_own || is_store) || add_name(writer, bag, (size_t)index)) &&
           (!is_own || add_key_id(writer, bag)) && (!is_store || add_java_trust(writer, bag));
}

static bool add_key(Writer *writer) {
    const Pkcs12Template *template = writer->template;
    PKCS8_PRIV_KEY_INFO *key = EVP_PKEY2PKCS8(template->key);
    PKCS12_SAFEBAG *bag = NULL;
    if (key) {
        bag = PKCS12_SAFEBAG_create_pkcs8_encrypt_ex(choose_scheme(writer), writer->password,
                                                     (int)template->password.length, NULL, 0,
                                                     template->iterations, key, NULL, NULL);
    }
    PKCS8_PRIV_KEY_INFO_free(key);
    return push_bag(writer, writer->keys, bag) && add_name(writer, bag, 0) &&
           add_key_id(writer, bag);
}

/* --- the bundle --- */

static bool fill_safes(Writer *writer) {
    const Pkcs12Template *template = writer->template;
    for (int i = 0; i < sk_X509_num(template->certificates); i++) {
        if (!add_certificate(writer, i)) return false;
    }
    if (template->key && !add_key(writer)) return false;
    bool added = PKCS12_add_safe_ex(&writer->safes, writer->certificates, choose_scheme(writer),
                                    template->iterations, writer->password, NULL, NULL) &&
                 (!template->key ||
                  PKCS12_add_safe_ex(&writer->safes, writer->keys, -1, 0, NULL, NULL, NULL));
    return added || failure_openssl(writer->failure, "bundle not made");
}

static uint8_t *write_bundle(Writer *writer, size_t *length) {
    const Pkcs12Template *template = writer->template;
    const EVP_MD *digest = template->is_legacy ? EVP_sha1() : EVP_sha256();
    uint8_t *bytes = NULL;
    if (!fill_safes(writer)) return NULL;
    PKCS12 *pkcs12 = PKCS12_add_safes_ex(writer->safes, 0, NULL, NULL);
    int size = -1;
    if (pkcs12 &&
        PKCS12_set_mac(pkcs12, writer->password, -1, NULL, 0, template->iterations, digest)) {
        size = i2d_PKCS12(pkcs12, &bytes);
    }
    if (size < 0) failure_openssl(writer->failure, "bundle not made");
    *length = size < 0 ? 0 : (size_t)size;
    PKCS12_free(pkcs12);
    return size < 0 ? NULL : bytes;
}

static bool check_template(const Pkcs12Template *template, Failure *failure) {
    X509 *first = sk_X509_value(template->certificates, 0);
    if (!pbe_is_password(template->password, failure)) return false;
    if (!first) return failure_set(failure, "bundle not made: no certificate was given");
    if (template->name_count > (template->key ? 1 : (size_t)sk_X509_num(template->certificates))) {
        return failure_set(failure, "bundle not made: more friendly names than certificates");
    }
    if (!template->key || X509_check_private_key(first, template->key) == 1) return true;
    ERR_clear_error();
    return failure_set(failure, "bundle not made: the key does not match the certificate");
}

uint8_t *pkcs12_write(const Pkcs12Template *template, size_t *length, Failure *failure) {
    ERR_clear_error();
    if (!check_template(template, failure)) return NULL;
    Writer writer = {.template = template,
                     .password = OPENSSL_strndup((const char *)template->password.data,
                                                 template->password.length),
                     .certificates = sk_PKCS12_SAFEBAG_new_null(),
                     .keys = sk_PKCS12_SAFEBAG_new_null(),
                     .safes = sk_PKCS7_new_null(),
                     .failure = failure};
    uint8_t *bytes = NULL;
    if (writer.password && writer.certificates && writer.keys && writer.safes) {
        bytes = write_bundle(&writer, length);
    } else {
        failure_set(failure, "out of memory");
    }
    OPENSSL_clear_free(writer.password, writer.password ? template->password.length + 1 : 0);
    sk_PKCS12_SAFEBAG_pop_free(writer.certificates, PKCS12_SAFEBAG_free);
    sk_PKCS12_SAFEBAG_pop_free(writer.keys, PKCS12_SAFEBAG_free);
    sk_PKCS7_pop_free(writer.safes, PKCS7_free);
    ERR_clear_error();
    return bytes;
}

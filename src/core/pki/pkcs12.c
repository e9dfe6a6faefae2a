#include "core/pki/pkcs12.h"

#include "core/keys/legacy.h"
#include "core/keys/pbe.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <string.h>

#define MAX_DEPTH 4 /* bags within bags */
#define CURE "try {:legacy true}"

/* --- writing --- */

static char *copy_text(Bytes bytes) {
    char *text = OPENSSL_malloc(bytes.length + 1);
    if (!text) return NULL;
    if (bytes.length) memcpy(text, bytes.data, bytes.length);
    text[bytes.length] = 0;
    return text;
}

uint8_t *pkcs12_write(const Pkcs12 *bundle, Bytes password, int iterations, size_t *length,
                      Failure *failure) {
    ERR_clear_error();
    if (!pbe_is_password(password, failure)) return NULL;
    if (bundle->key && X509_check_private_key(bundle->certificate, bundle->key) != 1) {
        ERR_clear_error();
        failure_set(failure, "bundle not made: the key does not match the certificate");
        return NULL;
    }
    uint8_t *bytes = NULL;
    char *text = copy_text(password);
    PKCS12 *pkcs12 = NULL;
    if (text) {
        pkcs12 = PKCS12_create_ex(text, bundle->friendly_name, bundle->key, bundle->certificate,
                                  bundle->chain, NID_aes_256_cbc, NID_aes_256_cbc, iterations,
                                  iterations, 0, NULL, NULL);
    }
    int size = pkcs12 ? i2d_PKCS12(pkcs12, &bytes) : -1;
    if (size < 0) failure_openssl(failure, "bundle not made");
    *length = size < 0 ? 0 : (size_t)size;
    PKCS12_free(pkcs12);
    OPENSSL_clear_free(text, password.length + 1);
    ERR_clear_error();
    return bytes;
}

/* --- reading --- */

typedef struct Reader {
    Pkcs12 *bundle;
    const char *password; /* NULL is not the same as "" in PKCS#12 */
    int password_length;
    OSSL_LIB_CTX *library;
    PbeBudget budget; /* of the whole bundle, which may have any number of encrypted parts */
    char *key_name;
    STACK_OF(X509) * certificates;
    Failure *failure;
} Reader;

static PKCS12 *decode_bundle(Bytes data, const Reader *reader) {
    PKCS12 *pkcs12 = PKCS12_init_ex(NID_pkcs7_data, reader->library, NULL);
    const unsigned char *at = data.data;
    if (!pkcs12 || data.length > INT32_MAX) {
        PKCS12_free(pkcs12);
        return NULL;
    }
    return d2i_PKCS12(&pkcs12, &at, (long)data.length); /* frees it on failure */
}

static bool verify_mac(PKCS12 *pkcs12, Reader *reader, const char *password) {
    reader->password = password;
    return PKCS12_verify_mac(pkcs12, password, reader->password_length) == 1;
}

static bool spend_mac(const PKCS12 *pkcs12, Reader *reader) {
    const ASN1_INTEGER *iterations = NULL;
    const X509_ALGOR *algorithm = NULL;
    PKCS12_get0_mac(NULL, &algorithm, NULL, &iterations, pkcs12);
    if (iterations &&
        !pbe_spend_iterations(pbe_iterations(iterations), &reader->budget, reader->failure)) {
        return false;
    }
    return !algorithm || pbe_spend(algorithm, &reader->budget, reader->failure);
}

/* OpenSSL says the same of a digest that it does not offer as of a wrong password. */
static bool explain_mac(const PKCS12 *pkcs12, const Reader *reader) {
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *digest;
    char oid[64];
    PKCS12_get0_mac(NULL, &algorithm, NULL, NULL, pkcs12);
    X509_ALGOR_get0(&digest, NULL, NULL, algorithm);
    int nid = OBJ_obj2nid(digest);
    if (nid == NID_pbmac1 || OBJ_obj2txt(oid, sizeof oid, digest, 1) <= 0) return false;
    const char *name = nid == NID_undef ? oid : OBJ_nid2sn(nid);
    return legacy_explain_digest(name, CURE, reader->failure) &&
           !failure_prefix(reader->failure, "bundle not opened");
}

static bool check_mac(PKCS12 *pkcs12, Reader *reader, const Pkcs12Reading *reading) {
    const char *password = reader->password;
    if (!PKCS12_mac_present(pkcs12)) {
        return !reading->needs_mac ||
               failure_set(reader->failure, "bundle not opened: it has no MAC that would show "
                                            "changes: allow that with :require-mac false");
    }
    if (!spend_mac(pkcs12, reader)) return false;
    bool holds = password && *password
                     ? verify_mac(pkcs12, reader, password)
                     : verify_mac(pkcs12, reader, NULL) || verify_mac(pkcs12, reader, "");
    unsigned long error = ERR_peek_last_error();
    if (holds) return true;
    if (!reader->library && explain_mac(pkcs12, reader)) return false;
    if (error && ERR_GET_REASON(error) != PKCS12_R_MAC_GENERATION_ERROR &&
        ERR_GET_REASON(error) != PKCS12_R_MAC_VERIFY_FAILURE) {
        return failure_openssl(reader->failure, "bundle not opened");
    }
    return failure_set(reader->failure, "bundle not opened: wrong password or damaged data");
}

static bool explain_encryption(const X509_ALGOR *algorithm, const Reader *reader) {
    PbeFacts facts;
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    pbe_read(algorithm, &facts);
    if (!reader->library && legacy_explain(&facts, CURE, reader->failure)) {
        return failure_prefix(reader->failure, "bundle not opened");
    }
    return failure_set(reader->failure, "bundle not opened: decryption (%s%s%s) failed: %s",
                       facts.scheme, facts.cipher[0] ? " " : "", facts.cipher,
                       why ? why : "OpenSSL gave no reason");
}

static bool is_surrogate(unsigned long unit, unsigned long base) {
    return (unit & 0xfc00) == base;
}

static unsigned long get_unit(const uint8_t *bytes, int at) {
    return (unsigned long)(bytes[at] << 8 | bytes[at + 1]);
}

/* UTF-16 to UTF-8 with its NUL; invalid UTF-16 ends the text. OpenSSL 3.0.19's own conversion fails
 * for all that is not ASCII. */
static char *convert_bmp_string(const uint8_t *bytes, int length) {
    unsigned char *text =
        OPENSSL_zalloc((size_t)length / 2 * 3 + 1); /* three bytes a unit at most */
    unsigned char *end = text;
    for (int i = 0; text && i + 1 < length; i += 2) {
        unsigned long value = get_unit(bytes, i);
        unsigned long low = i + 3 < length ? get_unit(bytes, i + 2) : 0;
        if (is_surrogate(value, 0xd800) && is_surrogate(low, 0xdc00)) {
            value = 0x10000 + ((value & 0x3ff) << 10 | (low & 0x3ff));
            i += 2;
        }
        int n = UTF8_putc(end, 4, value);
        if (n <= 0 || !value) break;
        end += n;
    }
    return (char *)text;
}

/* The friendly name of the bag, NULL if it has none; false when out of memory. */
static bool read_name(const PKCS12_SAFEBAG *bag, char **name) {
    const ASN1_TYPE *attribute = PKCS12_SAFEBAG_get0_attr(bag, NID_friendlyName);
    *name = NULL;
    if (!attribute || attribute->type != V_ASN1_BMPSTRING) return true;
    const ASN1_STRING *text = attribute->value.bmpstring;
    *name = convert_bmp_string(ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
    return *name;
}

static bool take_key(Reader *reader, PKCS12_SAFEBAG *bag, const PKCS8_PRIV_KEY_INFO *key) {
    if (reader->bundle->key) return true; /* the first key counts */
    reader->bundle->key = EVP_PKCS82PKEY_ex(key, reader->library, NULL);
    if (!reader->bundle->key) return failure_openssl(reader->failure, "private key not readable");
    return read_name(bag, &reader->key_name) || failure_set(reader->failure, "out of memory");
}

static bool take_shrouded_key(Reader *reader, PKCS12_SAFEBAG *bag) {
    const X509_ALGOR *algorithm;
    X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
    if (reader->bundle->key) return true;
    if (!pbe_spend(algorithm, &reader->budget, reader->failure)) return false;
    PKCS8_PRIV_KEY_INFO *key = PKCS12_decrypt_skey_ex(
        bag, reader->password, reader->password_length, reader->library, NULL);
    if (!key) return explain_encryption(algorithm, reader);
    bool taken = take_key(reader, bag, key);
    PKCS8_PRIV_KEY_INFO_free(key);
    return taken;
}

/* The name and key id of the bag become the certificate's alias and id. */
static bool take_certificate(Reader *reader, PKCS12_SAFEBAG *bag) {
    if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate) return true;
    X509 *certificate = PKCS12_SAFEBAG_get1_cert(bag);
    if (!certificate) return failure_openssl(reader->failure, "certificate not readable");
    char *name;
    bool taken =
        read_name(bag, &name) &&
        (!name || X509_alias_set1(certificate, (unsigned char *)name, (int)strlen(name))) &&
        sk_X509_push(reader->certificates, certificate) > 0;
    OPENSSL_free(name);
    if (taken) return true;
    X509_free(certificate);
    return failure_set(reader->failure, "out of memory");
}

static bool take_bags(Reader *reader, const STACK_OF(PKCS12_SAFEBAG) * bags, int depth);

static bool take_bag(Reader *reader, PKCS12_SAFEBAG *bag, int depth) {
    switch (PKCS12_SAFEBAG_get_nid(bag)) {
    case NID_keyBag: return take_key(reader, bag, PKCS12_SAFEBAG_get0_p8inf(bag));
    case NID_pkcs8ShroudedKeyBag: return take_shrouded_key(reader, bag);
    case NID_certBag: return take_certificate(reader, bag);
    case NID_safeContentsBag: return take_bags(reader, PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
    default: return true; /* CRLs, secrets */
    }
}

static bool take_bags(Reader *reader, const STACK_OF(PKCS12_SAFEBAG) * bags, int depth) {
    if (depth > MAX_DEPTH)
        return failure_set(reader->failure, "bundle not opened: nested too deeply");
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        if (!take_bag(reader, sk_PKCS12_SAFEBAG_value(bags, i), depth)) return false;
    }
    return true;
}

static bool take_safe(Reader *reader, PKCS7 *safe) {
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    if (PKCS7_type_is_data(safe)) {
        if (!safe->d.data) { /* it is optional in ASN.1 */
            return failure_set(reader->failure, "bundle not readable: part without data");
        }
        bags = PKCS12_unpack_p7data(safe);
        if (!bags) return failure_openssl(reader->failure, "bundle not readable");
    } else if (PKCS7_type_is_encrypted(safe)) {
        if (!safe->d.encrypted) { /* and so is this */
            return failure_set(reader->failure, "bundle not readable: encrypted part without data");
        }
        const X509_ALGOR *algorithm = safe->d.encrypted->enc_data->algorithm;
        if (!pbe_spend(algorithm, &reader->budget, reader->failure)) return false;
        bags = PKCS12_unpack_p7encdata(safe, reader->password, reader->password_length);
        if (!bags) return explain_encryption(algorithm, reader);
    }
    bool taken = take_bags(reader, bags, 0); /* parts encrypted for public keys have no bags here */
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return taken;
}

static bool take_safes(Reader *reader, PKCS12 *pkcs12) {
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(pkcs12);
    if (!safes) return failure_openssl(reader->failure, "bundle not readable");
    bool taken = true;
    for (int i = 0; taken && i < sk_PKCS7_num(safes); i++) {
        taken = take_safe(reader, sk_PKCS7_value(safes, i));
    }
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return taken;
}

/* Move the first certificate that matches the key out of the others. */
static bool find_certificate(Reader *reader) {
    bool unread = false;
    for (int i = 0; i < sk_X509_num(reader->certificates); i++) {
        X509 *certificate = sk_X509_value(reader->certificates, i);
        if (X509_check_private_key(certificate, reader->bundle->key) == 1) {
            reader->bundle->certificate = sk_X509_delete(reader->certificates, i);
            return true;
        }
        unread = unread || !X509_get0_pubkey(certificate);
        if (failure_of_memory(reader->failure)) return false;
    }
    /* OpenSSL gives no reason; it may be a lack of memory. */
    return !unread || failure_set(reader->failure, "bundle not opened: it is unknown which "
                                                   "certificate is the key's, since the public "
                                                   "key of one is not readable");
}

/* The certificate of the key stands alone; all others are the chain. */
static bool sort_certificates(Reader *reader) {
    Pkcs12 *bundle = reader->bundle;
    if (bundle->key && !find_certificate(reader)) return false;
    ERR_clear_error();
    bundle->chain = reader->certificates;
    reader->certificates = NULL;
    int length = 0;
    const unsigned char *alias =
        bundle->certificate ? X509_alias_get0(bundle->certificate, &length) : NULL;
    if (alias) bundle->friendly_name = OPENSSL_strndup((const char *)alias, (size_t)length);
    if (!alias && reader->key_name) bundle->friendly_name = OPENSSL_strdup(reader->key_name);
    return bundle->friendly_name || (!alias && !reader->key_name) ||
           failure_set(reader->failure, "out of memory");
}

/* Unlike a new password, one for reading may be empty. */
static bool check_password(Bytes password, Failure *failure) {
    const void *data = password.length ? (const void *)password.data : "";
    if (password.length <= PBE_MAX_PASSWORD_LENGTH && !memchr(data, 0, password.length)) {
        return true;
    }
    return failure_set(failure, "password not usable: too long, or a NUL byte inside");
}

bool pkcs12_read(Pkcs12 *bundle, Bytes data, const Pkcs12Reading *reading, Failure *failure) {
    ERR_clear_error();
    memset(bundle, 0, sizeof *bundle);
    Bytes password = reading->password;
    Reader reader = {.bundle = bundle, .budget = PBE_BUDGET, .failure = failure};
    char *text = NULL;
    PKCS12 *pkcs12 = NULL;
    bool done = false;
    if (!check_password(password, failure)) return false;
    if (reading->with_legacy && !(reader.library = legacy_context(failure))) return false;
    text = copy_text(password);
    reader.certificates = sk_X509_new_null();
    reader.password = text;
    reader.password_length = (int)password.length;
    if (!text || !reader.certificates) {
        failure_set(failure, "out of memory");
        goto end;
    }
    if (!(pkcs12 = decode_bundle(data, &reader))) {
        failure_openssl(failure, "not a PKCS#12 bundle");
        goto end;
    }
    done = check_mac(pkcs12, &reader, reading) && take_safes(&reader, pkcs12) &&
           sort_certificates(&reader);
end:
    PKCS12_free(pkcs12);
    OPENSSL_clear_free(text, password.length + 1);
    OPENSSL_free(reader.key_name);
    sk_X509_pop_free(reader.certificates, X509_free);
    ERR_clear_error();
    return done;
}

void pkcs12_free(Pkcs12 *bundle) {
    EVP_PKEY_free(bundle->key);
    X509_free(bundle->certificate);
    sk_X509_pop_free(bundle->chain, X509_free);
    OPENSSL_free(bundle->friendly_name);
    memset(bundle, 0, sizeof *bundle);
}

#include "core/pki/pkcs12.h"

#include "core/keys/encoding.h"
#include "core/keys/legacy.h"
#include "core/keys/pbe.h"
#include "core/keys/pem.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

#define MAX_DEPTH 4   /* bags within bags */
#define MAX_KEYS 1000 /* each is compared with each certificate */
#define MAX_BAGS 10000
#define CURE "try {:legacy true}"

typedef struct Reader {
    Pkcs12 *bundle;
    size_t room;          /* of its bags */
    const char *password; /* NULL is not the same as "" in PKCS#12 */
    int password_length;
    OSSL_LIB_CTX *library;
    PbeBudget budget; /* of the whole bundle, which may have any number of encrypted parts */
    int keys;
    Failure *failure;
} Reader;

/* The bytes of a PEM block "PKCS12", which some tools write; NULL: there is none. */
static uint8_t *find_block(Bytes data, long *length) {
    BIO *bio = BIO_new_mem_buf(data.data, (int)data.length);
    char *label = NULL, *header = NULL;
    unsigned char *bytes = NULL;
    bool found = false;
    while (bio && !found && PEM_read_bio(bio, &label, &header, &bytes, length)) {
        found = !strcmp(label, "PKCS12");
        OPENSSL_free(label);
        OPENSSL_free(header);
        if (!found) OPENSSL_clear_free(bytes, (size_t)*length);
    }
    BIO_free(bio);
    return found ? bytes : NULL;
}

static PKCS12 *decode_der(const uint8_t *at, long length, const Reader *reader) {
    PKCS12 *pkcs12 = PKCS12_init_ex(NID_pkcs7_data, reader->library, NULL);
    return pkcs12 ? d2i_PKCS12(&pkcs12, &at, length) : NULL; /* frees it on failure */
}

/* Is it Base64 of DER, with line ends or without? */
static bool is_base64(Bytes data) {
    if (data.length < 8 || memcmp(data.data, "MI", 2)) return false;
    for (size_t i = 0; i < data.length; i++) {
        uint8_t c = data.data[i];
        if (!isalnum(c) && !isspace(c) && (!c || !strchr("+/=", c))) return false;
    }
    return true;
}

static bool explain_data(Bytes data, const Reader *reader) {
    if (encoding_is_pem(data)) {
        return failure_set(reader->failure, "not a PKCS#12 bundle: it is PEM without a PKCS12 "
                                            "block: a bundle is DER");
    }
    if (is_base64(data)) {
        return failure_set(reader->failure, "not a PKCS#12 bundle: it is Base64: decode it with "
                                            "(crypto/base64-decode text {:whitespace true})");
    }
    failure_openssl(reader->failure, "not a PKCS#12 bundle");
    pem_hint_path(data, reader->failure);
    return false;
}

static PKCS12 *decode_bundle(Bytes data, const Reader *reader) {
    PKCS12 *pkcs12 = NULL;
    long length = data.length <= INT32_MAX ? (long)data.length : 0;
    uint8_t *block = encoding_is_pem(data) && length ? find_block(data, &length) : NULL;
    if (block || !encoding_is_pem(data)) {
        pkcs12 = decode_der(block ? block : data.data, length, reader);
    }
    OPENSSL_clear_free(block, block ? (size_t)length : 0);
    if (!pkcs12) explain_data(data, reader);
    return pkcs12;
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
                       why ? why : "damaged data");
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

/* The id by which a key finds its certificate; false when out of memory. */
static bool read_id(const PKCS12_SAFEBAG *from, Pkcs12Bag *bag) {
    const ASN1_TYPE *attribute = PKCS12_SAFEBAG_get0_attr(from, NID_localKeyID);
    if (!attribute || attribute->type != V_ASN1_OCTET_STRING) return true;
    const ASN1_OCTET_STRING *id = attribute->value.octet_string;
    int length = ASN1_STRING_length(id);
    if (length <= 0) return true;
    bag->id = OPENSSL_memdup(ASN1_STRING_get0_data(id), (size_t)length);
    bag->id_length = bag->id ? (size_t)length : 0;
    return bag->id;
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

/* A zeroed bag at the end of the bundle, with the attributes of `from`; NULL: out of memory. */
static Pkcs12Bag *add_bag(Reader *reader, const PKCS12_SAFEBAG *from) {
    Pkcs12 *bundle = reader->bundle;
    if (bundle->count == reader->room) {
        size_t room = reader->room ? 2 * reader->room : 8;
        Pkcs12Bag *bags = OPENSSL_realloc(bundle->bags, room * sizeof *bags);
        if (!bags) return NULL;
        bundle->bags = bags;
        reader->room = room;
    }
    Pkcs12Bag *bag = bundle->bags + bundle->count++;
    memset(bag, 0, sizeof *bag);
    return read_name(from, &bag->name) && read_id(from, bag) ? bag : NULL;
}

static bool take_key(Reader *reader, PKCS12_SAFEBAG *from, const PKCS8_PRIV_KEY_INFO *key) {
    if (++reader->keys > MAX_KEYS || reader->bundle->count >= MAX_BAGS) {
        return failure_set(reader->failure, "bundle not opened: more than %d keys or %d entries",
                           MAX_KEYS, MAX_BAGS);
    }
    Pkcs12Bag *bag = add_bag(reader, from);
    if (!bag) return failure_set(reader->failure, "out of memory");
    bag->key = EVP_PKCS82PKEY_ex(key, reader->library, NULL);
    return bag->key || failure_openssl(reader->failure, "private key not readable");
}

static bool take_shrouded_key(Reader *reader, PKCS12_SAFEBAG *bag) {
    const X509_ALGOR *algorithm;
    X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
    if (!pbe_spend(algorithm, &reader->budget, reader->failure)) return false;
    PKCS8_PRIV_KEY_INFO *key = PKCS12_decrypt_skey_ex(
        bag, reader->password, reader->password_length, reader->library, NULL);
    if (!key) return explain_encryption(algorithm, reader);
    bool taken = take_key(reader, bag, key);
    PKCS8_PRIV_KEY_INFO_free(key);
    return taken;
}

static bool take_certificate(Reader *reader, PKCS12_SAFEBAG *from) {
    if (PKCS12_SAFEBAG_get_bag_nid(from) != NID_x509Certificate) return true;
    if (reader->bundle->count >= MAX_BAGS) {
        return failure_set(reader->failure, "bundle not opened: more than %d entries", MAX_BAGS);
    }
    Pkcs12Bag *bag = add_bag(reader, from);
    if (!bag) return failure_set(reader->failure, "out of memory");
    bag->certificate = PKCS12_SAFEBAG_get1_cert(from);
    return bag->certificate || failure_openssl(reader->failure, "certificate not readable");
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
    if (!check_password(password, failure)) return false;
    if (reading->with_legacy && !(reader.library = legacy_context(failure))) return false;
    char *text = OPENSSL_strndup(password.data ? (const char *)password.data : "", password.length);
    if (!text) return failure_set(failure, "out of memory");
    reader.password = text;
    reader.password_length = (int)password.length;
    PKCS12 *pkcs12 = decode_bundle(data, &reader);
    bool done = pkcs12 && check_mac(pkcs12, &reader, reading) && take_safes(&reader, pkcs12) &&
                pkcs12_sort(bundle, failure);
    PKCS12_free(pkcs12);
    OPENSSL_clear_free(text, password.length + 1);
    ERR_clear_error();
    return done;
}

void pkcs12_free(Pkcs12 *bundle) {
    for (size_t i = 0; i < bundle->count; i++) {
        Pkcs12Bag *bag = bundle->bags + i;
        EVP_PKEY_free(bag->key);
        X509_free(bag->certificate);
        OPENSSL_free(bag->name);
        OPENSSL_free(bag->id);
    }
    for (size_t i = 0; i < bundle->entry_count; i++) OPENSSL_free(bundle->entries[i].chain);
    OPENSSL_free(bundle->bags);
    OPENSSL_free(bundle->entries);
    memset(bundle, 0, sizeof *bundle);
}

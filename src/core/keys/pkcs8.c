#include "core/keys/pkcs8.h"

#include "core/keys/encoding.h"
#include "core/keys/pbe.h"

#include <openssl/asn1.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

/* One element of DER: its identifier and all its bytes, and its content. */
typedef struct Element {
    int tag, class;
    bool is_constructed;
    Bytes whole, content;
} Element;

/* Remove the first element of `rest`. */
static bool take_element(Bytes *rest, Element *element) {
    const unsigned char *at = rest->data;
    long length;
    int flags = ASN1_get_object(&at, &length, &element->tag, &element->class, (long)rest->length);
    if (!rest->length || flags & 0x80 || flags & 1) return false; /* an error; indefinite length */
    size_t whole = (size_t)(at - rest->data) + (size_t)length;
    if (whole > rest->length) return false;
    element->is_constructed = flags & V_ASN1_CONSTRUCTED;
    element->whole = (Bytes){rest->data, whole};
    element->content = (Bytes){at, (size_t)length};
    *rest = (Bytes){rest->data + whole, rest->length - whole};
    return true;
}

static bool take_universal(Bytes *rest, int tag, Element *element) {
    return take_element(rest, element) && element->class == V_ASN1_UNIVERSAL && element->tag == tag;
}

/* The parts of OneAsymmetricKey; public_bits is the content of a BIT STRING, NULL if absent. */
typedef struct OneKey {
    Bytes algorithm, octets, public_bits;
} OneKey;

/* Old versions of the library "ring" wrote the tag as an explicit one. */
static bool take_public(const Element *element, Bytes *bits) {
    Element inner;
    Bytes rest = element->content;
    *bits = element->content;
    if (!element->is_constructed) return true;
    if (!take_universal(&rest, V_ASN1_BIT_STRING, &inner) || rest.length) return false;
    *bits = inner.content;
    return true;
}

static bool take_optional(Bytes rest, OneKey *parts) {
    Element element;
    int last = -1;
    while (rest.length) {
        if (!take_element(&rest, &element) || element.class != V_ASN1_CONTEXT_SPECIFIC ||
            element.tag <= last || element.tag > 1) {
            return false;
        }
        last = element.tag;
        if (element.tag == 1 && !take_public(&element, &parts->public_bits)) return false;
    }
    return true;
}

static bool split_key(Bytes der, OneKey *parts) {
    Element outer, version, algorithm, octets;
    *parts = (OneKey){.public_bits = {NULL, 0}};
    if (!take_universal(&der, V_ASN1_SEQUENCE, &outer)) return false;
    Bytes rest = outer.content;
    if (!take_universal(&rest, V_ASN1_INTEGER, &version) || version.content.length != 1 ||
        version.content.data[0] != 1 || !take_universal(&rest, V_ASN1_SEQUENCE, &algorithm) ||
        !take_universal(&rest, V_ASN1_OCTET_STRING, &octets)) {
        return false;
    }
    parts->algorithm = algorithm.whole;
    parts->octets = octets.whole;
    return take_optional(rest, parts);
}

/* --- DER that OpenSSL reads --- */

static uint8_t *append(uint8_t *at, Bytes bytes) {
    memcpy(at, bytes.data, bytes.length);
    return at + bytes.length;
}

/* A SEQUENCE of the pieces, which are whole elements. NULL when out of memory. */
static uint8_t *join_sequence(const Bytes *pieces, size_t count, size_t *length) {
    size_t content = 0;
    for (size_t i = 0; i < count; i++) content += pieces[i].length;
    int size = ASN1_object_size(1, (int)content, V_ASN1_SEQUENCE);
    uint8_t *der = size > 0 ? OPENSSL_malloc((size_t)size) : NULL, *at = der;
    if (!der) return NULL;
    ASN1_put_object(&at, 1, (int)content, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    for (size_t i = 0; i < count; i++) at = append(at, pieces[i]);
    *length = (size_t)size;
    return der;
}

/* When memory runs out, EVP_PKCS82PKEY would fall back to a key that no provider knows. */
static EVP_PKEY *read_v1(Bytes der) {
    EVP_PKEY *key = NULL;
    const unsigned char *at = der.data;
    size_t left = der.length;
    if (!encoding_is_der(der)) return NULL;
    OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(&key, "DER", "PrivateKeyInfo", NULL,
                                                              EVP_PKEY_KEYPAIR, NULL, NULL);
    bool read = decoder && OSSL_DECODER_from_data(decoder, &at, &left);
    OSSL_DECODER_CTX_free(decoder);
    if (read) return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *make_private(const OneKey *parts) {
    static const uint8_t version[] = {V_ASN1_INTEGER, 1, 0};
    const Bytes pieces[] = {{version, sizeof version}, parts->algorithm, parts->octets};
    size_t length = 0;
    uint8_t *der = join_sequence(pieces, 3, &length);
    EVP_PKEY *key = der ? read_v1((Bytes){der, length}) : NULL;
    OPENSSL_clear_free(der, length);
    return key;
}

static uint8_t *make_bit_string(Bytes bits, size_t *length) {
    int size = ASN1_object_size(0, (int)bits.length, V_ASN1_BIT_STRING);
    uint8_t *der = size > 0 ? OPENSSL_malloc((size_t)size) : NULL, *at = der;
    if (!der) return NULL;
    ASN1_put_object(&at, 0, (int)bits.length, V_ASN1_BIT_STRING, V_ASN1_UNIVERSAL);
    append(at, bits);
    *length = (size_t)size;
    return der;
}

static EVP_PKEY *make_public(const OneKey *parts) {
    size_t bits_length = 0, length = 0;
    uint8_t *bits = make_bit_string(parts->public_bits, &bits_length);
    const Bytes pieces[] = {parts->algorithm, {bits, bits_length}};
    uint8_t *der = bits ? join_sequence(pieces, 2, &length) : NULL;
    const unsigned char *at = der;
    EVP_PKEY *key = der ? d2i_PUBKEY(NULL, &at, (long)length) : NULL;
    OPENSSL_free(der);
    OPENSSL_free(bits);
    return key;
}

static bool fits_public(const OneKey *parts, const EVP_PKEY *key) {
    if (!parts->public_bits.data) return true;
    EVP_PKEY *public_key = make_public(parts);
    bool fits = public_key && EVP_PKEY_eq(public_key, key) == 1;
    EVP_PKEY_free(public_key);
    return fits;
}

static bool read_parts(const OneKey *parts, EVP_PKEY **key, Failure *failure) {
    *key = make_private(parts);
    if (!*key) return failure_openssl(failure, "not a private key: PKCS#8 version 2");
    if (fits_public(parts, *key)) return true;
    EVP_PKEY_free(*key);
    *key = NULL;
    return failure_set(failure, "not a usable key: the private half does not belong to the public "
                                "one");
}

/* --- finding it --- */

static bool decrypt(const X509_SIG *encrypted, Bytes password, PemSource *plain) {
    const X509_ALGOR *algorithm;
    const ASN1_OCTET_STRING *octets;
    unsigned char *bytes = NULL;
    int length = 0;
    X509_SIG_get0(encrypted, &algorithm, &octets);
    if (!PKCS12_pbe_crypt(algorithm, (const char *)password.data, (int)password.length,
                          ASN1_STRING_get0_data(octets), ASN1_STRING_length(octets), &bytes,
                          &length, 0)) {
        return false;
    }
    *plain = (PemSource){bytes, (size_t)length};
    return true;
}

/* The DER of a key that is not encrypted; it points into `owned` or the data. */
static Bytes find_plain(Bytes data, Bytes password, PemSource *owned, Failure *failure) {
    X509_SIG *encrypted = NULL;
    *owned = (PemSource){NULL, 0};
    if (encoding_is_pem(data) && encoding_block(data, "PRIVATE KEY", owned)) {
        return (Bytes){owned->bytes, owned->length};
    }
    if (!pbe_encrypted_key(data, &encrypted, failure) || !encrypted) return data;
    if (password.data) decrypt(encrypted, password, owned);
    X509_SIG_free(encrypted);
    return (Bytes){owned->bytes, owned->length};
}

bool pkcs8_read(Bytes data, Bytes password, EVP_PKEY **key, Failure *failure) {
    PemSource owned;
    OneKey parts;
    Failure ignored;
    bool usable = true;
    *key = NULL;
    Bytes der = find_plain(data, password, &owned, &ignored);
    if (der.data && split_key(der, &parts)) {
        usable = read_parts(&parts, key, failure);
    } else if (der.data) {
        *key = read_v1(der);
    }
    OPENSSL_clear_free(owned.bytes, owned.length);
    ERR_clear_error();
    return usable;
}

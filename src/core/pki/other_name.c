#define _GNU_SOURCE /* memmem */
#include "core/pki/other_name.h"

#include <openssl/err.h>
#include <string.h>
#include <strings.h>

#define UPN_OID "1.3.6.1.4.1.311.20.2.3"
#define SRV_OID "1.3.6.1.5.5.7.8.7"
#define MAX_OID_LENGTH 200
#define MAX_LENGTH 4096

static bool is_type(const ASN1_OBJECT *object, const char *oid) {
    char text[MAX_OID_LENGTH];
    return OBJ_obj2txt(text, sizeof text, object, 1) > 0 && !strcmp(text, oid);
}

/* --- writing --- */

/* Takes ownership of `value`, NULL included. */
static GENERAL_NAME *make_name(const char *oid, ASN1_TYPE *value) {
    OTHERNAME *other = OTHERNAME_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OBJECT *type = OBJ_txt2obj(oid, 1);
    if (!other || !name || !type || !value) {
        OTHERNAME_free(other);
        GENERAL_NAME_free(name);
        ASN1_OBJECT_free(type);
        ASN1_TYPE_free(value);
        ERR_clear_error();
        return NULL;
    }
    ASN1_OBJECT_free(other->type_id);
    ASN1_TYPE_free(other->value);
    other->type_id = type;
    other->value = value;
    GENERAL_NAME_set0_value(name, GEN_OTHERNAME, other);
    return name;
}

static ASN1_TYPE *make_text(int type, Bytes text) {
    ASN1_TYPE *value = ASN1_TYPE_new();
    ASN1_STRING *string = ASN1_STRING_type_new(type);
    if (value && string && ASN1_STRING_set(string, text.data, (int)text.length)) {
        ASN1_TYPE_set(value, type, string);
        return value;
    }
    ASN1_TYPE_free(value);
    ASN1_STRING_free(string);
    return NULL;
}

/* UTF-8, or ASCII, without control characters. */
static bool is_text(Bytes text, bool ascii) {
    const uint8_t *at = text.data;
    size_t left = text.length;
    if (!left || left > MAX_LENGTH) return false;
    while (left) {
        unsigned long point;
        int n = UTF8_getc(at, left > 4 ? 4 : (int)left, &point);
        if (n <= 0 || point < ' ' || point == 0x7f || (ascii && point > 0x7f)) return false;
        at += n;
        left -= (size_t)n;
    }
    return true;
}

GENERAL_NAME *other_name_upn(Bytes text) {
    if (!is_text(text, false) || !memchr(text.data, '@', text.length)) return NULL;
    return make_name(UPN_OID, make_text(V_ASN1_UTF8STRING, text));
}

GENERAL_NAME *other_name_srv(Bytes text) {
    bool named = is_text(text, true) && text.data[0] == '_' && text.length > 3;
    if (!named || !memchr(text.data + 2, '.', text.length - 3) ||
        memchr(text.data, ' ', text.length)) {
        return NULL;
    }
    return make_name(SRV_OID, make_text(V_ASN1_IA5STRING, text));
}

static ASN1_TYPE *make_der(Bytes hex) {
    char digits[2 * MAX_LENGTH + 1];
    long length;
    if (hex.length >= sizeof digits || memchr(hex.data, ':', hex.length)) return NULL;
    memcpy(digits, hex.data, hex.length);
    digits[hex.length] = 0;
    unsigned char *der = OPENSSL_hexstr2buf(digits, &length);
    const unsigned char *at = der;
    ASN1_TYPE *value = der ? d2i_ASN1_TYPE(NULL, &at, length) : NULL;
    if (value && at != der + length) {
        ASN1_TYPE_free(value);
        value = NULL;
    }
    OPENSSL_free(der);
    return value;
}

/* A part of the text, if it begins with that word and a colon. */
static bool take_word(Bytes *text, const char *word) {
    size_t length = strlen(word);
    if (text->length <= length || strncasecmp((const char *)text->data, word, length) ||
        text->data[length] != ':') {
        return false;
    }
    *text = (Bytes){text->data + length + 1, text->length - length - 1};
    return true;
}

static ASN1_TYPE *parse_value(Bytes text) {
    if (take_word(&text, "UTF8")) {
        return is_text(text, false) ? make_text(V_ASN1_UTF8STRING, text) : NULL;
    }
    if (take_word(&text, "IA5")) {
        return is_text(text, true) ? make_text(V_ASN1_IA5STRING, text) : NULL;
    }
    return take_word(&text, "DER") ? make_der(text) : NULL;
}

GENERAL_NAME *other_name_parse(Bytes text) {
    char oid[MAX_OID_LENGTH];
    const uint8_t *end = memchr(text.data, ';', text.length);
    size_t length = end ? (size_t)(end - text.data) : 0;
    if (!length || length >= sizeof oid) return NULL;
    memcpy(oid, text.data, length);
    oid[length] = 0;
    if (strspn(oid, "0123456789.") != length) return NULL;
    GENERAL_NAME *name = make_name(oid, parse_value((Bytes){end + 1, text.length - length - 1}));
    ERR_clear_error();
    return name;
}

/* --- reading --- */

static Bytes bytes_of(const char *text) {
    return (Bytes){(const uint8_t *)text, strlen(text)};
}

static uint8_t *append(uint8_t *end, Bytes part) {
    if (part.length) memcpy(end, part.data, part.length);
    return end + part.length;
}

static Bytes join(Pool *pool, const char *oid, const char *word, Bytes text) {
    uint8_t *joined = pool_take(pool, strlen(oid) + strlen(word) + text.length + 1);
    if (!joined) return (Bytes){(const uint8_t *)"", 0};
    const uint8_t *end = append(append(append(joined, bytes_of(oid)), bytes_of(word)), text);
    return (Bytes){joined, (size_t)(end - joined)};
}

static Bytes show_der(Pool *pool, const char *oid, const ASN1_TYPE *value) {
    unsigned char *der = NULL;
    int length = i2d_ASN1_TYPE(value, &der);
    Bytes hex = pool_hex(pool, der, length > 0 ? (size_t)length : 0);
    OPENSSL_free(der);
    return join(pool, oid, ";DER:", hex);
}

const char *other_name_show(Pool *pool, const OTHERNAME *name, Bytes *text) {
    char oid[MAX_OID_LENGTH];
    int type = ASN1_TYPE_get(name->value);
    bool utf8 = type == V_ASN1_UTF8STRING, ia5 = type == V_ASN1_IA5STRING;
    Bytes value = {(const uint8_t *)"", 0};
    if (utf8 || ia5) {
        const ASN1_STRING *string = name->value->value.asn1_string;
        value = (Bytes){ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)};
    }
    bool upn = utf8 && is_type(name->type_id, UPN_OID);
    bool srv = ia5 && is_type(name->type_id, SRV_OID);
    if (upn || srv) {
        *text = pool_copy(pool, value);
        return upn ? "UPN" : "SRV";
    }
    OBJ_obj2txt(oid, sizeof oid, name->type_id, 1);
    *text = utf8  ? join(pool, oid, ";UTF8:", value)
            : ia5 ? join(pool, oid, ";IA5:", value)
                  : show_der(pool, oid, name->value);
    return "otherName";
}

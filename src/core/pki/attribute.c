#include "core/pki/attribute.h"

#include "core/pki/x509info.h"

Bytes attribute_text(Pool *pool, const ASN1_TYPE *value) {
    unsigned char *text = NULL;
    int type = value ? ASN1_TYPE_get(value) : -1;
    bool is_text = type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING ||
                   type == V_ASN1_T61STRING || type == V_ASN1_IA5STRING ||
                   type == V_ASN1_BMPSTRING || type == V_ASN1_UNIVERSALSTRING;
    int length = is_text ? ASN1_STRING_to_UTF8(&text, value->value.asn1_string) : -1;
    if (length < 0) return (Bytes){NULL, 0};
    Bytes copy = pool_copy(pool, (Bytes){text, (size_t)length});
    OPENSSL_clear_free(text, (size_t)length);
    return copy;
}

static Bytes copy_der(Pool *pool, const ASN1_TYPE *value) {
    unsigned char *der = NULL;
    int length = i2d_ASN1_TYPE(value, &der);
    Bytes copy = pool_copy(pool, (Bytes){der, length > 0 ? (size_t)length : 0});
    if (length <= 0) pool->failed = true;
    OPENSSL_clear_free(der, length > 0 ? (size_t)length : 0);
    return copy;
}

void attribute_read(Pool *pool, X509_ATTRIBUTE *attribute, Attribute *into) {
    const ASN1_OBJECT *type = X509_ATTRIBUTE_get0_object(attribute);
    int nid = OBJ_obj2nid(type), count = X509_ATTRIBUTE_count(attribute);
    into->oid = x509info_oid(pool, type);
    into->name = nid == NID_undef ? NULL : OBJ_nid2sn(nid);
    into->text = attribute_text(pool, X509_ATTRIBUTE_get0_type(attribute, 0));
    into->values = pool_take(pool, (size_t)count * sizeof *into->values);
    for (int i = 0; into->values && i < count; i++) {
        into->values[into->count++] = copy_der(pool, X509_ATTRIBUTE_get0_type(attribute, i));
    }
}

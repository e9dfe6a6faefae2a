/* Attributes of requests and of signers of messages: an OID and its values. */
#ifndef JSEC_CORE_ATTRIBUTE_H
#define JSEC_CORE_ATTRIBUTE_H

#include "core/pool.h"

#include <openssl/x509.h>

typedef struct Attribute {
    Bytes oid, text;  /* text: of the first value, if it is a string */
    const char *name; /* OpenSSL's, NULL where it has none */
    Bytes *values;    /* DER */
    size_t count;
} Attribute;

void attribute_read(Pool *pool, X509_ATTRIBUTE *attribute, Attribute *into);

/* A value as UTF-8; NULL data where it is no string. The text may be a password. */
Bytes attribute_text(Pool *pool, const ASN1_TYPE *value);

#endif

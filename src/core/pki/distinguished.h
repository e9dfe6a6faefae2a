/* Distinguished names as text (RFC 4514): "CN=Jane\, M.D.,O=Example,C=US". */
#ifndef JSEC_CORE_DISTINGUISHED_H
#define JSEC_CORE_DISTINGUISHED_H

#include "core/bytes.h"

#include <openssl/x509.h>

/* The name that a text stands for, the last part first. Types are OpenSSL's names or dotted OIDs,
 * values are UTF-8 or "#" and the hexadecimal of their BER. NULL: the text is none, or out of
 * memory. Leaves no error in OpenSSL's queue. The caller frees the result. */
X509_NAME *distinguished_parse(Bytes text);

#endif

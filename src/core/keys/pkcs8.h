/* Private keys of PKCS#8 version 2 (RFC 5958, RFC 8410), which carry their public half. OpenSSL
 * before 3.5 does not read them. */
#ifndef JSEC_CORE_PKCS8_H
#define JSEC_CORE_PKCS8_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>

/* Sets *key if the data, PEM or DER, holds such a key and its halves belong together. False, with a
 * failure, if it holds one that is not usable. True and NULL for anything else, also when an
 * encrypted key does not open. */
bool pkcs8_read_v2(Bytes data, Bytes password, EVP_PKEY **key, Failure *failure);

#endif

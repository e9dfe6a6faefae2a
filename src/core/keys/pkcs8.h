/* Private keys in PKCS#8, plain or encrypted. Those of version 2 (RFC 5958, RFC 8410) carry their
 * public half; OpenSSL before 3.5 does not read them, and does not compare the halves. */
#ifndef JSEC_CORE_PKCS8_H
#define JSEC_CORE_PKCS8_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>

/* Sets *key if the data, PEM or DER, holds such a key. False, with a failure, if its halves do not
 * belong together. True and NULL for anything else, also when an encrypted key does not open. */
bool pkcs8_read(Bytes data, Bytes password, EVP_PKEY **key, Failure *failure);

#endif

/* Rules of RFC 5280 that X509_verify_cert does not check. */
#ifndef JSEC_CORE_STRICT_H
#define JSEC_CORE_STRICT_H

#include <openssl/x509_vfy.h>
#include <stdbool.h>

/* The error with which the callback learns of a serial number that is not positive or too long. */
#define STRICT_SERIAL_ERROR X509_V_ERR_APPLICATION_VERIFICATION

/* X509_verify_cert, then its gaps: a malformed extension is refused for any purpose, and where the
 * parameters have X509_V_FLAG_X509_STRICT, so are serial numbers and key identifiers that break a
 * rule. The verify callback gets the error, and can't accept it. */
bool strict_verify(X509_STORE_CTX *context);

#endif

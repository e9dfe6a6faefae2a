/* Rules of RFC 5280 that X509_verify_cert does not check. */
#ifndef JSEC_CORE_STRICT_H
#define JSEC_CORE_STRICT_H

#include <openssl/x509_vfy.h>
#include <stdbool.h>

/* The error of a serial number that is not positive or too long. */
#define STRICT_SERIAL_ERROR X509_V_ERR_APPLICATION_VERIFICATION

/* X509_verify_cert, and the checks that it lacks. A malformed extension, or one that occurs twice,
 * is refused for any purpose. With X509_V_FLAG_X509_STRICT, bad serial numbers and key identifiers
 * are refused too. The verify callback gets the error, but can't accept it. */
bool strict_verify(X509_STORE_CTX *context);

#endif

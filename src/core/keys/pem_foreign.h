/* What a PEM text holds besides certificates and CRLs. */
#ifndef JSEC_CORE_PEM_FOREIGN_H
#define JSEC_CORE_PEM_FOREIGN_H

#include "core/bytes.h"
#include "core/failure.h"

/* False where OpenSSL skips what may hold certificates: a block of an unknown label, such as PKCS7,
 * or Base64 without BEGIN and END lines. Keys, parameters, requests and other text may stand around
 * the blocks. */
bool pem_foreign_check(Bytes data, Failure *failure);

#endif

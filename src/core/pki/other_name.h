/* Alternative names of the kind otherName (RFC 5280, 4.2.1.6): an OID and a value. */
#ifndef JSEC_CORE_OTHER_NAME_H
#define JSEC_CORE_OTHER_NAME_H

#include "core/bytes.h"
#include "core/pool.h"

#include <openssl/x509v3.h>

/* A Kerberos or Windows user (UPN), "user@domain", UTF-8. */
GENERAL_NAME *other_name_upn(Bytes text);

/* A service of a domain (RFC 4985), "_service.domain". */
GENERAL_NAME *other_name_srv(Bytes text);

/* "OID;UTF8:text", "OID;IA5:text" or "OID;DER:" and hexadecimal. */
GENERAL_NAME *other_name_parse(Bytes text);

/* All three return NULL if the text is none, or when out of memory, and leave no error in OpenSSL's
 * queue. */

/* The inverse: returns "UPN", "SRV" or "otherName" and sets the text after the colon. */
const char *other_name_show(Pool *pool, const OTHERNAME *name, Bytes *text);

#endif

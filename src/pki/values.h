/* Lists of names and certificates as arguments, and certificates as results. */
#ifndef JSEC_PKI_VALUES_H
#define JSEC_PKI_VALUES_H

#include "core/failure.h"
#include "core/pki/name.h"

#include <janet.h>
#include <openssl/x509v3.h>

#define VALUES_BYTES (JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)

/* Is it a value of these types (JANET_TFLAG_…), or an array or tuple of such values? */
bool values_are(Janet value, int types);

/* The items of such a list; a single value is a list of one, nil a list of none. */
int32_t values_count(Janet list);
Bytes values_item(Janet list, int32_t index);

/* subjectAltName from a list of names; empty for nil. NULL on failure. */
GENERAL_NAMES *values_alternatives(Janet names, Failure *failure);

/* Subject and subjectAltName: `san`; if that is nil, the common name if it can be one. The caller
 * frees both results, on failure too. */
bool values_subject(const NameFields *fields, Janet san, X509_NAME **subject, GENERAL_NAMES **names,
                    Failure *failure);

/* extKeyUsage from a list that pki_option_extended_usage accepted; NULL when out of memory. */
EXTENDED_KEY_USAGE *values_extended_usage(Janet names);

/* Every certificate of every item, content or path, in their order. The result is empty only when
 * the list is nil or empty. `is_pem`, which may be NULL, is set by the first item. NULL on failure.
 */
STACK_OF(X509) * values_certificates(Janet list, bool *is_pem, Failure *failure);

/* A certificate as a PEM string, and several as an array of PEM strings, empty for NULL. False when
 * out of memory. */
bool values_pem(const X509 *certificate, Janet *into);
bool values_pems(const STACK_OF(X509) * certificates, Janet *into);

/* The content of a memory BIO, as a string. */
Janet values_bio(BIO *bio);

#endif

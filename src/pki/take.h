/* Options that the functions on certificates share, and lists of names, certificates and the like.
 * The parsers raise on what they can't take; nothing else here does. */
#ifndef JSEC_PKI_TAKE_H
#define JSEC_PKI_TAKE_H

#include "base/options.h"
#include "core/pki/name.h"

#include <janet.h>
#include <openssl/x509v3.h>

/* Janet: a string, buffer, keyword or symbol, or an array or tuple of these. */
void take_option_names(const OptionSite *site, Janet value, void *field);

/* As take_option_names, each of them the name of a keyUsage bit; field: uint32_t of bits. */
void take_option_key_usage(const OptionSite *site, Janet value, void *field);

/* As take_option_names, each of them a name or OID of an extKeyUsage. */
void take_option_extended_usage(const OptionSite *site, Janet value, void *field);

/* double: seconds since the epoch, given as such or as "2030-01-31" or "2030-01-31T12:00:00Z". */
void take_option_date(const OptionSite *site, Janet value, void *field);

/* double, more than 0; fractions count. */
void take_option_days(const OptionSite *site, Janet value, void *field);

/* KeyAlgorithm */
void take_option_key_type(const OptionSite *site, Janet value, void *field);

/* Janet: a string or buffer, or an array or tuple of these. */
void take_option_certificates(const OptionSite *site, Janet value, void *field);

/* What take_option_names and take_option_certificates let pass (nil: none), one by one. */
int32_t take_count(Janet list);
Bytes take_item(Janet list, int32_t index);

/* Is it a string or buffer, or an array or tuple of these? */
bool take_is_bytes_list(Janet value);

/* subjectAltName from a list of names; empty for nil. NULL on failure. */
GENERAL_NAMES *take_alternatives(Janet names, Failure *failure);

/* Subject and subjectAltName: `san`, or where that is nil the common name, if it can be one. Both
 * results are the caller's to free, whether it fails or not. */
bool take_subject(const NameFields *fields, Janet san, X509_NAME **subject, GENERAL_NAMES **names,
                  Failure *failure);

/* extKeyUsage from a list that the parser let pass; NULL when out of memory. */
EXTENDED_KEY_USAGE *take_extended_usage(Janet names);

/* Every certificate of every item, in their order; none at all is allowed only when the list is
 * nil or empty. NULL on failure. */
STACK_OF(X509) * take_certificates(Janet list, Failure *failure);

/* A certificate as a PEM string, and several as an array of them, empty for NULL. False when out of
 * memory. */
bool take_pem(const X509 *certificate, Janet *into);
bool take_pems(const STACK_OF(X509) * certificates, Janet *into);

/* What was written to a memory BIO, as a string. */
Janet take_bio(BIO *bio);

#endif

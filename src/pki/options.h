/* Parsers of the options that the functions on certificates share. Each raises when it refuses a
 * value. */
#ifndef JSEC_PKI_OPTIONS_H
#define JSEC_PKI_OPTIONS_H

#include "base/options.h"
#include "core/pki/name.h"

#include <janet.h>
#include <openssl/evp.h>

/* Janet: a string, buffer, keyword or symbol, or a list of these (see values.h). */
void pki_option_names(const OptionSite *site, Janet value, void *field);

/* The same lists: names of keyUsage bits, as a uint32_t of the bits. */
void pki_option_key_usage(const OptionSite *site, Janet value, void *field);

/* The same lists: names or OIDs of extKeyUsage. */
void pki_option_extended_usage(const OptionSite *site, Janet value, void *field);

/* double: seconds since the epoch, given as such or as "2030-01-31" or "2030-01-31T12:00:00Z". */
void pki_option_date(const OptionSite *site, Janet value, void *field);

/* double, more than 0; fractions count. */
void pki_option_days(const OptionSite *site, Janet value, void *field);

/* Serial: a whole number, or a string of hexadecimal digits. */
void pki_option_serial(const OptionSite *site, Janet value, void *field);

/* KeyAlgorithm */
void pki_option_key_type(const OptionSite *site, Janet value, void *field);

/* Janet: a string or buffer, or a list of these. */
void pki_option_certificates(const OptionSite *site, Janet value, void *field);

/* NameValues: a string, or a list of at most NAME_MAX_VALUES. */
void pki_option_values(const OptionSite *site, Janet value, void *field);

/* Extensions beyond those that follow from the other options: see extensions.h. */
typedef struct ExtensionOptions {
    Janet lists, responders, issuers, policies, permitted, excluded, others;
    bool constraints; /* only a place for the nested options' row */
} ExtensionOptions;

/* The CA that signs a certificate or a revocation list. */
typedef struct IssuerOptions {
    Bytes certificate, key, password;
} IssuerOptions;

/* A part of the sets whose struct begins with IssuerOptions. */
extern const OptionSet pki_issuer_options;

/* Raises unless there are the CA's certificate and key. */
void pki_require_issuer(const char *function, const IssuerOptions *issuer);

/* The subject, its key's usage and the signature: what certificates and requests have in common. */
typedef struct SubjectOptions {
    IssuerOptions issuer; /* first, for its shared part; only certificates of a CA have it */
    NameFields name;
    Janet san, extended;
    ExtensionOptions extensions;
    uint32_t key_usage;
    const EVP_MD *digest;
} SubjectOptions;

SubjectOptions pki_subject_defaults(void);

/* A part of the sets whose struct begins with SubjectOptions. */
extern const OptionSet pki_subject_options;

#endif

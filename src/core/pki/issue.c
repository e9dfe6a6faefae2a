#include "core/pki/issue.h"

#include "core/keys/keys.h"
#include "core/pki/asn1time.h"
#include "core/pki/extensions.h"
#include "core/pki/usage.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#define MIN_DIGEST_SIZE 28 /* bytes, of SHA-224 */
#define MAX_CUT 60         /* seconds between a CA and its first certificate of as many days */
#define SERIAL_BITS 159    /* 20 octets at most, positive: RFC 5280, 4.1.2.2 */

bool issue_can_sign(EVP_PKEY *key, Failure *failure) {
    static const char *const agreeing[] = {"X25519", "X448", "DH", "X9.42 DH", "DHX"};
    const char *type = EVP_PKEY_get0_type_name(key);
    bool can = type && strncmp(type, "ML-KEM", 6);
    for (size_t i = 0; can && i < sizeof agreeing / sizeof *agreeing; i++) {
        can = !EVP_PKEY_is_a(key, agreeing[i]);
    }
    return can || failure_set(failure, "key not usable: %s keys can't sign", type ? type : "such");
}

static const EVP_MD *choose_digest(const EVP_PKEY *key) {
    bool ec = EVP_PKEY_is_a(key, "EC");
    bool wants = ec || EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS") ||
                 EVP_PKEY_is_a(key, "DSA");
    if (!wants) return NULL;
    if (ec && EVP_PKEY_get_bits(key) > 384) return EVP_sha512();
    if (ec && EVP_PKEY_get_bits(key) > 256) return EVP_sha384();
    return EVP_sha256();
}

bool issue_digest(EVP_PKEY *key, const EVP_MD *wanted, const EVP_MD **digest, Failure *failure) {
    const DigestRow *row = keys_prescribed_digest(key);
    const EVP_MD *only = row ? algorithms_md(row) : NULL;
    *digest = only ? only : choose_digest(key);
    if (only && EVP_MD_get_size(only) < MIN_DIGEST_SIZE) {
        return failure_set(failure,
                           "key not usable: it allows signatures over %s only, which is "
                           "too weak",
                           row->name.text);
    }
    if (only && wanted && EVP_MD_get_type(wanted) != EVP_MD_get_type(only)) {
        return failure_set(failure, "digest not usable: the key allows :%s only", row->name.text);
    }
    if (*digest && wanted) *digest = wanted;
    return true;
}

/* Certificates that a CA issues to itself, for a new key, are not counted (RFC 5280, 4.2.1.9). */
static bool check_path_length(const Issue *issue, Failure *failure) {
    if (!issue->ca || X509_get_pathlen(issue->issuer) != 0) return true;
    if (!X509_NAME_cmp(issue->subject, X509_get_subject_name(issue->issuer))) return true;
    return failure_set(failure, "issuer not usable: its path length is 0, so no CA may come below "
                                "it: leave out :ca, or issue from a CA with a longer path");
}

static bool check_issuer(const Issue *issue, Failure *failure) {
    if (!issue->issuer) return true;
    if (X509_check_private_key(issue->issuer, issue->issuer_key) != 1) {
        ERR_clear_error();
        return failure_set(failure, "issuer not usable: its key does not match its certificate");
    }
    if (X509_check_ca(issue->issuer) != 1) {
        ERR_clear_error();
        return failure_set(failure, "issuer not usable: its certificate is not a CA's");
    }
    return check_path_length(issue, failure);
}

/* The extensions that build_certificate adds. */
static bool is_taken(const Issue *issue, int nid) {
    switch (nid) {
    case NID_basic_constraints:
    case NID_key_usage:
    case NID_subject_key_identifier:
    case NID_authority_key_identifier: return true;
    case NID_subject_alt_name: return sk_GENERAL_NAME_num(issue->alternatives) > 0;
    case NID_ext_key_usage: return sk_ASN1_OBJECT_num(issue->extended) > 0;
    default: return false;
    }
}

static bool check_further(const Issue *issue, Failure *failure) {
    for (int i = 0; i < sk_X509_EXTENSION_num(issue->extensions); i++) {
        X509_EXTENSION *extension = sk_X509_EXTENSION_value(issue->extensions, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (is_taken(issue, nid)) {
            return failure_set(failure,
                               "extension not usable: %s has an option of its own, or is "
                               "set by jsec",
                               OBJ_nid2sn(nid));
        }
        if (nid == NID_name_constraints && !issue->ca) {
            return failure_set(failure,
                               "name constraints not usable: the certificate is not a CA's");
        }
    }
    return true;
}

static bool explain_outliving(const ASN1_TIME *end, Failure *failure) {
    struct tm tm = {.tm_year = 0};
    ASN1_TIME_to_tm(end, &tm);
    return failure_set(failure,
                       "dates not usable: the certificate would outlive its CA, which ends at "
                       "%04d-%02d-%02dT%02d:%02d:%02dZ: choose an earlier end, or give "
                       ":outlive-ca true",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec);
}

static bool limit_validity(Issue *issue, Failure *failure) {
    int64_t end;
    if (!issue->issuer || issue->outlives) return true;
    if (!asn1time_get(X509_get0_notAfter(issue->issuer), &end)) return true;
    double left = (double)end - (double)issue->not_before;
    if (issue->seconds <= left) return true;
    bool cuts = issue->shortens || issue->seconds - left <= MAX_CUT;
    if (cuts && left > 0) {
        issue->seconds = left;
        return true;
    }
    return explain_outliving(X509_get0_notAfter(issue->issuer), failure);
}

bool issue_check(Issue *issue, Failure *failure) {
    ERR_clear_error();
    double last = (double)issue->not_before + issue->seconds;
    if (!((double)issue->not_before >= ASN1TIME_FIRST && last <= ASN1TIME_LAST)) {
        return failure_set(failure, "dates not usable: they must lie in the years 1950 to 9999");
    }
    if (!X509_NAME_entry_count(issue->subject) && sk_GENERAL_NAME_num(issue->alternatives) <= 0) {
        return failure_set(failure,
                           "names not usable: give a common name or a subject alternative name");
    }
    if (issue->path_length >= 0 && !issue->ca) {
        return failure_set(failure, "path length not usable: the certificate is not a CA's");
    }
    return check_further(issue, failure) && check_issuer(issue, failure) &&
           limit_validity(issue, failure);
}

/* 159 random bits: unique without a list of serial numbers, and unpredictable. */
static ASN1_INTEGER *make_serial(void) {
    BIGNUM *number = BN_new();
    ASN1_INTEGER *serial = NULL;
    bool made = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY);
    if (made) serial = BN_to_ASN1_INTEGER(number, NULL);
    BN_free(number);
    return serial;
}

static bool set_serial(const Issue *issue) {
    ASN1_INTEGER *serial = issue->serial.length ? serial_integer(&issue->serial) : make_serial();
    bool set = serial && X509_set_serialNumber(issue->certificate, serial);
    ASN1_INTEGER_free(serial);
    return set;
}

static bool set_times(X509 *certificate, int64_t first, double seconds) {
    return asn1time_set(X509_getm_notBefore(certificate), first) &&
           asn1time_set(X509_getm_notAfter(certificate), (int64_t)((double)first + seconds));
}

static bool add_extension(X509 *certificate, int nid, void *value, bool critical) {
    return X509_add1_ext_i2d(certificate, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

static bool add_basic_constraints(const Issue *issue) {
    BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    bool added = constraints;
    if (added) constraints->ca = issue->ca ? 0xff : 0;
    if (added && issue->path_length >= 0) {
        constraints->pathlen = ASN1_INTEGER_new();
        added = constraints->pathlen && ASN1_INTEGER_set(constraints->pathlen, issue->path_length);
    }
    added = added && add_extension(issue->certificate, NID_basic_constraints, constraints, true);
    BASIC_CONSTRAINTS_free(constraints);
    return added;
}

/* A self-signed certificate may be both the CA and the end of a chain: allow both uses. */
static uint32_t choose_key_usage(const Issue *issue) {
    enum {
        SIGNATURE = 1 << 0,
        ENCIPHERMENT = 1 << 2,
        AGREEMENT = 1 << 4,
        CERTS = 1 << 5,
        CRLS = 1 << 6
    };
    uint32_t usage = 0;
    if (issue->ca) usage |= CERTS | CRLS;
    if (issue->ca && issue->issuer) return usage | SIGNATURE;
    if (EVP_PKEY_is_a(issue->key, "RSA")) return usage | SIGNATURE | ENCIPHERMENT;
    if (EVP_PKEY_is_a(issue->key, "EC")) return usage | SIGNATURE | AGREEMENT;
    if (EVP_PKEY_is_a(issue->key, "X25519") || EVP_PKEY_is_a(issue->key, "X448")) return AGREEMENT;
    return usage | SIGNATURE;
}

static bool add_key_usage(const Issue *issue) {
    uint32_t usage = issue->key_usage ? issue->key_usage : choose_key_usage(issue);
    ASN1_BIT_STRING *bits = usage_key_bits(usage);
    bool added = bits && add_extension(issue->certificate, NID_key_usage, bits, true);
    ASN1_BIT_STRING_free(bits);
    return added;
}

/* RFC 5280, 4.2.1.2, method 1: SHA-1 of the public key's bits. It identifies and protects nothing.
 * */
static ASN1_OCTET_STRING *make_key_id(const X509 *certificate) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length;
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    if (id && X509_pubkey_digest(certificate, EVP_sha1(), digest, &length) &&
        ASN1_OCTET_STRING_set(id, digest, (int)length)) {
        return id;
    }
    ASN1_OCTET_STRING_free(id);
    return NULL;
}

static bool add_authority(X509 *certificate, const ASN1_OCTET_STRING *id) {
    if (!id) return true; /* an issuer may have none */
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
    if (authority) authority->keyid = ASN1_OCTET_STRING_dup(id);
    bool added = authority && authority->keyid &&
                 add_extension(certificate, NID_authority_key_identifier, authority, false);
    AUTHORITY_KEYID_free(authority);
    return added;
}

static bool add_key_ids(const Issue *issue) {
    ASN1_OCTET_STRING *own = make_key_id(issue->certificate);
    const ASN1_OCTET_STRING *authority = own;
    if (issue->issuer) authority = X509_get0_subject_key_id(issue->issuer);
    bool added = own && add_extension(issue->certificate, NID_subject_key_identifier, own, false) &&
                 add_authority(issue->certificate, authority);
    ASN1_OCTET_STRING_free(own);
    return added;
}

static bool add_alternatives(const Issue *issue) {
    if (sk_GENERAL_NAME_num(issue->alternatives) <= 0) return true;
    bool critical = X509_NAME_entry_count(issue->subject) == 0; /* RFC 5280, 4.2.1.6 */
    return add_extension(issue->certificate, NID_subject_alt_name, issue->alternatives, critical);
}

static bool add_extended_usage(const Issue *issue) {
    if (sk_ASN1_OBJECT_num(issue->extended) <= 0) return true;
    return add_extension(issue->certificate, NID_ext_key_usage, issue->extended, false);
}

static bool add_further(const Issue *issue) {
    bool added = true;
    for (int i = 0; added && i < sk_X509_EXTENSION_num(issue->extensions); i++) {
        added = X509_add_ext(issue->certificate, sk_X509_EXTENSION_value(issue->extensions, i), -1);
    }
    return added;
}

static bool build_certificate(Issue *issue, EVP_PKEY *signer, const EVP_MD *digest) {
    X509 *certificate = issue->certificate = X509_new();
    const X509_NAME *issuer = issue->issuer ? X509_get_subject_name(issue->issuer) : issue->subject;
    return certificate && X509_set_version(certificate, X509_VERSION_3) && set_serial(issue) &&
           set_times(certificate, issue->not_before, issue->seconds) &&
           X509_set_subject_name(certificate, issue->subject) &&
           X509_set_issuer_name(certificate, issuer) && X509_set_pubkey(certificate, issue->key) &&
           add_basic_constraints(issue) && add_key_usage(issue) && add_extended_usage(issue) &&
           add_alternatives(issue) && add_key_ids(issue) && add_further(issue) &&
           X509_sign(certificate, signer, digest) > 0;
}

/* Certificates that a CA issues to itself need not keep to its constraints (RFC 5280, 6.1.3). */
static bool check_constraints(const Issue *issue, Failure *failure) {
    bool is_self = issue->ca && issue->issuer &&
                   !X509_NAME_cmp(issue->subject, X509_get_subject_name(issue->issuer));
    if (!issue->issuer || is_self) return true;
    NAME_CONSTRAINTS *constraints =
        X509_get_ext_d2i(issue->issuer, NID_name_constraints, NULL, NULL);
    if (!constraints) return true;
    X509_check_purpose(issue->certificate, -1, 0); /* the check needs parsed extensions */
    int verdict = NAME_CONSTRAINTS_check(issue->certificate, constraints);
    if (verdict == X509_V_OK && !issue->ca) {
        verdict = NAME_CONSTRAINTS_check_CN(issue->certificate, constraints);
    }
    NAME_CONSTRAINTS_free(constraints);
    return verdict == X509_V_OK ||
           failure_set(failure, "names not usable: the CA's name constraints refuse them: %s",
                       X509_verify_cert_error_string(verdict));
}

bool issue_run(Issue *issue, Failure *failure) {
    ERR_clear_error();
    if (!issue->key) issue->key = keygen(&issue->algorithm, issue->bits, failure);
    if (!issue->key) return false;
    EVP_PKEY *signer = issue->issuer ? issue->issuer_key : issue->key;
    const EVP_MD *digest;
    if (!issue_can_sign(signer, failure) ||
        !issue_digest(signer, issue->digest, &digest, failure)) {
        return false;
    }
    bool built = build_certificate(issue, signer, digest);
    if (!built) failure_openssl(failure, "certificate not made");
    bool issued = built && check_constraints(issue, failure);
    ERR_clear_error();
    return issued;
}

void issue_free(Issue *issue) {
    X509_NAME_free(issue->subject);
    GENERAL_NAMES_free(issue->alternatives);
    EVP_PKEY_free(issue->key);
    X509_free(issue->issuer);
    EVP_PKEY_free(issue->issuer_key);
    EXTENDED_KEY_USAGE_free(issue->extended);
    sk_X509_EXTENSION_pop_free(issue->extensions, X509_EXTENSION_free);
    X509_free(issue->certificate);
    memset(issue, 0, sizeof *issue);
}

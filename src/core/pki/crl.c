#include "core/pki/crl.h"

#include "core/pki/asn1time.h"
#include "core/pki/issue.h"

#include <openssl/err.h>
#include <string.h>
#include <strings.h>

#define REMOVE_FROM_CRL 8
#define MAX_REASON_LENGTH 32

static const char *const reason_names[] = {
    "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
    "superseded",    "cessationOfOperation", "certificateHold", NULL,
    "removeFromCRL", "privilegeWithdrawn",   "aACompromise",
};
#define REASON_NAMES ((int)(sizeof reason_names / sizeof *reason_names))

const char *crl_reason_name(int reason) {
    return reason >= 0 && reason < REASON_NAMES ? reason_names[reason] : NULL;
}

int crl_reason(Bytes name) {
    char plain[MAX_REASON_LENGTH];
    size_t length = 0;
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '-' || name.data[i] == '_') continue;
        if (!name.data[i] || length == sizeof plain - 1) return CRL_NO_REASON;
        plain[length++] = (char)name.data[i];
    }
    plain[length] = 0;
    for (int i = 0; i < REASON_NAMES; i++) {
        bool is = reason_names[i] && i != REMOVE_FROM_CRL && !strcasecmp(plain, reason_names[i]);
        if (is) return i;
    }
    return CRL_NO_REASON;
}

/* --- making a list --- */

/* RFC 5280, 5.3.1: the reason "unspecified" is left out. */
static bool set_reason(X509_REVOKED *entry, int reason) {
    if (reason == CRL_NO_REASON || reason == CRL_REASON_UNSPECIFIED) return true;
    ASN1_ENUMERATED *value = ASN1_ENUMERATED_new();
    bool set = value && ASN1_ENUMERATED_set(value, reason) &&
               X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, value, 0, X509V3_ADD_APPEND) == 1;
    ASN1_ENUMERATED_free(value);
    return set;
}

static X509_REVOKED *make_entry(const CrlRevocation *revocation) {
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *time = ASN1_TIME_new();
    ASN1_INTEGER *serial = revocation->certificate
                               ? ASN1_INTEGER_dup(X509_get0_serialNumber(revocation->certificate))
                               : serial_integer(&revocation->serial);
    bool made = entry && time && serial && asn1time_set(time, revocation->time) &&
                X509_REVOKED_set_revocationDate(entry, time) &&
                X509_REVOKED_set_serialNumber(entry, serial) &&
                set_reason(entry, revocation->reason);
    ASN1_TIME_free(time);
    ASN1_INTEGER_free(serial);
    if (made) return entry;
    X509_REVOKED_free(entry);
    return NULL;
}

static bool is_in_range(int64_t time) {
    return time >= ASN1TIME_FIRST && time <= ASN1TIME_LAST;
}

bool crl_add(CrlIssue *issue, const CrlRevocation *revocation, Failure *failure) {
    X509 *certificate = revocation->certificate;
    if (certificate &&
        X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issue->issuer))) {
        return failure_set(failure, "revocation not usable: another CA issued that certificate");
    }
    if (!is_in_range(revocation->time)) {
        return failure_set(failure, "dates not usable: they must lie in the years 1950 to 9999");
    }
    X509_REVOKED *entry = make_entry(revocation);
    if (!issue->revoked) issue->revoked = sk_X509_REVOKED_new_null();
    if (entry && issue->revoked && sk_X509_REVOKED_push(issue->revoked, entry) > 0) return true;
    X509_REVOKED_free(entry);
    return failure_openssl(failure, "revocation not usable");
}

static bool check_list(const CrlIssue *issue, Failure *failure) {
    if (X509_check_private_key(issue->issuer, issue->key) != 1) {
        ERR_clear_error();
        return failure_set(failure, "issuer not usable: its key does not match its certificate");
    }
    if (X509_check_ca(issue->issuer) != 1) {
        ERR_clear_error();
        return failure_set(failure, "issuer not usable: its certificate is not a CA's");
    }
    if (!(X509_get_key_usage(issue->issuer) & KU_CRL_SIGN)) {
        return failure_set(failure, "issuer not usable: its key usage lacks cRLSign");
    }
    if (!is_in_range(issue->this_update) || !is_in_range(issue->next_update)) {
        return failure_set(failure, "dates not usable: they must lie in the years 1950 to 9999");
    }
    if (issue->next_update <= issue->this_update) {
        return failure_set(failure,
                           "dates not usable: the next update must be later than this update");
    }
    return issue_can_sign(issue->key, failure);
}

static int compare_serials(const X509_REVOKED *const *a, const X509_REVOKED *const *b) {
    return ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(*a), X509_REVOKED_get0_serialNumber(*b));
}

/* Hand the sorted entries over to the list. */
static bool move_entries(CrlIssue *issue, Failure *failure) {
    STACK_OF(X509_REVOKED) *all = issue->revoked;
    if (!all) return true;
    sk_X509_REVOKED_set_cmp_func(all, compare_serials);
    sk_X509_REVOKED_sort(all);
    for (int i = 1; i < sk_X509_REVOKED_num(all); i++) {
        const X509_REVOKED *pair[] = {sk_X509_REVOKED_value(all, i - 1),
                                      sk_X509_REVOKED_value(all, i)};
        if (compare_serials(&pair[0], &pair[1])) continue;
        return failure_set(failure, "revocations not usable: a certificate occurs twice");
    }
    while (sk_X509_REVOKED_num(all)) {
        X509_REVOKED *entry = sk_X509_REVOKED_value(all, sk_X509_REVOKED_num(all) - 1);
        if (!X509_CRL_add0_revoked(issue->list, entry)) {
            return failure_openssl(failure, "revocation list not made");
        }
        sk_X509_REVOKED_pop(all);
    }
    return X509_CRL_sort(issue->list) || failure_openssl(failure, "revocation list not made");
}

static bool add_number(const CrlIssue *issue) {
    ASN1_INTEGER *number = serial_integer(&issue->number);
    bool added = number && X509_CRL_add1_ext_i2d(issue->list, NID_crl_number, number, 0,
                                                 X509V3_ADD_APPEND) == 1;
    ASN1_INTEGER_free(number);
    return added;
}

static bool add_authority(const CrlIssue *issue) {
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(issue->issuer);
    if (!id) return true; /* an issuer may have none */
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
    if (authority) authority->keyid = ASN1_OCTET_STRING_dup(id);
    bool added = authority && authority->keyid &&
                 X509_CRL_add1_ext_i2d(issue->list, NID_authority_key_identifier, authority, 0,
                                       X509V3_ADD_APPEND) == 1;
    AUTHORITY_KEYID_free(authority);
    return added;
}

static bool set_dates(const CrlIssue *issue) {
    ASN1_TIME *time = ASN1_TIME_new();
    bool set = time && asn1time_set(time, issue->this_update) &&
               X509_CRL_set1_lastUpdate(issue->list, time) &&
               asn1time_set(time, issue->next_update) &&
               X509_CRL_set1_nextUpdate(issue->list, time);
    ASN1_TIME_free(time);
    return set;
}

static bool sign_list(const CrlIssue *issue, Failure *failure) {
    const EVP_MD *digest;
    if (!issue_digest(issue->key, issue->digest, &digest, failure)) return false;
    return X509_CRL_sign(issue->list, issue->key, digest) > 0 ||
           failure_openssl(failure, "revocation list not made");
}

bool crl_run(CrlIssue *issue, Failure *failure) {
    ERR_clear_error();
    if (!check_list(issue, failure)) return false;
    issue->list = X509_CRL_new();
    bool begun = issue->list && X509_CRL_set_version(issue->list, X509_CRL_VERSION_2) &&
                 X509_CRL_set_issuer_name(issue->list, X509_get_subject_name(issue->issuer)) &&
                 set_dates(issue) && add_authority(issue) && add_number(issue);
    if (!begun) return failure_openssl(failure, "revocation list not made");
    if (!move_entries(issue, failure)) return false;
    bool made = sign_list(issue, failure);
    ERR_clear_error();
    return made;
}

void crl_free(CrlIssue *issue) {
    X509_free(issue->issuer);
    EVP_PKEY_free(issue->key);
    sk_X509_REVOKED_pop_free(issue->revoked, X509_REVOKED_free);
    X509_CRL_free(issue->list);
    memset(issue, 0, sizeof *issue);
}

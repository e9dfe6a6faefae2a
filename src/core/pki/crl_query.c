#include "core/pki/asn1time.h"
#include "core/pki/crl.h"

#include <openssl/err.h>

static bool is_of_issuer(const X509_CRL *list, const X509 *certificate) {
    return !X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_issuer_name(certificate));
}

static bool check_signature(const CrlQuery *query, X509_CRL *list, Failure *failure) {
    if (!query->issuer) return true;
    if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(query->issuer))) {
        return failure_set(failure, "revocation list not usable: it is of another CA than "
                                    ":issuer-cert");
    }
    if (!(X509_get_key_usage(query->issuer) & KU_CRL_SIGN)) {
        return failure_set(failure, "issuer not usable: its key usage lacks cRLSign");
    }
    EVP_PKEY *key = X509_get0_pubkey(query->issuer);
    bool verifies = key && X509_CRL_verify(list, key) == 1;
    if (!verifies && failure_of_memory(failure)) return false;
    return verifies ||
           failure_set(failure, "revocation list not usable: its signature does not verify");
}

static bool check_dates(const CrlQuery *query, const X509_CRL *list, Failure *failure) {
    int64_t from, to;
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list);
    if (!asn1time_get(X509_CRL_get0_lastUpdate(list), &from) ||
        (next && !asn1time_get(next, &to))) {
        return failure_set(failure, "revocation list not usable: its dates can't be read");
    }
    if (query->time < from) {
        return failure_set(failure, "revocation list not usable: it is not valid yet");
    }
    bool is_old = next && query->time > to;
    return !is_old || failure_set(failure, "revocation list not usable: a newer one was due, get "
                                           "it from the CA");
}

/* A critical extension limits what a list is about: to some reasons, to some certificates, or to
 * the changes since another list. */
static bool check_scope(const X509_CRL *list, Failure *failure) {
    bool is_whole = X509_CRL_get_ext_by_NID(list, NID_delta_crl, -1) < 0 &&
                    X509_CRL_get_ext_by_critical(list, 1, -1) < 0;
    return is_whole ||
           failure_set(failure, "revocation list not usable: it is about some certificates or "
                                "reasons only: use cert/verify-chain with :crls");
}

static bool ask_list(const CrlQuery *query, X509_CRL *list, bool *revoked, Failure *failure) {
    X509_REVOKED *entry = NULL;
    if (!check_signature(query, list, failure)) return false;
    int found = X509_CRL_get0_by_cert(list, &entry, query->certificate);
    *revoked = found == 1; /* 2: removeFromCRL */
    /* Any list can tell that it is revoked, only a current and complete one that it is not. */
    return *revoked || (check_dates(query, list, failure) && check_scope(list, failure));
}

bool crl_ask(const CrlQuery *query, bool *revoked, Failure *failure) {
    bool known = false;
    *revoked = false;
    ERR_clear_error();
    failure_set(failure, "revocation list not usable: it is not of the certificate's issuer");
    for (int i = 0; !*revoked && i < sk_X509_CRL_num(query->lists); i++) {
        X509_CRL *list = sk_X509_CRL_value(query->lists, i);
        if (!is_of_issuer(list, query->certificate)) continue;
        if (ask_list(query, list, revoked, failure)) known = true;
    }
    ERR_clear_error();
    return known;
}

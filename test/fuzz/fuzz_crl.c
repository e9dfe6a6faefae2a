/* Revocation lists: what is read from them, and what they say of a certificate. */
#include "core/keys/pem.h"
#include "core/pki/crl.h"
#include "fuzz.h"

#define LIST_TIME 1800000000

static void look_at(X509_CRL *list) {
    Failure failure = {""};
    CrlInfo info;
    if (!crl_info_read(&info, list, &failure)) fuzz_expect_reason(&failure);
    crl_info_free(&info);
}

/* A certificate with the list's issuer and, for an even `which`, the serial of an entry. */
static X509 *make_certificate(X509_CRL *list, int which) {
    X509 *made = X509_new();
    STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(list);
    if (!made || !X509_set_issuer_name(made, X509_CRL_get_issuer(list))) abort();
    ASN1_INTEGER_set(X509_get_serialNumber(made), 7);
    if (all && sk_X509_REVOKED_num(all) && which % 2 == 0) {
        const X509_REVOKED *entry = sk_X509_REVOKED_value(all, 0);
        X509_set_serialNumber(made,
                              (ASN1_INTEGER *)(uintptr_t)X509_REVOKED_get0_serialNumber(entry));
    }
    return made;
}

static void ask(STACK_OF(X509_CRL) * lists) {
    for (int i = 0; i < 2; i++) {
        Failure failure = {""};
        bool revoked;
        X509 *certificate = make_certificate(sk_X509_CRL_value(lists, 0), i);
        CrlQuery query = {.certificate = certificate, .lists = lists, .time = LIST_TIME};
        if (!crl_ask(&query, &revoked, &failure)) {
            fuzz_expect_reason(&failure);
            fuzz_expect(!revoked);
        }
        query.issuer = certificate;
        if (!crl_ask(&query, &revoked, &failure)) fuzz_expect_reason(&failure);
        X509_free(certificate);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    Serial serial;
    serial_parse((Bytes){data, size}, &serial);
    crl_reason((Bytes){data, size});
    STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
    if (pem_add_crls(lists, (Bytes){data, size}, &failure)) {
        for (int i = 0; i < sk_X509_CRL_num(lists); i++) look_at(sk_X509_CRL_value(lists, i));
        ask(lists);
    } else {
        fuzz_expect_reason(&failure);
    }
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
    return 0;
}

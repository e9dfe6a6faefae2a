#include "pki/values.h"

#include "base/value.h"
#include "core/keys/pem.h"
#include "core/pki/usage.h"

#include <string.h>

#define MAX_ITEMS 10000

bool values_are(Janet value, int types) {
    if (janet_checktypes(value, types)) return true;
    JanetView items;
    if (!janet_indexed_view(value, &items.items, &items.len) || items.len > MAX_ITEMS) return false;
    for (int32_t i = 0; i < items.len; i++) {
        if (!janet_checktypes(items.items[i], types)) return false;
    }
    return true;
}

int32_t values_count(Janet list) {
    JanetView view;
    if (janet_checktype(list, JANET_NIL)) return 0;
    return janet_indexed_view(list, &view.items, &view.len) ? view.len : 1;
}

Bytes values_item(Janet list, int32_t index) {
    JanetView view;
    return value_bytes(janet_indexed_view(list, &view.items, &view.len) ? view.items[index] : list);
}

GENERAL_NAMES *values_alternatives(Janet names, Failure *failure) {
    GENERAL_NAMES *all = GENERAL_NAMES_new();
    bool added = all || failure_set(failure, "out of memory");
    for (int32_t i = 0; added && i < values_count(names); i++) {
        added = name_add_alternative(all, values_item(names, i), failure);
    }
    if (added) return all;
    GENERAL_NAMES_free(all);
    return NULL;
}

bool values_subject(const NameFields *fields, Janet san, X509_NAME **subject, GENERAL_NAMES **names,
                    Failure *failure) {
    if (!(*subject = name_build(fields, failure))) return false;
    if (!(*names = values_alternatives(san, failure))) return false;
    if (!janet_checktype(san, JANET_NIL) || !name_is_alternative(fields->common_name)) return true;
    return name_add_alternative(*names, fields->common_name, failure);
}

EXTENDED_KEY_USAGE *values_extended_usage(Janet names) {
    EXTENDED_KEY_USAGE *all = EXTENDED_KEY_USAGE_new();
    for (int32_t i = 0; all && i < values_count(names); i++) {
        ASN1_OBJECT *usage = usage_extended(values_item(names, i));
        if (usage && sk_ASN1_OBJECT_push(all, usage) > 0) continue;
        ASN1_OBJECT_free(usage);
        EXTENDED_KEY_USAGE_free(all);
        all = NULL;
    }
    return all;
}

static bool move_certificates(STACK_OF(X509) * from, STACK_OF(X509) * to) {
    X509 *certificate;
    while ((certificate = sk_X509_shift(from))) {
        if (sk_X509_push(to, certificate) > 0) continue;
        X509_free(certificate);
        return false;
    }
    return true;
}

STACK_OF(X509) * values_certificates(Janet list, bool *is_pem, Failure *failure) {
    STACK_OF(X509) *all = sk_X509_new_null();
    bool taken = all || failure_set(failure, "out of memory");
    for (int32_t i = 0; taken && i < values_count(list); i++) {
        STACK_OF(X509) *some =
            pem_load_certificates(values_item(list, i), i ? NULL : is_pem, failure);
        taken = some && (move_certificates(some, all) || failure_set(failure, "out of memory"));
        sk_X509_pop_free(some, X509_free);
    }
    if (taken) return all;
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

bool values_pem(const X509 *certificate, Janet *into) {
    size_t length = 0;
    char *pem = pem_of_certificate(certificate, &length);
    if (pem) *into = janet_stringv((const uint8_t *)pem, (int32_t)length);
    OPENSSL_free(pem);
    return pem;
}

bool values_pems(const STACK_OF(X509) * certificates, Janet *into) {
    int count = certificates ? sk_X509_num(certificates) : 0;
    JanetArray *pems = janet_array(count);
    for (int i = 0; i < count; i++) {
        Janet pem;
        if (!values_pem(sk_X509_value(certificates, i), &pem)) return false;
        janet_array_push(pems, pem);
    }
    *into = janet_wrap_array(pems);
    return true;
}

Janet values_bio(BIO *bio) {
    char *text;
    long length = BIO_get_mem_data(bio, &text);
    return janet_stringv((const uint8_t *)text, (int32_t)length);
}

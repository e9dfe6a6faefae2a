#define _DEFAULT_SOURCE /* timegm, strncasecmp */
#include "pki/take.h"

#include "base/raise.h"
#include "core/algorithms.h"
#include "core/keys/pem.h"
#include "core/pki/name.h"
#include "core/pki/usage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MAX_ITEMS 10000

static bool is_list_of(Janet value, int types) {
    if (janet_checktypes(value, types)) return true;
    JanetView items;
    if (!janet_indexed_view(value, &items.items, &items.len) || items.len > MAX_ITEMS) return false;
    for (int32_t i = 0; i < items.len; i++) {
        if (!janet_checktypes(items.items[i], types)) return false;
    }
    return true;
}

int32_t take_count(Janet list) {
    JanetView view;
    if (janet_checktype(list, JANET_NIL)) return 0;
    return janet_indexed_view(list, &view.items, &view.len) ? view.len : 1;
}

Bytes take_item(Janet list, int32_t index) {
    JanetView view;
    return value_bytes(janet_indexed_view(list, &view.items, &view.len) ? view.items[index] : list);
}

void take_option_names(const OptionSite *site, Janet value, void *field) {
    if (!is_list_of(value, JANET_TFLAG_BYTES))
        option_refuse(site, "string or list of strings", value);
    *(Janet *)field = value;
}

bool take_is_bytes_list(Janet value) {
    return is_list_of(value, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER);
}

void take_option_certificates(const OptionSite *site, Janet value, void *field) {
    if (!take_is_bytes_list(value)) {
        option_refuse(site, "string or buffer, or a list of these", value);
    }
    *(Janet *)field = value;
}

void take_option_key_usage(const OptionSite *site, Janet value, void *field) {
    Janet names = janet_wrap_nil();
    uint32_t bits = 0;
    take_option_names(site, value, &names);
    for (int32_t i = 0; i < take_count(names); i++) {
        int bit = usage_key_bit(take_item(names, i));
        if (bit < 0) {
            option_refuse(site,
                          "digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment, "
                          "keyAgreement, keyCertSign, cRLSign, encipherOnly or decipherOnly",
                          value);
        }
        bits |= 1u << bit;
    }
    *(uint32_t *)field = bits;
}

void take_option_extended_usage(const OptionSite *site, Janet value, void *field) {
    Janet names = janet_wrap_nil();
    take_option_names(site, value, &names);
    for (int32_t i = 0; i < take_count(names); i++) {
        ASN1_OBJECT *usage = usage_extended(take_item(names, i));
        if (!usage) {
            option_refuse(site,
                          "serverAuth, clientAuth, codeSigning, emailProtection, timeStamping, "
                          "OCSPSigning, anyExtendedKeyUsage or a dotted OID",
                          value);
        }
        ASN1_OBJECT_free(usage);
    }
    *(Janet *)field = names;
}

/* The digits that begin at `at`, up to `count`; -1 where there is another character. */
static int digits(const uint8_t *at, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9') return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

static bool matches(const uint8_t *text, const char *pattern) {
    for (; *pattern; text++, pattern++) {
        if (*pattern == '0' ? *text < '0' || *text > '9' : *text != (uint8_t)*pattern) return false;
    }
    return true;
}

/* ISO 8601's "2030-01-31", with "T12:00:00Z" or without; NAN where it is none. */
static double date_of(Bytes text) {
    bool day = text.length == 10 && matches(text.data, "0000-00-00");
    bool time = text.length == 20 && matches(text.data, "0000-00-00T00:00:00Z");
    if (!day && !time) return NAN;
    struct tm tm = {.tm_year = digits(text.data, 4) - 1900,
                    .tm_mon = digits(text.data + 5, 2) - 1,
                    .tm_mday = digits(text.data + 8, 2)};
    if (time) {
        tm.tm_hour = digits(text.data + 11, 2);
        tm.tm_min = digits(text.data + 14, 2);
        tm.tm_sec = digits(text.data + 17, 2);
    }
    struct tm given = tm;
    time_t seconds = timegm(&tm);
    /* timegm makes February 30 a day in March, and so on: no such date was given. */
    bool exists = tm.tm_mday == given.tm_mday && tm.tm_mon == given.tm_mon &&
                  tm.tm_hour == given.tm_hour && tm.tm_min == given.tm_min &&
                  tm.tm_sec == given.tm_sec;
    return exists ? (double)seconds : (double)NAN;
}

void take_option_date(const OptionSite *site, Janet value, void *field) {
    double seconds = NAN;
    if (janet_checktype(value, JANET_NUMBER)) seconds = janet_unwrap_number(value);
    if (janet_checktypes(value, JANET_TFLAG_BYTES)) seconds = date_of(value_bytes(value));
    if (!isfinite(seconds)) {
        option_refuse(site, "seconds since the epoch, \"2030-01-31\" or \"2030-01-31T12:00:00Z\"",
                      value);
    }
    *(double *)field = floor(seconds);
}

void take_option_days(const OptionSite *site, Janet value, void *field) {
    double days = janet_checktype(value, JANET_NUMBER) ? janet_unwrap_number(value) : NAN;
    if (!(days > 0 && isfinite(days))) option_refuse(site, "positive number of days", value);
    *(double *)field = days;
}

void take_option_key_type(const OptionSite *site, Janet value, void *field) {
    if (!janet_checktypes(value, JANET_TFLAG_BYTES)) option_refuse(site, "type of a key", value);
    Failure failure;
    if (!algorithms_key(value_bytes(value), field, &failure))
        raise_failure(site->function, &failure);
}

GENERAL_NAMES *take_alternatives(Janet names, Failure *failure) {
    GENERAL_NAMES *all = GENERAL_NAMES_new();
    bool added = all || failure_set(failure, "out of memory");
    for (int32_t i = 0; added && i < take_count(names); i++) {
        added = name_add_alternative(all, take_item(names, i), failure);
    }
    if (added) return all;
    GENERAL_NAMES_free(all);
    return NULL;
}

bool take_subject(const NameFields *fields, Janet san, X509_NAME **subject, GENERAL_NAMES **names,
                  Failure *failure) {
    if (!(*subject = name_build(fields, failure))) return false;
    if (!(*names = take_alternatives(san, failure))) return false;
    if (!janet_checktype(san, JANET_NIL) || !name_is_alternative(fields->common_name)) return true;
    return name_add_alternative(*names, fields->common_name, failure);
}

EXTENDED_KEY_USAGE *take_extended_usage(Janet names) {
    EXTENDED_KEY_USAGE *all = EXTENDED_KEY_USAGE_new();
    for (int32_t i = 0; all && i < take_count(names); i++) {
        ASN1_OBJECT *usage = usage_extended(take_item(names, i));
        if (usage && sk_ASN1_OBJECT_push(all, usage) > 0) continue;
        ASN1_OBJECT_free(usage);
        EXTENDED_KEY_USAGE_free(all);
        all = NULL;
    }
    return all;
}

static bool move_all(STACK_OF(X509) * from, STACK_OF(X509) * to) {
    X509 *certificate;
    while ((certificate = sk_X509_shift(from))) {
        if (sk_X509_push(to, certificate) > 0) continue;
        X509_free(certificate);
        return false;
    }
    return true;
}

STACK_OF(X509) * take_certificates(Janet list, Failure *failure) {
    STACK_OF(X509) *all = sk_X509_new_null();
    bool taken = all || failure_set(failure, "out of memory");
    for (int32_t i = 0; taken && i < take_count(list); i++) {
        STACK_OF(X509) *some = pem_certificates(take_item(list, i), failure);
        taken = some && (move_all(some, all) || failure_set(failure, "out of memory"));
        sk_X509_pop_free(some, X509_free);
    }
    if (taken) return all;
    sk_X509_pop_free(all, X509_free);
    return NULL;
}

bool take_pem(const X509 *certificate, Janet *into) {
    size_t length = 0;
    char *pem = pem_of_certificate(certificate, &length);
    if (pem) *into = janet_stringv((const uint8_t *)pem, (int32_t)length);
    OPENSSL_free(pem);
    return pem;
}

bool take_pems(const STACK_OF(X509) * certificates, Janet *into) {
    int count = certificates ? sk_X509_num(certificates) : 0;
    JanetArray *pems = janet_array(count);
    for (int i = 0; i < count; i++) {
        Janet pem;
        if (!take_pem(sk_X509_value(certificates, i), &pem)) return false;
        janet_array_push(pems, pem);
    }
    *into = janet_wrap_array(pems);
    return true;
}

Janet take_bio(BIO *bio) {
    char *text;
    long length = BIO_get_mem_data(bio, &text);
    return janet_stringv((const uint8_t *)text, (int32_t)length);
}

#include "pki/options.h"

#include "base/args.h"
#include "base/key.h"
#include "base/raise.h"
#include "core/algorithms.h"
#include "core/calendar.h"
#include "core/pki/serial.h"
#include "core/pki/usage.h"
#include "pki/extensions.h"
#include "pki/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void pki_option_names(const OptionSite *site, Janet value, void *field) {
    if (!values_are(value, JANET_TFLAG_BYTES))
        option_refuse(site, "string or list of strings", value);
    *(Janet *)field = value;
}

void pki_option_certificates(const OptionSite *site, Janet value, void *field) {
    if (!values_are(value, VALUES_BYTES)) {
        option_refuse(site, "string or buffer, or a list of these", value);
    }
    *(Janet *)field = value;
}

void pki_option_key_usage(const OptionSite *site, Janet value, void *field) {
    Janet names = janet_wrap_nil();
    uint32_t bits = 0;
    pki_option_names(site, value, &names);
    for (int32_t i = 0; i < values_count(names); i++) {
        int bit = usage_key_bit(values_item(names, i));
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

void pki_option_extended_usage(const OptionSite *site, Janet value, void *field) {
    Janet names = janet_wrap_nil();
    pki_option_names(site, value, &names);
    for (int32_t i = 0; i < values_count(names); i++) {
        ASN1_OBJECT *usage = usage_extended(values_item(names, i));
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

void pki_option_values(const OptionSite *site, Janet value, void *field) {
    NameValues *values = field;
    bool fits = values_are(value, VALUES_BYTES) && values_count(value) <= NAME_MAX_VALUES;
    if (!fits) option_refuse(site, "string or list of strings, at most 16", value);
    values->count = 0;
    for (int32_t i = 0; i < values_count(value); i++) {
        Bytes item = values_item(value, i);
        if (memchr(item.data, 0, item.length)) {
            option_refuse(site, "string without NUL bytes",
                          janet_stringv(item.data, (int32_t)item.length));
        }
        values->items[values->count++] = item;
    }
}

/* The number in `count` digits; -1 if there is another character. */
static int parse_digits(const uint8_t *at, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9') return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

static bool matches_pattern(const uint8_t *text, const char *pattern) {
    for (; *pattern; text++, pattern++) {
        if (*pattern == '0' ? *text < '0' || *text > '9' : *text != (uint8_t)*pattern) return false;
    }
    return true;
}

/* A date of ISO 8601, "2030-01-31" or "2030-01-31T12:00:00Z"; NAN if it is none. */
static double parse_date(Bytes text) {
    bool day = text.length == 10 && matches_pattern(text.data, "0000-00-00");
    bool time = text.length == 20 && matches_pattern(text.data, "0000-00-00T00:00:00Z");
    if (!day && !time) return NAN;
    struct tm tm = {.tm_year = parse_digits(text.data, 4) - 1900,
                    .tm_mon = parse_digits(text.data + 5, 2) - 1,
                    .tm_mday = parse_digits(text.data + 8, 2)};
    if (time) {
        tm.tm_hour = parse_digits(text.data + 11, 2);
        tm.tm_min = parse_digits(text.data + 14, 2);
        tm.tm_sec = parse_digits(text.data + 17, 2);
    }
    return calendar_exists(&tm) ? (double)calendar_seconds(&tm) : (double)NAN;
}

void pki_option_date(const OptionSite *site, Janet value, void *field) {
    double seconds = NAN;
    if (janet_checktype(value, JANET_NUMBER)) seconds = janet_unwrap_number(value);
    if (janet_checktypes(value, JANET_TFLAG_BYTES)) seconds = parse_date(value_bytes(value));
    if (!isfinite(seconds)) {
        option_refuse(site, "seconds since the epoch, \"2030-01-31\" or \"2030-01-31T12:00:00Z\"",
                      value);
    }
    /* No certificate can state a time beyond these limits, but an int64_t can hold it. */
    *(double *)field = fmax(fmin(floor(seconds), 1e15), -1e15);
}

void pki_option_days(const OptionSite *site, Janet value, void *field) {
    double days = janet_checktype(value, JANET_NUMBER) ? janet_unwrap_number(value) : NAN;
    if (!(days > 0 && isfinite(days))) option_refuse(site, "positive number of days", value);
    *(double *)field = days;
}

/* The largest whole number below which all others are numbers of Janet too. */
#define MAX_WHOLE_NUMBER 9007199254740992.0

void pki_option_serial(const OptionSite *site, Janet value, void *field) {
    char hex[32];
    Bytes text = {NULL, 0};
    double number = janet_checktype(value, JANET_NUMBER) ? janet_unwrap_number(value) : 0;
    if (number >= 1 && number <= MAX_WHOLE_NUMBER && floor(number) == number) {
        text.data = (const uint8_t *)hex;
        text.length = (size_t)snprintf(hex, sizeof hex, "%llx", (unsigned long long)number);
    }
    if (janet_checktypes(value, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) text = value_bytes(value);
    if (!serial_parse(text, field)) {
        option_refuse(site, "whole number from 1 on or hexadecimal digits, at most 159 bits",
                      value);
    }
}

void pki_option_key_type(const OptionSite *site, Janet value, void *field) {
    if (!janet_checktypes(value, JANET_TFLAG_BYTES)) option_refuse(site, "type of a key", value);
    Failure failure;
    if (!algorithms_key(value_bytes(value), field, &failure))
        raise_value(site->function, &failure, value);
}

/* --- rows that several functions share --- */

static const OptionRow subject_rows[] = {
    OPTION("common-name", option_text, SubjectOptions, name.common_name,
           "CN of the subject, up to 64 characters; \"\" leaves it out."),
    OPTION("country", option_text, SubjectOptions, name.country,
           "C, two letters; \"\" leaves it out."),
    OPTION("state", option_text, SubjectOptions, name.state, "ST, a state or province."),
    OPTION("locality", option_text, SubjectOptions, name.locality, "L, a city."),
    OPTION("organization", option_text, SubjectOptions, name.organization,
           "O; \"\" leaves it out."),
    OPTION("organizational-unit", pki_option_values, SubjectOptions, name.organizational_units,
           "OU, or a list of several."),
    OPTION("domain-component", pki_option_values, SubjectOptions, name.domain_components,
           "DC, or a list of several, the top of the domain first: [\"com\" \"example\"]."),
    OPTION("DC", pki_option_values, SubjectOptions, name.domain_components,
           "The same as `:domain-component`."),
    OPTION("email", option_text, SubjectOptions, name.email, "emailAddress of the subject."),
    OPTION(
        "san", pki_option_names, SubjectOptions, san,
        "Subject alternative names, the names that clients compare: a list of "
        "\"DNS:example.com\", \"IP:192.0.2.1\", \"URI:https://…\", \"email:a@b.example\", "
        "\"UPN:user@domain\", \"SRV:_service.domain\", \"RID:1.2.3\", \"dirName:CN=Jane,C=US\" or "
        "\"otherName:1.2.3;UTF8:text\". Without a prefix it is a DNS name, an IP address, an email "
        "address or a URI; another word before a colon raises. Default: the common name, if it is "
        "a DNS name, an IP address or an email address."),
};

static const OptionRow usage_rows[] = {
    OPTION("key-usage", pki_option_key_usage, SubjectOptions, key_usage,
           "keyUsage (critical): names such as digitalSignature or :digital-signature."),
    OPTION("ext-key-usage", pki_option_extended_usage, SubjectOptions, extended,
           "extKeyUsage: names such as serverAuth or :client-auth, or OIDs."),
    OPTION("digest", args_option_signature_digest, SubjectOptions, digest,
           "Digest of the signature. Default: :sha256, :sha384 for P-384 keys, :sha512 for P-521 "
           "keys, or what an RSA-PSS key allows. Ed25519, Ed448, ML-DSA "
           "and SLH-DSA have their own."),
};

static const OptionSet usage_options = OPTION_SET(usage_rows);
static const OptionSet *const further_parts[] = {&usage_options, &pki_extension_options, NULL};
const OptionSet pki_subject_options = OPTION_SET_WITH(subject_rows, further_parts);

static const OptionRow issuer_rows[] = {
    OPTION("issuer-cert", option_bytes, IssuerOptions, certificate,
           "Certificate of the CA, PEM, DER or a path. Required."),
    OPTION_SECRET("issuer-key", key_option, IssuerOptions, key, "Private key of the CA. Required."),
    OPTION_SECRET("issuer-password", option_bytes, IssuerOptions, password,
                  "Password of the issuer's key, if it is encrypted."),
};
const OptionSet pki_issuer_options = OPTION_SET(issuer_rows);

void pki_require_issuer(const char *function, const IssuerOptions *issuer) {
    if (issuer->certificate.data && issuer->key.data) return;
    raise_format(function, "options :issuer-cert and :issuer-key are required");
}

SubjectOptions pki_subject_defaults(void) {
    Janet nil = janet_wrap_nil();
    return (SubjectOptions){
        .san = nil,
        .extended = nil,
        .extensions = {nil, nil, nil, nil, nil, nil, nil, false},
    };
}

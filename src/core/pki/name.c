#include "core/pki/name.h"

#include "core/shown.h"

#include <openssl/err.h>
#include <string.h>
#include <strings.h>

#define MAX_DNS_NAME_LENGTH 253
#define MAX_LABEL_LENGTH 63
#define MAX_IP_TEXT_LENGTH 45 /* an IPv6 address with an IPv4 tail */

static bool add_field(X509_NAME *name, int nid, Bytes value, Failure *failure) {
    if (!value.length) return true;
    const char *field = OBJ_nid2ln(nid);
    if (value.length > 32768 || memchr(value.data, 0, value.length)) {
        return failure_set(failure, "subject not usable: %s: NUL byte inside or too long", field);
    }
    int length = (int)value.length;
    if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, value.data, length, -1, 0))
        return true;
    Shown shown;
    return failure_openssl(failure, "subject not usable: %s %s", field, shown_name(value, &shown));
}

X509_NAME *name_build(const NameFields *fields, Failure *failure) {
    ERR_clear_error();
    X509_NAME *name = X509_NAME_new();
    if (!name) {
        failure_openssl(failure, "subject not usable");
        return NULL;
    }
    /* The widest field first, as most tools write them. */
    if (add_field(name, NID_countryName, fields->country, failure) &&
        add_field(name, NID_stateOrProvinceName, fields->state, failure) &&
        add_field(name, NID_localityName, fields->locality, failure) &&
        add_field(name, NID_organizationName, fields->organization, failure) &&
        add_field(name, NID_organizationalUnitName, fields->organizational_unit, failure) &&
        add_field(name, NID_commonName, fields->common_name, failure) &&
        add_field(name, NID_pkcs9_emailAddress, fields->email, failure)) {
        return name;
    }
    X509_NAME_free(name);
    return NULL;
}

/* Letters, digits, hyphens and underscores, which occur in practice; the first label may be "*".
 * Verifiers compare the IA5String byte by byte, so no other byte is accepted. */
static bool is_dns_name(Bytes text) {
    if (!text.length || text.length > MAX_DNS_NAME_LENGTH) return false;
    size_t i = text.length > 2 && text.data[0] == '*' && text.data[1] == '.' ? 2 : 0;
    for (size_t label = 0; i <= text.length; i++) {
        if (i == text.length || text.data[i] == '.') {
            if (label == 0 || label > MAX_LABEL_LENGTH) return false;
            label = 0;
            continue;
        }
        uint8_t c = text.data[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        if (!fits) return false;
        label++;
    }
    return true;
}

static ASN1_OCTET_STRING *parse_address(Bytes text) {
    char copy[MAX_IP_TEXT_LENGTH + 1];
    if (text.length > MAX_IP_TEXT_LENGTH) return NULL;
    memcpy(copy, text.data, text.length);
    copy[text.length] = 0;
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(copy);
    ERR_clear_error();
    return address;
}

/* Printable ASCII without spaces. */
static bool is_plain(Bytes text) {
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') return false;
    }
    return text.length > 0 && text.length <= 2048;
}

static bool is_email(Bytes text) {
    const uint8_t *at = memchr(text.data, '@', text.length);
    return at && at > text.data && at < text.data + text.length - 1 && is_plain(text);
}

static bool is_uri(Bytes text) {
    const uint8_t *colon = memchr(text.data, ':', text.length);
    return colon && colon > text.data && is_plain(text);
}

static bool has_authority(Bytes text) {
    const uint8_t *colon = memchr(text.data, ':', text.length);
    size_t after = colon ? (size_t)(text.data + text.length - colon) : 0;
    return after >= 3 && colon[1] == '/' && colon[2] == '/';
}

static const struct {
    const char *prefix;
    int type;
} prefixes[] = {
    {"DNS:", GEN_DNS}, {"IP:", GEN_IPADD},    {"IP Address:", GEN_IPADD},
    {"URI:", GEN_URI}, {"email:", GEN_EMAIL},
};

/* Remove the prefix and return its type; -1: there is none. */
static int take_prefix(Bytes *text) {
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i].prefix);
        if (text->length >= length &&
            !strncasecmp((const char *)text->data, prefixes[i].prefix, length)) {
            *text = (Bytes){text->data + length, text->length - length};
            return prefixes[i].type;
        }
    }
    return -1;
}

static int guess_type(Bytes text) {
    ASN1_OCTET_STRING *address = parse_address(text);
    if (address) {
        ASN1_OCTET_STRING_free(address);
        return GEN_IPADD;
    }
    if (has_authority(text)) return GEN_URI;
    if (memchr(text.data, '@', text.length)) return GEN_EMAIL;
    return GEN_DNS;
}

static bool fits_type(int type, Bytes text) {
    switch (type) {
    case GEN_DNS: return is_dns_name(text);
    case GEN_URI: return is_uri(text);
    case GEN_EMAIL: return is_email(text);
    default: return true; /* addresses are parsed */
    }
}

bool name_is_sound(const GENERAL_NAME *name) {
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_DNS && type != GEN_IPADD && type != GEN_EMAIL && type != GEN_URI) return false;
    int length = ASN1_STRING_length(value);
    if (type == GEN_IPADD) return length == 4 || length == 16;
    return length > 0 && fits_type(type, (Bytes){ASN1_STRING_get0_data(value), (size_t)length});
}

bool name_is_alternative(Bytes text) {
    Bytes value = text;
    if (take_prefix(&value) >= 0) return false; /* a common name "DNS:x" is no host name */
    return text.length && fits_type(guess_type(text), text);
}

static GENERAL_NAME *make_general_name(int type, Bytes text) {
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = NULL;
    if (name && type == GEN_IPADD) value = parse_address(text);
    if (name && type != GEN_IPADD) value = ASN1_IA5STRING_new();
    if (value && type != GEN_IPADD && !ASN1_STRING_set(value, text.data, (int)text.length)) {
        ASN1_STRING_free(value);
        value = NULL;
    }
    if (value) {
        GENERAL_NAME_set0_value(name, type, value);
        return name;
    }
    GENERAL_NAME_free(name);
    return NULL;
}

bool name_add_alternative(GENERAL_NAMES *names, Bytes text, Failure *failure) {
    static const char *const expected[] = {
        [GEN_EMAIL] = "an email address",
        [GEN_DNS] = "a DNS name (international ones in their xn-- form)",
        [GEN_URI] = "a URI",
        [GEN_IPADD] = "an IP address",
    };
    Bytes value = text;
    int type = take_prefix(&value);
    if (type < 0) type = guess_type(value);
    GENERAL_NAME *name = fits_type(type, value) ? make_general_name(type, value) : NULL;
    if (name && sk_GENERAL_NAME_push(names, name) > 0) return true;
    GENERAL_NAME_free(name);
    ERR_clear_error();
    Shown shown;
    return failure_set(failure, "subject alternative name not usable: %s is not %s",
                       shown_name(text, &shown), expected[type]);
}

bool name_add_common(GENERAL_NAMES *names, const X509_NAME *subject, Failure *failure) {
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return true;
    const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, at);
    unsigned char *text = NULL;
    int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
    ERR_clear_error();
    if (length < 0) return true;
    Bytes name = {text, (size_t)length};
    bool added = !name_is_alternative(name) || name_add_alternative(names, name, failure);
    OPENSSL_free(text);
    return added;
}

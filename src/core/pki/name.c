#include "core/pki/name.h"

#include "core/hostname.h"
#include "core/pki/distinguished.h"
#include "core/pki/other_name.h"
#include "core/shown.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>
#include <strings.h>

#define MAX_OID_LENGTH 200

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

static bool add_values(X509_NAME *name, int nid, const NameValues *values, Failure *failure) {
    bool added = true;
    for (size_t i = 0; added && i < values->count; i++) {
        added = add_field(name, nid, values->items[i], failure);
    }
    return added;
}

X509_NAME *name_build(const NameFields *fields, Failure *failure) {
    ERR_clear_error();
    X509_NAME *name = X509_NAME_new();
    if (!name) {
        failure_openssl(failure, "subject not usable");
        return NULL;
    }
    /* The widest field first, as most tools write them. */
    if (add_values(name, NID_domainComponent, &fields->domain_components, failure) &&
        add_field(name, NID_countryName, fields->country, failure) &&
        add_field(name, NID_stateOrProvinceName, fields->state, failure) &&
        add_field(name, NID_localityName, fields->locality, failure) &&
        add_field(name, NID_organizationName, fields->organization, failure) &&
        add_values(name, NID_organizationalUnitName, &fields->organizational_units, failure) &&
        add_field(name, NID_commonName, fields->common_name, failure) &&
        add_field(name, NID_pkcs9_emailAddress, fields->email, failure)) {
        return name;
    }
    X509_NAME_free(name);
    return NULL;
}

/* No top-level domain is a number: "300.1.1.1" is a wrong IP address (RFC 3696, 2). */
static bool ends_in_number(Bytes text) {
    size_t digits = 0;
    while (digits < text.length && text.data[text.length - 1 - digits] >= '0' &&
           text.data[text.length - 1 - digits] <= '9') {
        digits++;
    }
    bool whole = digits == text.length || text.data[text.length - 1 - digits] == '.';
    return digits && whole;
}

/* The first label may be "*". Verifiers compare the IA5String byte by byte, so no other byte than
 * those of host names is accepted. */
static bool is_dns_name(Bytes text) {
    bool wildcard = text.length > 2 && text.data[0] == '*' && text.data[1] == '.';
    Bytes host = wildcard ? (Bytes){text.data + 2, text.length - 2} : text;
    return text.length <= MAX_HOST_NAME && !ends_in_number(text) && hostname_is_sound(host);
}

/* OpenSSL's a2i_IPADDRESS ignores what follows a space. */
ASN1_OCTET_STRING *name_address(Bytes text) {
    char copy[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    if (text.length >= sizeof copy || memchr(text.data, 0, text.length)) return NULL;
    memcpy(copy, text.data, text.length);
    copy[text.length] = 0;
    int length = inet_pton(AF_INET, copy, bytes) == 1 ? 4 : 16;
    if (length == 16 && inet_pton(AF_INET6, copy, bytes) != 1) return NULL;
    ASN1_OCTET_STRING *address = ASN1_OCTET_STRING_new();
    if (address && ASN1_OCTET_STRING_set(address, bytes, length)) return address;
    ASN1_OCTET_STRING_free(address);
    return NULL;
}

/* Printable ASCII without spaces. */
static bool is_plain(Bytes text) {
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') return false;
    }
    return text.length > 0 && text.length <= 2048;
}

static bool is_in(const char *set, uint8_t byte) {
    return byte && strchr(set, byte);
}

/* RFC 5322 has the other characters in quoted local parts only. */
static bool has_special(const uint8_t *at, const uint8_t *end) {
    for (; at < end; at++) {
        if (is_in(":;,<>()[]\\\"", *at)) return true;
    }
    return false;
}

static bool is_email(Bytes text) {
    if (!is_plain(text)) return false; /* it is not empty, then */
    const uint8_t *end = text.data + text.length, *at = end - 1;
    while (at > text.data && *at != '@') at--;
    bool quoted = at > text.data + 2 && text.data[0] == '"' && at[-1] == '"';
    bool literal = end - at > 2 && at[1] == '[' && end[-1] == ']';
    return at > text.data && end - at > 1 && (quoted || !has_special(text.data, at)) &&
           (literal || !has_special(at, end));
}

static bool is_uri(Bytes text) {
    const uint8_t *colon = memchr(text.data, ':', text.length);
    return colon && colon > text.data && is_plain(text);
}

/* --- alternative names --- */

static GENERAL_NAME *make_string(int type, Bytes text) {
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = ASN1_IA5STRING_new();
    if (name && value && ASN1_STRING_set(value, text.data, (int)text.length)) {
        GENERAL_NAME_set0_value(name, type, value);
        return name;
    }
    ASN1_STRING_free(value);
    GENERAL_NAME_free(name);
    return NULL;
}

/* Takes ownership of `value`, NULL included. */
static GENERAL_NAME *wrap_value(int type, void *value, void (*free_value)(void *value)) {
    GENERAL_NAME *name = value ? GENERAL_NAME_new() : NULL;
    if (name) {
        GENERAL_NAME_set0_value(name, type, value);
    } else if (value) {
        free_value(value);
    }
    return name;
}

static void free_string(void *value) {
    ASN1_STRING_free(value);
}

static void free_object(void *value) {
    ASN1_OBJECT_free(value);
}

static void free_name(void *value) {
    X509_NAME_free(value);
}

static GENERAL_NAME *make_dns(Bytes text) {
    return is_dns_name(text) ? make_string(GEN_DNS, text) : NULL;
}

static GENERAL_NAME *make_email(Bytes text) {
    return is_email(text) ? make_string(GEN_EMAIL, text) : NULL;
}

static GENERAL_NAME *make_uri(Bytes text) {
    return is_uri(text) ? make_string(GEN_URI, text) : NULL;
}

static GENERAL_NAME *make_address(Bytes text) {
    return wrap_value(GEN_IPADD, name_address(text), free_string);
}

static GENERAL_NAME *make_registered_id(Bytes text) {
    char oid[MAX_OID_LENGTH];
    if (!text.length || text.length >= sizeof oid) return NULL;
    memcpy(oid, text.data, text.length);
    oid[text.length] = 0;
    if (strspn(oid, "0123456789.") != text.length) return NULL;
    return wrap_value(GEN_RID, OBJ_txt2obj(oid, 1), free_object);
}

static GENERAL_NAME *make_directory(Bytes text) {
    return wrap_value(GEN_DIRNAME, distinguished_parse(text), free_name);
}

/* Letter case does not matter in a prefix. */
typedef struct Kind {
    const char *prefix;
    GENERAL_NAME *(*make)(Bytes text); /* NULL: the text is none, or out of memory */
    const char *expected;
} Kind;

enum { KIND_DNS, KIND_IP, KIND_URI, KIND_EMAIL };

static const Kind kinds[] = {
    [KIND_DNS] = {"DNS:", make_dns, "a DNS name (international ones in their xn-- form)"},
    [KIND_IP] = {"IP:", make_address, "an IP address"},
    [KIND_URI] = {"URI:", make_uri, "a URI"},
    [KIND_EMAIL] = {"email:", make_email, "an email address"},
    {"IP Address:", make_address, "an IP address"},
    {"RID:", make_registered_id, "a dotted OID"},
    {"dirName:", make_directory, "a distinguished name such as CN=Jane,O=Example (RFC 4514)"},
    {"UPN:", other_name_upn, "a user principal name (user@domain)"},
    {"SRV:", other_name_srv, "a service of a domain (_service.domain, RFC 4985)"},
    {"otherName:", other_name_parse, "OID;UTF8:text, OID;IA5:text or OID;DER:hexadecimal"},
};

static bool has_prefix(Bytes text, const char *prefix) {
    size_t length = strlen(prefix);
    return text.length >= length && !strncasecmp((const char *)text.data, prefix, length);
}

/* Remove the prefix and return its kind; NULL: there is none. */
static const Kind *take_prefix(Bytes *text) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i].prefix);
        if (!has_prefix(*text, kinds[i].prefix)) continue;
        *text = (Bytes){text->data + length, text->length - length};
        return kinds + i;
    }
    return NULL;
}

/* The length of the URI scheme (RFC 3986, 3.1) at the start, which may be another word; 0 where
 * there is no colon behind one. */
static size_t find_scheme(Bytes text) {
    size_t i = 0;
    while (i < text.length && (isalnum(text.data[i]) || (i && is_in("+-.", text.data[i])))) i++;
    bool ends = i < text.length && text.data[i] == ':';
    return ends && isalpha(text.data[0]) ? i : 0;
}

static bool is_port(Bytes text, size_t scheme) {
    size_t i = scheme + 1;
    while (i < text.length && isdigit(text.data[i])) i++;
    return i == text.length && i > scheme + 1;
}

/* Schemes whose URIs have no "//" and are names of users, services or things. */
static bool is_uri_scheme(Bytes text) {
    static const char *const schemes[] = {
        "sip:",  "sips:", "tel:",   "urn:", "acct:",  "mailto:", "xmpp:", "im:",   "pres:",
        "tag:",  "did:",  "http:",  "ni:",  "ldap:",  "https:",  "sms:",  "news:", "ldaps:",
        "stun:", "turn:", "stuns:", "geo:", "turns:", "callto:", "h323:", "data:", "file:",
    };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (has_prefix(text, schemes[i])) return true;
    }
    return false;
}

/* NULL: it begins with the word of a kind that is not known here. */
static const Kind *guess_kind(Bytes text) {
    ASN1_OCTET_STRING *address = name_address(text);
    if (address) {
        ASN1_OCTET_STRING_free(address);
        return kinds + KIND_IP;
    }
    size_t scheme = find_scheme(text);
    if (scheme) {
        Bytes rest = {text.data + scheme, text.length - scheme};
        if (has_prefix(rest, "://") || is_uri_scheme(text)) return kinds + KIND_URI;
        return is_port(text, scheme) ? kinds + KIND_DNS : NULL;
    }
    if (memchr(text.data, '@', text.length)) return kinds + KIND_EMAIL;
    return kinds + (ends_in_number(text) ? KIND_IP : KIND_DNS);
}

bool name_is_sound(const GENERAL_NAME *name) {
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_DNS && type != GEN_IPADD && type != GEN_EMAIL && type != GEN_URI) return false;
    Bytes text = {ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
    switch (text.length ? type : -1) {
    case GEN_DNS: return is_dns_name(text);
    case GEN_EMAIL: return is_email(text);
    case GEN_URI: return is_uri(text);
    case GEN_IPADD: return text.length == 4 || text.length == 16;
    default: return false;
    }
}

static GENERAL_NAME *make_alternative(Bytes text, const Kind **kind) {
    Bytes value = text;
    *kind = take_prefix(&value);
    if (!*kind) *kind = guess_kind(value);
    GENERAL_NAME *name = *kind && value.length ? (*kind)->make(value) : NULL;
    ERR_clear_error();
    return name;
}

bool name_is_alternative(Bytes text) {
    Bytes value = text;
    if (!text.length || take_prefix(&value))
        return false; /* a common name "DNS:x" is no host name */
    const Kind *kind;
    GENERAL_NAME *name = make_alternative(text, &kind);
    GENERAL_NAME_free(name);
    return name;
}

bool name_add_alternative(GENERAL_NAMES *names, Bytes text, Failure *failure) {
    const Kind *kind;
    GENERAL_NAME *name = make_alternative(text, &kind);
    if (name && sk_GENERAL_NAME_push(names, name) > 0) return true;
    GENERAL_NAME_free(name);
    Shown shown;
    if (kind) {
        return failure_set(failure, "subject alternative name not usable: %s is not %s",
                           shown_name(text, &shown), kind->expected);
    }
    return failure_set(failure,
                       "subject alternative name not usable: %s is of no known kind: "
                       "DNS, IP, email, URI, RID, dirName, UPN, SRV or otherName",
                       shown_name(text, &shown));
}

/* Names that OpenSSL can't convert to UTF-8 are left out. */
bool name_has_nul(const X509_NAME *name) {
    bool found = false;
    for (int i = 0; !found && i < X509_NAME_entry_count(name); i++) {
        unsigned char *text = NULL;
        int length =
            ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
        found = length > 0 && memchr(text, 0, (size_t)length);
        OPENSSL_free(text);
    }
    ERR_clear_error();
    return found;
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

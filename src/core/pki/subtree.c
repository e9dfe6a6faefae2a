#include "core/pki/subtree.h"

#include "core/pki/name.h"
#include "core/shown.h"

#include <string.h>
#include <strings.h>

#define MAX_ADDRESS_LENGTH 16
#define MAX_TEXT_LENGTH 255

static const struct {
    const char *prefix;
    int type;
} prefixes[] = {
    {"DNS:", GEN_DNS},
    {"IP:", GEN_IPADD},
    {"email:", GEN_EMAIL},
    {"URI:", GEN_URI},
};

static bool is_address(Bytes text) {
    ASN1_OCTET_STRING *address = name_address(text);
    ASN1_OCTET_STRING_free(address);
    return address;
}

/* The type by the prefix, which is removed, or by the looks of the rest. */
static int take_type(Bytes *text) {
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i].prefix);
        if (text->length < length ||
            strncasecmp((const char *)text->data, prefixes[i].prefix, length) != 0) {
            continue;
        }
        *text = (Bytes){text->data + length, text->length - length};
        return prefixes[i].type;
    }
    if (memchr(text->data, '/', text->length) || is_address(*text)) return GEN_IPADD;
    return memchr(text->data, '@', text->length) ? GEN_EMAIL : GEN_DNS;
}

static ASN1_STRING *make_text(Bytes text) {
    ASN1_STRING *made = ASN1_IA5STRING_new();
    if (made && ASN1_STRING_set(made, text.data, (int)text.length)) return made;
    ASN1_STRING_free(made);
    return NULL;
}

static bool is_letter(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* A domain, with a dot before it or not. A name that ends in a number is an IP address. */
static bool is_domain(Bytes text) {
    size_t label = 0; /* length so far */
    bool is_number = true;
    if (!text.length) return false;
    for (size_t i = text.data[0] == '.'; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (c == '.') {
            if (!label) return false;
            label = 0;
            is_number = true;
            continue;
        }
        if (!is_letter(c) && !(c >= '0' && c <= '9')) return false;
        if (is_letter(c)) is_number = false;
        label++;
    }
    return label && !is_number;
}

/* A mailbox, or the domain of many. */
static bool is_mail(Bytes text) {
    const uint8_t *at = memchr(text.data, '@', text.length);
    if (!at) return is_domain(text);
    size_t before = (size_t)(at - text.data);
    for (size_t i = 0; i < before; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') return false;
    }
    return before && is_domain((Bytes){at + 1, text.length - before - 1});
}

/* --- addresses: the network, then its mask --- */

/* False where it is no number up to `max`. */
static bool parse_number(Bytes text, size_t max, size_t *number) {
    *number = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i > 2) return false;
        *number = *number * 10 + (size_t)(text.data[i] - '0');
    }
    return text.length && *number <= max;
}

/* Ones, then zeros. Go refuses to read a certificate with another mask. */
static bool is_contiguous(const uint8_t *mask, size_t length) {
    size_t i = 0;
    while (i < length && mask[i] == 0xff) i++;
    uint8_t zeros = i < length ? (uint8_t)~mask[i] : 0;
    if (zeros & (zeros + 1)) return false;
    while (++i < length && !mask[i]) {
    }
    return i >= length;
}

static bool parse_mask(Bytes text, uint8_t *mask, size_t length) {
    size_t bits;
    if (parse_number(text, length * 8, &bits)) {
        for (size_t i = 0; i < bits; i++) mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
        return true;
    }
    ASN1_OCTET_STRING *given = name_address(text);
    bool fits = given && (size_t)ASN1_STRING_length(given) == length &&
                is_contiguous(ASN1_STRING_get0_data(given), length);
    if (fits) memcpy(mask, ASN1_STRING_get0_data(given), length);
    ASN1_OCTET_STRING_free(given);
    return fits;
}

/* Bits of the address beyond the mask would be an error of the caller. */
static ASN1_STRING *join_network(const ASN1_STRING *address, Bytes mask) {
    uint8_t bytes[2 * MAX_ADDRESS_LENGTH] = {0};
    size_t length = (size_t)ASN1_STRING_length(address);
    memcpy(bytes, ASN1_STRING_get0_data(address), length);
    if (!mask.data) memset(bytes + length, 0xff, length);
    bool fits = !mask.data || parse_mask(mask, bytes + length, length);
    for (size_t i = 0; fits && i < length; i++) fits = !(bytes[i] & ~bytes[length + i]);
    ASN1_STRING *network = fits ? ASN1_OCTET_STRING_new() : NULL;
    if (network && ASN1_STRING_set(network, bytes, (int)(2 * length))) return network;
    ASN1_STRING_free(network);
    return NULL;
}

static ASN1_STRING *parse_network(Bytes text) {
    const uint8_t *slash = memchr(text.data, '/', text.length);
    size_t before = slash ? (size_t)(slash - text.data) : text.length;
    Bytes mask = {slash ? slash + 1 : NULL, slash ? text.length - before - 1 : 0};
    ASN1_OCTET_STRING *address = name_address((Bytes){text.data, before});
    ASN1_STRING *network = address ? join_network(address, mask) : NULL;
    ASN1_OCTET_STRING_free(address);
    return network;
}

static ASN1_STRING *make_value(int type, Bytes text) {
    if (text.length > MAX_TEXT_LENGTH || memchr(text.data, 0, text.length)) return NULL;
    switch (type) {
    case GEN_IPADD: return parse_network(text);
    case GEN_EMAIL: return is_mail(text) ? make_text(text) : NULL;
    case GEN_DNS: return !text.length || is_domain(text) ? make_text(text) : NULL; /* "": all */
    default: return is_domain(text) ? make_text(text) : NULL;
    }
}

GENERAL_NAME *subtree_parse(Bytes text, Failure *failure) {
    static const char *const expected[] = {
        [GEN_EMAIL] = "a mailbox or a domain",
        [GEN_DNS] = "a domain such as \"DNS:example.com\"",
        [GEN_URI] = "the domain of a URI's host",
        [GEN_IPADD] = "an IP network such as \"10.0.0.0/8\", without bits beyond its mask",
    };
    Bytes value = text;
    int type = take_type(&value);
    GENERAL_NAME *name = GENERAL_NAME_new();
    /* A text without even a prefix is a variable without a value. */
    ASN1_STRING *made = name && text.length ? make_value(type, value) : NULL;
    if (made) {
        GENERAL_NAME_set0_value(name, type, made);
        return name;
    }
    GENERAL_NAME_free(name);
    Shown shown;
    failure_set(failure, "name constraint not usable: %s is not %s", shown_name(text, &shown),
                expected[type]);
    return NULL;
}

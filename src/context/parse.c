#include "context/parse.h"

#include "base/key.h"
#include "core/keys/encoding.h"
#include "core/tls/settings.h"

#include <math.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

void parse_verify(const OptionSite *site, Janet value, void *field) {
    VerifyMode *mode = field;
    if (janet_keyeq(value, "optional")) {
        *mode = VERIFY_OPTIONAL;
    } else if (janet_checktype(value, JANET_BOOLEAN)) {
        *mode = janet_unwrap_boolean(value) ? VERIFY_REQUIRED : VERIFY_NONE;
    } else {
        option_refuse(site, "true, false or :optional", value);
    }
}

static void parse_list(const OptionSite *site, Janet value, OptionParser parse, BytesList *list) {
    JanetView items;
    list->count = 0;
    if (!janet_indexed_view(value, &items.items, &items.len)) {
        parse(site, value, list->list);
        list->count = 1;
        return;
    }
    if (items.len < 1 || items.len > MAX_LISTED) option_refuse(site, "1 to 8 of them", value);
    for (int32_t i = 0; i < items.len; i++) parse(site, items.items[i], list->list + i);
    list->count = (size_t)items.len;
}

/* Of PEM, DER and a path, only DER may contain NUL bytes. */
void parse_source(const OptionSite *site, Janet value, void *field) {
    option_bytes(site, value, field);
    const Bytes *bytes = field;
    if (!bytes->length || !memchr(bytes->data, 0, bytes->length) || encoding_is_der(*bytes)) return;
    option_refuse(site, "text without NUL bytes", value);
}

void parse_sources(const OptionSite *site, Janet value, void *field) {
    parse_list(site, value, parse_source, field);
}

static void parse_key(const OptionSite *site, Janet value, void *field) {
    *(Bytes *)field = key_object_der(value);
    if (((Bytes *)field)->data) return;
    key_option(site, value, field);
    parse_source(site, value, field);
}

void parse_keys(const OptionSite *site, Janet value, void *field) {
    parse_list(site, value, parse_key, field);
}

void parse_blobs(const OptionSite *site, Janet value, void *field) {
    parse_list(site, value, option_bytes, field);
}

/* A list of protocol names, each 1 to 255 bytes, in RFC 7301's wire format. */
void parse_alpn(const OptionSite *site, Janet value, void *field) {
    JanetView list;
    if (!janet_indexed_view(value, &list.items, &list.len) || !list.len) {
        option_refuse(site, "array or tuple of protocol names", value);
    }
    JanetBuffer *wire = janet_buffer(64);
    for (int32_t i = 0; i < list.len; i++) {
        JanetByteView name;
        if (!janet_bytes_view(list.items[i], &name.bytes, &name.len) || name.len < 1 ||
            name.len > 255) {
            option_refuse(site, "protocol names of 1 to 255 bytes", value);
        }
        janet_buffer_push_u8(wire, (uint8_t)name.len);
        janet_buffer_push_bytes(wire, name.bytes, name.len);
    }
    *(Bytes *)field = (Bytes){wire->data, (size_t)wire->count};
}

static const OptionWord truncation_words[] = {{"error", false}, {"eof", true}, {NULL, 0}};

/* As option_word, for an option whose row has other details. */
static void parse_word(const OptionSite *site, Janet value, const OptionWord *words, int *field) {
    OptionRow row = *site->row;
    row.detail = words;
    OptionSite inner = {site->function, &row};
    option_word(&inner, value, field);
}

/* Fills two settings: the list, and whether there is one. */
void parse_client_ca_names(const OptionSite *site, Janet value, void *field) {
    ContextSettings *settings = field;
    settings->client_ca_names = NAMES_GIVEN;
    if (janet_checktype(value, JANET_BOOLEAN)) {
        settings->client_ca_names = janet_unwrap_boolean(value) ? NAMES_TRUSTED : NAMES_NONE;
    } else if (janet_checktypes(value,
                                JANET_TFLAG_STRING | JANET_TFLAG_BUFFER | JANET_TFLAG_INDEXED)) {
        parse_sources(site, value, &settings->client_cas);
    } else {
        option_refuse(site, "boolean, or certificates of CAs", value);
    }
}

void parse_switch(const OptionSite *site, Janet value, void *field) {
    bool on;
    option_boolean(site, value, &on);
    *(int *)field = on;
}

void parse_truncation(const OptionSite *site, Janet value, void *field) {
    int is_eof;
    parse_word(site, value, truncation_words, &is_eof);
    *(bool *)field = is_eof;
}

static const OptionWord purpose_words[] = {{"server", X509_PURPOSE_SSL_SERVER},
                                           {"client", X509_PURPOSE_SSL_CLIENT},
                                           {"any", X509_PURPOSE_ANY},
                                           {NULL, 0}};

void parse_purpose(const OptionSite *site, Janet value, void *field) {
    parse_word(site, value, purpose_words, field);
}

void parse_time(const OptionSite *site, Janet value, void *field) {
    double seconds = janet_checktype(value, JANET_NUMBER) ? janet_unwrap_number(value) : NAN;
    if (!(fabs(seconds) <= 1e12)) option_refuse(site, "seconds since the epoch", value);
    *(double *)field = seconds;
}

/* "sha256//" and 44 letters of Base64: the format of curl and RFC 7469. */
static bool decode_pin(Janet value, uint8_t *pin) {
    static const char prefix[] = "sha256//";
    JanetByteView text;
    uint8_t decoded[PIN_LENGTH + 1];
    if (!janet_bytes_view(value, &text.bytes, &text.len)) return false;
    if (text.len != (int32_t)sizeof prefix - 1 + 44 ||
        memcmp(text.bytes, prefix, sizeof prefix - 1)) {
        return false;
    }
    const uint8_t *letters = text.bytes + sizeof prefix - 1;
    if (letters[43] != '=' || letters[42] == '=') return false;
    if (EVP_DecodeBlock(decoded, letters, 44) != (int)sizeof decoded) return false;
    memcpy(pin, decoded, PIN_LENGTH);
    return true;
}

void parse_pins(const OptionSite *site, Janet value, void *field) {
    JanetView list;
    JanetBuffer *pins = janet_buffer(PIN_LENGTH);
    if (!janet_indexed_view(value, &list.items, &list.len) || !list.len) {
        option_refuse(site, "array of \"sha256//<base64>\"", value);
    }
    for (int32_t i = 0; i < list.len; i++) {
        uint8_t pin[PIN_LENGTH];
        if (!decode_pin(list.items[i], pin)) {
            option_refuse(site, "\"sha256//\" and 44 letters of Base64", list.items[i]);
        }
        janet_buffer_push_bytes(pins, pin, PIN_LENGTH);
    }
    *(Bytes *)field = (Bytes){pins->data, (size_t)pins->count};
}

void parse_keylog(const OptionSite *site, Janet value, void *field) {
    if (janet_checktype(value, JANET_BOOLEAN)) {
        const char *path = janet_unwrap_boolean(value) ? getenv("SSLKEYLOGFILE") : NULL;
        if (path && *path) *(Bytes *)field = (Bytes){(const uint8_t *)path, strlen(path)};
        return;
    }
    option_text(site, value, field);
}

void parse_session(const OptionSite *site, Janet value, void *field) {
    Bytes *bytes = field;
    option_bytes(site, value, bytes);
    /* A buffer may change before the session is used. */
    if (janet_checktype(value, JANET_BUFFER))
        bytes->data = janet_string(bytes->data, (int32_t)bytes->length);
}

void parse_staple(const OptionSite *site, Janet value, void *field) {
    if (!janet_checktypes(value, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER | JANET_TFLAG_FUNCTION)) {
        option_refuse(site, "string, buffer or function", value);
    }
    *(Janet *)field = value;
}

void parse_ocsp(const OptionSite *site, Janet value, void *field) {
    OcspMode *mode = field;
    if (janet_keyeq(value, "require")) {
        *mode = OCSP_REQUIRE;
    } else if (janet_checktype(value, JANET_BOOLEAN)) {
        *mode = janet_unwrap_boolean(value) ? OCSP_ASK : OCSP_IGNORE;
    } else {
        option_refuse(site, "true, false or :require", value);
    }
}

void parse_sni(const OptionSite *site, Janet value, void *field) {
    if (!janet_checktypes(value, JANET_TFLAG_DICTIONARY)) {
        option_refuse(site, "table of host name to options or context", value);
    }
    *(Janet *)field = value;
}

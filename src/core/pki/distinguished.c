#include "core/pki/distinguished.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdbool.h>
#include <string.h>

#define MAX_LENGTH 4096
#define MAX_TYPE_LENGTH 64

typedef struct Reader {
    const uint8_t *at, *end;
    X509_NAME *name;
} Reader;

/* The value of an attribute, without its escapes. */
typedef struct Value {
    uint8_t bytes[MAX_LENGTH];
    size_t length;
    size_t kept; /* bytes that are not spaces at the end, or are escaped */
} Value;

static void skip_spaces(Reader *reader) {
    while (reader->at < reader->end && *reader->at == ' ') reader->at++;
}

static ASN1_OBJECT *find_type(char *type) {
    ASN1_OBJECT *object = OBJ_txt2obj(type, 0);
    if (object) return object;
    for (char *c = type; *c; c++) *c = (char)toupper((unsigned char)*c);
    return OBJ_txt2obj(strncmp(type, "OID.", 4) ? type : type + 4, 0);
}

static ASN1_OBJECT *read_type(Reader *reader) {
    char type[MAX_TYPE_LENGTH + 1];
    size_t length = 0;
    skip_spaces(reader);
    while (reader->at < reader->end && *reader->at != '=' && *reader->at > ' ') {
        if (length == MAX_TYPE_LENGTH) return NULL;
        type[length++] = (char)*reader->at++;
    }
    type[length] = 0;
    skip_spaces(reader);
    if (!length || reader->at == reader->end || *reader->at++ != '=') return NULL;
    return find_type(type);
}

/* The byte of two hexadecimal digits; false if there are none. */
static bool read_hex(Reader *reader, uint8_t *byte) {
    int high = reader->end - reader->at > 1 ? OPENSSL_hexchar2int(reader->at[0]) : -1;
    int low = high >= 0 ? OPENSSL_hexchar2int(reader->at[1]) : -1;
    if (low < 0) return false;
    *byte = (uint8_t)(high << 4 | low);
    reader->at += 2;
    return true;
}

static bool read_escaped(Reader *reader, Value *value) {
    uint8_t byte;
    if (!read_hex(reader, &byte)) {
        byte = reader->at < reader->end ? *reader->at++ : 0;
        if (!byte || !strchr(" \"#+,;<=>\\", byte)) return false;
    }
    value->bytes[value->length++] = byte;
    value->kept = value->length;
    return true;
}

static bool ends_value(uint8_t byte) {
    return byte == ',' || byte == '+' || byte == ';';
}

static bool read_value(Reader *reader, Value *value) {
    value->length = value->kept = 0;
    while (reader->at < reader->end && !ends_value(*reader->at)) {
        uint8_t byte = *reader->at++;
        if (!byte || byte == '"' || byte == '<' || byte == '>') return false;
        if (byte == '\\') {
            if (!read_escaped(reader, value)) return false;
            continue;
        }
        value->bytes[value->length++] = byte;
        if (byte != ' ') value->kept = value->length;
    }
    return true;
}

static bool add_text(Reader *reader, const ASN1_OBJECT *type, int set) {
    Value value;
    skip_spaces(reader);
    return read_value(reader, &value) &&
           X509_NAME_add_entry_by_OBJ(reader->name, type, MBSTRING_UTF8, value.bytes,
                                      (int)value.kept, 0, set);
}

static bool add_ber(Reader *reader, const ASN1_OBJECT *type, int set) {
    uint8_t bytes[MAX_LENGTH];
    size_t length = 0;
    const unsigned char *at = bytes;
    while (length < sizeof bytes && read_hex(reader, bytes + length)) length++;
    ASN1_TYPE *ber = d2i_ASN1_TYPE(NULL, &at, (long)length);
    int kind = ber ? ASN1_TYPE_get(ber) : -1;
    bool is_string = kind != V_ASN1_BOOLEAN && kind != V_ASN1_OBJECT && kind != V_ASN1_NULL;
    bool added = ber && is_string && at == bytes + length &&
                 X509_NAME_add_entry_by_OBJ(reader->name, type, kind,
                                            ASN1_STRING_get0_data(ber->value.asn1_string),
                                            ASN1_STRING_length(ber->value.asn1_string), 0, set);
    ASN1_TYPE_free(ber);
    skip_spaces(reader);
    return added;
}

/* Put the next attribute before all others; `set` 1: into the first of the parts that are there. */
static bool read_attribute(Reader *reader, int set) {
    ASN1_OBJECT *type = read_type(reader);
    if (!type) return false;
    skip_spaces(reader);
    bool is_ber = reader->at < reader->end && *reader->at == '#';
    if (is_ber) reader->at++;
    bool added = is_ber ? add_ber(reader, type, set) : add_text(reader, type, set);
    ASN1_OBJECT_free(type);
    return added;
}

static bool read_name(Reader *reader) {
    int set = 0;
    for (;;) {
        if (!read_attribute(reader, set)) return false;
        if (reader->at == reader->end) return true;
        if (!ends_value(*reader->at)) return false;
        set = *reader->at++ == '+';
    }
}

X509_NAME *distinguished_parse(Bytes text) {
    if (!text.length || text.length > MAX_LENGTH) return NULL;
    Reader reader = {text.data, text.data + text.length, X509_NAME_new()};
    bool read = reader.name && read_name(&reader);
    ERR_clear_error();
    if (read) return reader.name;
    X509_NAME_free(reader.name);
    return NULL;
}

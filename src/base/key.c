#include "base/key.h"

#include "base/raise.h"
#include "core/keys/keyfacts.h"
#include "core/keys/keys.h"

#include <openssl/crypto.h>
#include <string.h>

#define EXPECTED "string, buffer or key"

typedef struct KeyObject {
    PemSource der;
    KeyFacts facts;
    bool is_private;
    char fingerprint[KEYFACTS_FINGERPRINT_SIZE];
} KeyObject;

/* The cache of parsed keys would keep the private half longer than the object. */
static int collect_key(void *pointer, size_t size) {
    (void)size;
    KeyObject *self = pointer;
    if (self->der.bytes) keys_forget_one((Bytes){self->der.bytes, self->der.length});
    pem_free(&self->der);
    return 0;
}

static void describe_key(void *pointer, JanetBuffer *buffer) {
    const KeyObject *self = pointer;
    const char *half = self->is_private ? "private" : "public";
    janet_formatb(buffer, "%s ", self->facts.type);
    if (self->facts.curve[0]) janet_formatb(buffer, "%s ", self->facts.curve);
    janet_formatb(buffer, "%s %s", half, self->fingerprint);
}

static void refuse_marshal(void *pointer, JanetMarshalContext *context) {
    (void)pointer, (void)context;
    janet_panic("a key object can't be marshalled: write the key with crypto/export-key");
}

static void *refuse_unmarshal(JanetMarshalContext *context) {
    (void)context;
    janet_panic("a key object can't be unmarshalled");
}

static const JanetAbstractType key_type = {
    .name = "jsec/key",
    .gc = collect_key,
    .marshal = refuse_marshal,
    .unmarshal = refuse_unmarshal,
    .tostring = describe_key,
};

Janet key_object(PemSource *der, const EVP_PKEY *key, bool is_private) {
    KeyObject *self = janet_abstract(&key_type, sizeof *self);
    memset(self, 0, sizeof *self);
    self->der = *der;
    *der = (PemSource){NULL, 0};
    self->is_private = is_private;
    keyfacts_of(key, &self->facts);
    keyfacts_fingerprint(key, self->fingerprint);
    return janet_wrap_abstract(self);
}

Bytes key_object_der(Janet value) {
    const KeyObject *self = janet_checkabstract(value, &key_type);
    return self ? (Bytes){self->der.bytes, self->der.length} : (Bytes){NULL, 0};
}

static bool read_key(Janet value, Bytes *bytes) {
    *bytes = key_object_der(value);
    if (bytes->data) return true;
    bool text = janet_checktypes(value, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER);
    if (text) *bytes = value_bytes(value);
    return text;
}

Bytes key_argument(const char *function, const Janet *argv, int32_t slot) {
    Bytes bytes;
    if (!read_key(argv[slot], &bytes)) raise_secret(function, slot, EXPECTED, argv[slot]);
    return bytes;
}

void key_option(const OptionSite *site, Janet value, void *field) {
    if (!read_key(value, field)) option_refuse(site, EXPECTED, value);
}

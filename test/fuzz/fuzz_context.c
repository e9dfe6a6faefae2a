/* Settings of contexts. The input is a list of fields: number, length, bytes. The context makes a
 * connection or gives a reason. */
#include "core/tls/ocsp.h"
#include "talk.h"

#define FIELDS 23

/* NUL-terminated where OpenSSL needs text. The settings point into this struct. */
typedef struct Fields {
    uint8_t *owned[64];
    size_t count;
} Fields;

static Bytes field(Fields *fields, Script *script) {
    size_t length = script_byte(script) * 256u;
    length += script_byte(script);
    Bytes bytes = script_bytes(script, length);
    uint8_t *copy = malloc(bytes.length + 1);
    if (!copy) abort();
    if (bytes.length) memcpy(copy, bytes.data, bytes.length);
    copy[bytes.length] = 0;
    fields->owned[fields->count++] = copy;
    return (Bytes){copy, bytes.length};
}

static void add(BytesList *list, Bytes bytes) {
    if (list->count < MAX_LISTED) list->list[list->count++] = bytes;
}

/* "our identity", so that the rest can be reached without one in the input */
static void use_ours(ContextSettings *settings) {
    add(&settings->certificates, wire_bytes(wire_certificate));
    add(&settings->keys, wire_bytes(wire_key));
}

static void set(ContextSettings *settings, Fields *fields, Script *script) {
    static const int versions[] = {0, TLS1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION, 99};
    uint8_t number = script_byte(script) % FIELDS;
    Bytes bytes = field(fields, script);
    uint8_t small = bytes.data[0];
    switch (number) {
    case 0: add(&settings->certificates, bytes); break;
    case 1: add(&settings->keys, bytes); break;
    case 2: settings->password = bytes; break;
    case 3: settings->ca = bytes; break;
    case 4: settings->trusted = bytes; break;
    case 5: add(&settings->crls, bytes); break;
    case 6: settings->pins = (Bytes){bytes.data, bytes.length / PIN_LENGTH * PIN_LENGTH}; break;
    case 7: settings->verify = (VerifyMode)(small % 4); break;
    case 8: settings->purpose = small % 12; break;
    case 9: settings->min_version = versions[small % 5]; break;
    case 10: settings->max_version = versions[small % 5]; break;
    case 11: settings->security_level = small % 7 - 1; break;
    case 12: settings->ciphers = bytes; break;
    case 13: settings->ciphersuites = bytes; break;
    case 14: settings->groups = bytes; break;
    case 15: settings->alpn = bytes; break;
    case 16: add(&settings->ticket_keys, bytes); break;
    case 17: settings->staple = bytes; break;
    case 18: settings->ocsp = (OcspMode)(small % 3); break;
    case 19: add(&settings->client_cas, bytes); break;
    case 20: settings->client_ca_names = (ClientCaNames)(small % 4); break;
    case 21: settings->renegotiation = small % 3 - 1; break;
    default: use_ours(settings);
    }
}

static void use(SSL_CTX *context) {
    Failure failure = {""};
    if (!context_data_can_serve(context, &failure)) fuzz_expect_reason(&failure);
    for (int server = 0; server < 2; server++) {
        SSL *ssl = SSL_new(context);
        fuzz_expect(ssl != NULL);
        server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
        const char *name = server ? NULL : "a.example";
        if (!context_prepare(ssl, name, name, &failure)) fuzz_expect_reason(&failure);
        SSL_free(ssl);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    Fields fields = {.count = 0};
    ContextSettings settings;
    Script script = {data, size};
    if (!wire_key[0]) wire_make_identity();
    settings_init(&settings);
    while (script.left && fields.count < 64) set(&settings, &fields, &script);
    SSL_CTX *context = context_new(&settings, &failure);
    if (context) {
        use(context);
    } else {
        fuzz_expect_reason(&failure);
    }
    SSL_CTX_free(context);
    for (size_t i = 0; i < fields.count; i++) free(fields.owned[i]);
    return 0;
}

#include "context/context.h"

#include "base/raise.h"
#include "context/choose.h"
#include "context/parse.h"
#include "core/pki/x509info.h"
#include "core/printable.h"
#include "core/tls/context.h"
#include "core/tls/context_data.h"
#include "core/tls/trust.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <string.h>

/* Approximate size of an SSL_CTX in bytes, for Janet's collector. */
#define NATIVE_SIZE (20 << 10)

int context_object_gc(void *pointer, size_t size) {
    (void)size;
    Context *self = pointer;
    SSL_CTX_free(self->context);
    OPENSSL_free((void *)(uintptr_t)self->connection.hostname.data);
    OPENSSL_free((void *)(uintptr_t)self->connection.verify_hostname.data);
    OPENSSL_clear_free((void *)(uintptr_t)self->connection.session.data,
                       self->connection.session.length);
    return 0;
}

int context_object_mark(void *pointer, size_t size) {
    (void)size;
    const Context *self = pointer;
    janet_mark(self->connection.on_session);
    janet_mark(self->connection.on_staple);
    return 0;
}

static void push_name(Bytes name, JanetBuffer *into) {
    char shown[256];
    size_t length =
        printable_copy(shown, sizeof shown, (const char *)name.data, name.length, "\\x");
    janet_buffer_push_u8(into, ' ');
    janet_buffer_push_bytes(into, (const uint8_t *)shown, (int32_t)length);
}

static bool has_common_name(const X509Info *info) {
    for (size_t i = 0; i < info->subject.count; i++) {
        if (!strcmp(info->subject.items[i].kind, "CN")) return true;
    }
    return false;
}

/* The subject or, without a common name in it, the first name that the certificate is for. */
static void describe_certificate(X509 *certificate, JanetBuffer *into) {
    X509Info info;
    Failure ignored;
    if (x509info_read(&info, certificate, &ignored)) {
        bool by_subject = has_common_name(&info) || !info.alternatives.count;
        push_name(by_subject ? info.subject_text : info.alternatives.items[0].value, into);
    }
    x509info_free(&info);
}

void context_object_tostring(void *pointer, JanetBuffer *buffer) {
    static const char *const modes[] = {"", ", verify false", ", verify true", ", verify optional"};
    const SSL_CTX *context = ((Context *)pointer)->context;
    if (!context) return; /* making it has failed */
    const ContextData *data = context_data(context);
    X509 *certificate = SSL_CTX_get0_certificate(context);
    janet_buffer_push_cstring(buffer, certificate ? "certificate" : "no certificate");
    if (certificate) describe_certificate(certificate, buffer);
    if (data->own_trust) janet_buffer_push_cstring(buffer, ", own trust");
    janet_buffer_push_cstring(buffer, modes[data->verify]);
}

/* Janet itself passes threaded abstracts between threads. These two are called for an image, which
 * an SSL_CTX can't be part of, and for a context with a function, which belongs to its thread. */
void context_object_marshal(void *pointer, JanetMarshalContext *context) {
    (void)pointer, (void)context;
    janet_panic("a TLS context can't be marshalled: it holds OpenSSL's state, or a function of its "
                "own thread");
}

void *context_object_unmarshal(JanetMarshalContext *context) {
    (void)context;
    janet_panic("a TLS context can't be unmarshalled");
}

Context *context_object(Janet value) {
    if (!janet_checktype(value, JANET_ABSTRACT)) return NULL;
    void *pointer = janet_unwrap_abstract(value);
    return janet_abstract_type(pointer)->gc == context_object_gc ? pointer : NULL;
}

static bool copy_name(Bytes *name) {
    if (!name->data) return true;
    name->data = OPENSSL_memdup(name->data, name->length + 1);
    return name->data;
}

Janet context_make(const char *function, const ContextKind *kind, int32_t argc, const Janet *argv,
                   ContextOptions *options) {
    janet_arity(argc, 0, 1);
    if (argc) options_read(function, kind->set, argv[0], options);
    if (!janet_checktype(options->context, JANET_NIL)) {
        raise_format(function, "a context can't be made of another: leave :context out");
    }
    Failure failure;
    context_options_finish(function, kind, options);
    /* A function belongs to its thread, and so does a context that holds one. */
    bool shared = janet_checktype(options->connection.on_session, JANET_NIL) &&
                  janet_checktype(options->connection.on_staple, JANET_NIL);
    Context *self = (shared ? janet_abstract_threaded : janet_abstract)(kind->type, sizeof *self);
    memset(self, 0, sizeof *self);
    self->connection.on_session = self->connection.on_staple = janet_wrap_nil();
    /* Not from the cache: trust-cert may change it. */
    self->context = context_new(&options->settings, &failure);
    if (!self->context) raise_failure(function, &failure);
    self->connection = options->connection;
    /* Each one is replaced, since the collector frees the copies. */
    bool copied = copy_name(&self->connection.hostname);
    copied = copy_name(&self->connection.verify_hostname) && copied;
    copied = copy_name(&self->connection.session) && copied;
    if (!copied) raise_format(function, "out of memory");
    janet_gcpressure(NATIVE_SIZE);
    return janet_wrap_abstract(self);
}

static Context *get_context(const ContextKind *kind, const Janet *argv, int32_t n) {
    return raise_unless_abstract(argv, n, kind->type);
}

Janet context_trust_more(const char *function, const ContextKind *kind, int32_t argc,
                         const Janet *argv) {
    janet_fixarity(argc, 2);
    Context *self = context_object(argv[0]);
    if (!self) self = get_context(kind, argv, 0); /* raises */
    if (!janet_checktypes(argv[1], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        raise_type(1, "string or buffer", argv[1]);
    }
    Failure failure;
    if (!trust_add(self->context, value_bytes(argv[1]), &failure))
        raise_failure(function, &failure);
    return argv[0];
}

Janet context_replace_keys(const char *function, const ContextKind *kind, int32_t argc,
                           const Janet *argv) {
    static const OptionRow row = {.name = "ticket-keys", .secret = true};
    OptionSite site = {function, &row};
    BytesList keys;
    Failure failure;
    janet_fixarity(argc, 2);
    Context *self = get_context(kind, argv, 0);
    parse_blobs(&site, argv[1], &keys);
    if (!context_set_ticket_keys(self->context, &keys, &failure)) raise_failure(function, &failure);
    return argv[0];
}

#include "context/context.h"

#include "core/pki/x509info.h"
#include "core/printable.h"
#include "core/tls/context_data.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <string.h>

int context_object_gc(void *pointer, size_t size) {
    (void)size;
    Context *self = pointer;
    context_slot_release(self->slot);
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
    questions_mark(&self->connection.questions);
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

static void describe_context(const SSL_CTX *context, JanetBuffer *buffer) {
    static const char *const modes[] = {"", ", verify false", ", verify true", ", verify optional"};
    const ContextData *data = context_data(context);
    X509 *certificate = SSL_CTX_get0_certificate(context);
    janet_buffer_push_cstring(buffer, certificate ? "certificate" : "no certificate");
    if (certificate) describe_certificate(certificate, buffer);
    if (data->own_trust) janet_buffer_push_cstring(buffer, ", own trust");
    janet_buffer_push_cstring(buffer, modes[data->verify]);
}

void context_object_tostring(void *pointer, JanetBuffer *buffer) {
    ContextSlot *slot = ((Context *)pointer)->slot;
    if (!slot) return; /* making it has failed */
    SSL_CTX *context = context_slot_get(slot);
    describe_context(context, buffer);
    SSL_CTX_free(context);
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

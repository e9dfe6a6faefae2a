/* Context objects: options made into an SSL_CTX once, for any number of connections. */
#include "base/module.h"
#include "base/raise.h"
#include "register.h"
#include "tls/options.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <string.h>

/* What an SSL_CTX holds, as the collector is told. */
#define NATIVE_SIZE (20 << 10)

static int context_gc(void *pointer, size_t size) {
    (void)size;
    TlsContext *self = pointer;
    SSL_CTX_free(self->context);
    OPENSSL_free((void *)(uintptr_t)self->connection.hostname.data);
    OPENSSL_free((void *)(uintptr_t)self->connection.verify_hostname.data);
    OPENSSL_clear_free((void *)(uintptr_t)self->connection.session.data,
                       self->connection.session.length);
    return 0;
}

static int context_mark(void *pointer, size_t size) {
    (void)size;
    const TlsContext *self = pointer;
    janet_mark(self->connection.on_session);
    janet_mark(self->connection.on_staple);
    return 0;
}

/* The subject of a context's certificate, on a line and with control characters escaped. */
static void describe_identity(const SSL_CTX *context, JanetBuffer *into) {
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    BIO *text = certificate ? BIO_new(BIO_s_mem()) : NULL;
    const char *bytes = NULL;
    janet_buffer_push_cstring(into, certificate ? "certificate" : "no certificate");
    if (!text) return;
    X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    long length = BIO_get_mem_data(text, &bytes);
    janet_buffer_push_u8(into, ' ');
    janet_buffer_push_bytes(into, (const uint8_t *)bytes, (int32_t)length);
    BIO_free(text);
}

static void context_tostring(void *pointer, JanetBuffer *buffer) {
    static const char *const modes[] = {"", ", verify false", ", verify true", ", verify optional"};
    const SSL_CTX *context = ((TlsContext *)pointer)->context;
    if (!context) return; /* it could not be made */
    const ContextTraits *traits = context_traits(context);
    describe_identity(context, buffer);
    if (traits->own_trust) janet_buffer_push_cstring(buffer, ", own trust");
    janet_buffer_push_cstring(buffer, modes[traits->verify]);
}

/* Threads share contexts: Janet passes the reference of a threaded abstract itself. What comes to
 * these two is an image, and an SSL_CTX does not outlive its process; or a context with a function,
 * which belongs to its thread. */
static void context_marshal(void *pointer, JanetMarshalContext *context) {
    (void)pointer, (void)context;
    janet_panic("a TLS context can't be marshalled: it holds OpenSSL's state, or a function of its "
                "own thread");
}

static void *context_unmarshal(JanetMarshalContext *context) {
    (void)context;
    janet_panic("a TLS context can't be unmarshalled");
}

const JanetAbstractType tls_context_type = {
    .name = "jsec/tls-context",
    .gc = context_gc,
    .gcmark = context_mark,
    .marshal = context_marshal,
    .unmarshal = context_unmarshal,
    .tostring = context_tostring,
};

static bool keep_name(Bytes *name) {
    if (!name->data) return true;
    name->data = OPENSSL_memdup(name->data, name->length + 1);
    return name->data;
}

Janet cfun_tls_new_context(int32_t argc, Janet *argv);
Janet cfun_tls_new_context(int32_t argc, Janet *argv) {
    static const char function[] = "tls/new-context";
    janet_arity(argc, 0, 1);
    TlsOptions options;
    tls_options_init(&options);
    if (argc) options_read(function, &tls_option_set, argv[0], &options);
    if (!janet_checktype(options.context, JANET_NIL)) {
        raise_format(function, "a context can't be made of another: leave :context out");
    }
    Failure failure;
    tls_options_finish(function, &options);
    /* A function belongs to its thread, and so does then the context. */
    bool shared = janet_checktype(options.connection.on_session, JANET_NIL) &&
                  janet_checktype(options.connection.on_staple, JANET_NIL);
    TlsContext *self =
        (shared ? janet_abstract_threaded : janet_abstract)(&tls_context_type, sizeof *self);
    memset(self, 0, sizeof *self);
    self->connection.on_session = self->connection.on_staple = janet_wrap_nil();
    /* Not from the cache: trust-cert changes it. */
    self->context = context_new(&options.settings, &failure);
    if (!self->context) raise_failure(function, &failure);
    self->connection = options.connection;
    bool kept = keep_name(&self->connection.hostname);
    kept = keep_name(&self->connection.verify_hostname) && kept;
    kept = keep_name(&self->connection.session) && kept;
    if (!kept) raise_format(function, "out of memory");
    janet_gcpressure(NATIVE_SIZE);
    return janet_wrap_abstract(self);
}

Janet cfun_tls_trust_cert(int32_t argc, Janet *argv);
Janet cfun_tls_trust_cert(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 2);
    TlsContext *self = janet_getabstract(argv, 0, &tls_context_type);
    if (!janet_checktypes(argv[1], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        raise_type(1, "string or buffer", argv[1]);
    }
    JanetByteView certificate = janet_getbytes(argv, 1);
    Failure failure;
    Bytes bytes = {certificate.bytes, (size_t)certificate.len};
    if (!context_trust(self->context, bytes, &failure)) {
        raise_failure("tls-stream/trust-cert", &failure);
    }
    return argv[0];
}

static const FunctionRow functions[] = {
    {"tls/new-context", cfun_tls_new_context,
     "(tls/new-context &opt opts)\n\n"
     "Make options into a TLS context, once, for any number of connections: parse certificates and "
     "keys, check that they belong together, load the trusted CAs. `tls/connect`, `tls/accept`, "
     "`tls/accept-loop`, `tls/upgrade` and `tls/wrap` take it in place of options; options of a "
     "single connection can be given beside it as `{:context ctx :hostname \"...\"}`.\n\n"
     "Returns the context. It does not change when the files that it was made of do. Threads share it: "
     "a function given to `ev/thread` takes it along, with the functions of jsec that it calls, and `ev/give` passes it. "
     "One with `:on-session` stays in its thread, as streams and listeners do. Raises when an option is unknown, has a value of a wrong type, or names something "
     "that is missing or does not fit: nothing waits for the handshake.\n\nOptions:",
     &tls_option_set},
    {"tls-stream/trust-cert", cfun_tls_trust_cert,
     "(tls-stream/trust-cert ctx cert)\n\n"
     "Trust one more certificate, by itself, in a context from `tls/new-context`: a self-signed "
     "one, say. `cert` is PEM, DER or a path. The certificate's names and dates are still checked. A "
     "client goes on trusting what it trusted before, the system's CAs if no other were given; a "
     "server that verifies trusts this certificate and what it was given. Do so before other threads use the context.\n\n"
     "Returns the context. Raises when `cert` is no certificate.",
     NULL},
    {NULL, NULL, NULL, NULL},
};

void tls_context_register(JanetTable *env) {
    module_functions(env, functions);
}

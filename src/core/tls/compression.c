#include "core/tls/compression.h"

#include "core/openssl.h"

#if OPENSSL_HAS_CERTIFICATE_COMPRESSION

#include <openssl/comp.h>
#include <openssl/err.h>

/* Without an algorithm, or where it saves nothing, OpenSSL compresses nothing: no failure. */
void compression_set(SSL_CTX *context, const ContextSettings *settings) {
    if (!settings->certificate_compression) {
        SSL_CTX_set_options(context, SSL_OP_NO_TX_CERTIFICATE_COMPRESSION |
                                         SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
    } else if (settings->certificates.count && !settings->datagram) {
        SSL_CTX_compress_certs(context, 0);
        ERR_clear_error();
    }
}

static void visit_method(const COMP_METHOD *method, const char *name, FeatureVisitor visit,
                         void *arg) {
    if (method && COMP_get_type(method) != NID_undef) visit(arg, name);
}

void compression_algorithms(FeatureVisitor visit, void *arg) {
    visit_method(COMP_brotli_oneshot(), "brotli", visit, arg);
    visit_method(COMP_zlib_oneshot(), "zlib", visit, arg);
    visit_method(COMP_zstd_oneshot(), "zstd", visit, arg);
}

#else

void compression_set(SSL_CTX *context, const ContextSettings *settings) {
    (void)context, (void)settings;
}

void compression_algorithms(FeatureVisitor visit, void *arg) {
    (void)visit, (void)arg;
}

#endif

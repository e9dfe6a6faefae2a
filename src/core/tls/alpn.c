#include "core/tls/alpn.h"

/* A server chooses the first of its own protocols that the client offers. */
static int choose_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
                       const unsigned char *offered, unsigned int offered_length, void *arg) {
    (void)arg;
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    unsigned char *found;
    int outcome = SSL_select_next_proto(&found, chosen_length, data->alpn,
                                        (unsigned int)data->alpn_length, offered, offered_length);
    if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

bool alpn_set(SSL_CTX *context, ContextData *data, Bytes names, Failure *failure) {
    if (!names.length) return true;
    data->alpn = OPENSSL_memdup(names.data, names.length);
    data->alpn_length = names.length;
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    /* Unlike its siblings, this function returns 0 on success. */
    if (data->alpn && !SSL_CTX_set_alpn_protos(context, names.data, (unsigned int)names.length)) {
        return true;
    }
    return failure_openssl(failure, "bad :alpn");
}

#include "core/tls/client_hello.h"

#include "core/tls/context_data.h"
#include "core/tls/engine.h"
#include "core/tls/virtual_hosts.h"

static bool wants_staple(SSL *ssl) {
    const unsigned char *bytes;
    size_t length;
    return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_status_request, &bytes, &length);
}

static int on_client_hello(SSL *ssl, int *alert, void *arg) {
    (void)arg;
    /* The connection's first context: a virtual host's may have replaced it already. */
    const SSL_CTX *base = SSL_get_app_data(ssl);
    const ContextData *data = base ? context_data(base) : NULL;
    if (!data) return SSL_CLIENT_HELLO_SUCCESS; /* not prepared: verify_confirm refuses it */
    if (data->staple_on_demand && wants_staple(ssl) && engine_ask(ssl, QUESTION_STAPLE)) {
        return SSL_CLIENT_HELLO_RETRY;
    }
    if (data->has_hosts && !virtual_hosts_choose(ssl, base, alert)) return SSL_CLIENT_HELLO_ERROR;
    return SSL_CLIENT_HELLO_SUCCESS;
}

void client_hello_watch(SSL_CTX *context) {
    SSL_CTX_set_client_hello_cb(context, on_client_hello, NULL);
}

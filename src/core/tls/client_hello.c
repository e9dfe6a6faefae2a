#include "core/tls/client_hello.h"

#include "core/tls/context_data.h"
#include "core/tls/engine.h"
#include "core/tls/virtual_hosts.h"

static bool wants_staple(SSL *ssl) {
    const unsigned char *bytes;
    size_t length;
    return SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_status_request, &bytes, &length);
}

/* A context that the program chose takes the place of virtual hosts. */
static bool serve_host(SSL *ssl, const SSL_CTX *base, int *alert) {
    const HelloQuestion *hello = &engine_of(ssl)->hello;
    if (hello->context) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return virtual_hosts_switch(ssl, hello->context, hello->facts->server_name);
    }
    if (context_data(base)->has_hosts) return virtual_hosts_choose(ssl, base, alert);
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return context_data(base)->has_certificate;
}

static void on_message(int sent, int version, int type, const void *bytes, size_t length, SSL *ssl,
                       void *arg) {
    (void)version, (void)arg;
    if (sent || type != SSL3_RT_HANDSHAKE || !length) return;
    if (*(const uint8_t *)bytes != SSL3_MT_CLIENT_HELLO) return;
    hello_question_copy(&engine_of(ssl)->hello, (Bytes){bytes, length});
}

static int answer_hello(SSL *ssl, const SSL_CTX *base, int *alert) {
    HelloQuestion *hello = &engine_of(ssl)->hello;
    SSL_set_msg_callback(ssl, NULL); /* the first message has come */
    if (!hello_question_read(ssl, hello, alert)) return SSL_CLIENT_HELLO_ERROR;
    if (engine_ask(ssl, QUESTION_HELLO)) return SSL_CLIENT_HELLO_RETRY;
    *alert = hello->alert;
    if (hello->refusal || !serve_host(ssl, base, alert)) return SSL_CLIENT_HELLO_ERROR;
    return SSL_CLIENT_HELLO_SUCCESS;
}

static int on_client_hello(SSL *ssl, int *alert, void *arg) {
    (void)arg;
    /* The connection's first context: a virtual host's may have replaced it already. */
    const SSL_CTX *base = SSL_get_app_data(ssl);
    const ContextData *data = base ? context_data(base) : NULL;
    if (!data) return SSL_CLIENT_HELLO_SUCCESS; /* not prepared: verify_confirm refuses it */
    if (data->asks_hello) {
        int result = answer_hello(ssl, base, alert);
        if (result != SSL_CLIENT_HELLO_SUCCESS || engine_of(ssl)->hello.context) return result;
    }
    if (data->staple_on_demand && wants_staple(ssl) && engine_ask(ssl, QUESTION_STAPLE)) {
        return SSL_CLIENT_HELLO_RETRY;
    }
    if (data->has_hosts && !data->asks_hello && !virtual_hosts_choose(ssl, base, alert))
        return SSL_CLIENT_HELLO_ERROR;
    return SSL_CLIENT_HELLO_SUCCESS;
}

void client_hello_watch(SSL_CTX *context) {
    SSL_CTX_set_client_hello_cb(context, on_client_hello, NULL);
    if (context_data(context)->asks_hello) SSL_CTX_set_msg_callback(context, on_message);
}

#include "core/tls/post_handshake.h"

#include "core/tls/context_data.h"
#include "core/tls/trust.h"

#include <openssl/err.h>
#include <string.h>

/* --- the answer: the client's next Finished --- */

static PeerFinished get_finished(const SSL *ssl) {
    PeerFinished finished = {.length = 0};
    finished.length = SSL_get_peer_finished(ssl, finished.bytes, sizeof finished.bytes);
    return finished;
}

static bool is_answered(const Engine *engine) {
    PeerFinished now = get_finished(engine->ssl);
    const PeerFinished *before = &engine->before_request;
    if (SSL_in_init(engine->ssl)) return false;
    return now.length != before->length || memcmp(now.bytes, before->bytes, now.length) != 0;
}

bool post_handshake_ends(Engine *engine) {
    if (!engine->requests || !is_answered(engine)) return false;
    engine->requests = false;
    return true;
}

/* --- the request --- */

static bool check_connection(const SSL *ssl, Failure *failure) {
    if (!SSL_is_server(ssl)) {
        return failure_set(failure, "servers request certificates, this is a client");
    }
    const SSL_CTX *base = SSL_get_app_data(ssl);
    if (base && context_data(base)->verify_function) {
        return failure_set(failure, "a certificate after the handshake can't wait for :on-verify: "
                                    "ask in the handshake, with :verify true or :optional");
    }
    return SSL_version(ssl) == TLS1_3_VERSION ||
           failure_set(failure,
                       "TLS 1.3 has requests after the handshake, and this is %s: ask in the "
                       "handshake, with :verify true or :optional",
                       SSL_get_version(ssl));
}

static bool explain_refusal(Failure *failure) {
    unsigned long error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) != ERR_LIB_SSL || ERR_GET_REASON(error) != SSL_R_EXTENSION_NOT_RECEIVED)
        return failure_openssl(failure, "no certificate requested");
    ERR_clear_error();
    return failure_set(failure, "the client does not allow requests after the handshake: it needs "
                                "its option :post-handshake-auth true, or the like");
}

/* OpenSSL refuses without a change, but wants the verification on first. */
static bool may_request(SSL *ssl, Failure *failure) {
    int mode = SSL_get_verify_mode(ssl);
    SSL_verify_cb callback = SSL_get_verify_callback(ssl);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, callback);
    if (SSL_verify_client_post_handshake(ssl)) return true;
    SSL_set_verify(ssl, mode, callback);
    return explain_refusal(failure);
}

static bool send_request(Engine *engine, Failure *failure) {
    int errnum;
    engine->before_request = get_finished(engine->ssl);
    engine->requests = true;
    if (engine_run(engine, SSL_do_handshake) != ENGINE_FAILED) return true;
    return failure_set(failure, "%s", engine_explain(engine, &errnum));
}

bool post_handshake_request(Engine *engine, bool optional, Failure *failure) {
    SSL *ssl = engine->ssl;
    ERR_clear_error();
    if (!check_connection(ssl, failure) || !trust_can_request(ssl, failure)) return false;
    if (!may_request(ssl, failure)) return false;
    if (trust_prepare_request(ssl, optional, failure)) return send_request(engine, failure);
    engine_fail(engine, failure->text); /* nothing may follow an unverified answer */
    return false;
}

#include "core/tls/engine.h"

#include "core/tls/explain.h"
#include "core/tls/job.h"
#include "core/tls/post_handshake.h"
#include "core/tls/resumption.h"
#include "core/tls/verify.h"

#include <openssl/err.h>
#include <string.h>

/* --- OpenSSL's buffers --- */

/* OpenSSL's buffers take some 50 KB for each connection. A thread keeps them for its last used
 * connections only. So a busy connection allocates nothing for each record, and most idle ones hold
 * no buffers. */
#define MAX_BUFFERED 64

static _Thread_local struct {
    Engine *engines[MAX_BUFFERED];
    unsigned int next; /* index of the next slot to use, in a ring */
} buffered;

void engine_free_buffers(Engine *engine) {
    /* OpenSSL 3.2 and later crash here when memory ran out before there was a record layer. */
    if (!engine->ssl || engine->failure) return;
    if (engine->waits) return; /* messages behind the one that waits are in them */
    /* During a handshake of DTLS records may wait in the buffers that OpenSSL does not count. */
    if (!engine->kind->reallocates_buffers && !engine->established) return;
    if (!SSL_free_buffers(engine->ssl)) return; /* a part of a record waits in them */
    engine->lacks_buffers = !engine->kind->reallocates_buffers;
}

static void drop_buffered(Engine *engine) {
    if (engine->buffered) *engine->buffered = NULL;
    engine->buffered = NULL;
}

static void keep_buffers(Engine *engine) {
    if (engine->buffered) return;
    Engine **place = &buffered.engines[buffered.next++ % MAX_BUFFERED];
    Engine *oldest = *place;
    if (oldest) {
        drop_buffered(oldest);
        /* Buffers that hold a part of a record stay until their engine is used again. */
        engine_free_buffers(oldest);
    }
    *place = engine;
    engine->buffered = place;
}

static bool allocate_buffers(Engine *engine) {
    if (engine->lacks_buffers) engine->lacks_buffers = !SSL_alloc_buffers(engine->ssl);
    return !engine->lacks_buffers;
}

/* --- life --- */

static char no_memory[] = "out of memory"; /* a failure that is never freed */

BIO_METHOD *engine_new_method(const char *name, EngineWrite *write, EngineRead *read,
                              EngineControl *control) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, name);
    if (!method) return NULL;
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_ctrl(method, control);
    return method;
}

static BIO *new_bio(Engine *engine) {
    BIO_METHOD *method = engine->kind->method();
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio) return NULL;
    BIO_set_data(bio, engine);
    BIO_set_init(bio, 1);
    return bio;
}

bool engine_init(Engine *engine, const EngineKind *kind, SSL_CTX *context, EngineRole role,
                 Transport transport, Failure *failure) {
    ERR_clear_error();
    engine->kind = kind;
    engine->transport = transport;
    engine->ssl = SSL_new(context);
    BIO *bio = new_bio(engine);
    if (!engine->ssl || !bio) {
        BIO_free(bio);
        engine_free(engine);
        return failure_openssl(failure, "no connection");
    }
    SSL_set_bio(engine->ssl, bio, bio);
    if (role == ENGINE_CLIENT) {
        SSL_set_connect_state(engine->ssl);
    } else {
        SSL_set_accept_state(engine->ssl);
    }
    return true;
}

Engine *engine_of(const SSL *ssl) {
    return BIO_get_data(SSL_get_rbio(ssl));
}

void engine_free(Engine *engine) {
    while (engine->fresh_count) SSL_SESSION_free(engine_take_session(engine));
    drop_buffered(engine);
    job_end(engine);
    SSL_free(engine->ssl);
    engine->ssl = NULL;
    hello_question_free(&engine->hello);
    signature_question_free(&engine->signature);
    verdict_free(&engine->verdict);
    pending_clear(&engine->pending);
    if (engine->failure != no_memory) OPENSSL_free(engine->failure);
    engine->failure = NULL;
}

/* --- sessions and answers --- */

int engine_keep_session(SSL *ssl, SSL_SESSION *session) {
    Engine *engine = engine_of(ssl);
    if (SSL_is_server(ssl) || engine->fresh_count == MAX_FRESH) return 0;
    engine->fresh[engine->fresh_count++] = session;
    return 1; /* the reference is ours now */
}

SSL_SESSION *engine_take_session(Engine *engine) {
    if (!engine->fresh_count) return NULL;
    SSL_SESSION *first = engine->fresh[0];
    engine->fresh_count--;
    for (int i = 0; i < engine->fresh_count; i++) engine->fresh[i] = engine->fresh[i + 1];
    return first;
}

bool engine_ask(const SSL *ssl, Question question) {
    Engine *engine = engine_of(ssl);
    if (engine->answered & 1U << question) return false;
    engine->asked = question;
    engine->waits = true;
    return true;
}

void engine_answer(Engine *engine) {
    engine->answered |= 1U << engine->asked;
    engine->waits = false;
}

/* OpenSSL knows the name only once the ClientHello's callback has accepted it. */
const char *engine_server_name(const Engine *engine) {
    const HelloFacts *facts = engine->hello.facts;
    if (!engine->ssl) return NULL;
    if (facts && facts->server_name[0]) return facts->server_name;
    return SSL_get_servername(engine->ssl, TLSEXT_NAMETYPE_host_name);
}

/* --- failures --- */

EngineStatus engine_fail(Engine *engine, const char *reason) {
    if (engine->failure) return ENGINE_FAILED;
    engine->failure = OPENSSL_strdup(reason);
    if (!engine->failure) engine->failure = no_memory;
    return ENGINE_FAILED;
}

const char *engine_explain(const Engine *engine, int *errnum) {
    *errnum = engine->failure         ? 0
              : engine->receive_errno ? engine->receive_errno
                                      : engine->send_errno;
    if (engine->failure) return engine->failure;
    return *errnum ? strerror(*errnum) : no_memory;
}

static EngineStatus end_without_notify(Engine *engine) {
    if (!engine->established) {
        return engine_fail(engine, "handshake failed: the peer closed the connection");
    }
    if (engine->truncation_is_eof) return ENGINE_EOF;
    return engine_fail(engine, "connection truncated: the peer closed it without close_notify");
}

/* A transport's errno needs no text here: engine_explain adds it. */
static EngineStatus fail_by_openssl(Engine *engine) {
    Failure failure;
    const char *refusal = engine->hello.refusal ? engine->hello.refusal : engine->signature.refusal;
    if (refusal && !engine->established) {
        ERR_clear_error();
        return engine_fail(engine, refusal);
    }
    if (engine->receive_errno || (engine->send_errno && !ERR_peek_error())) {
        ERR_clear_error();
        return ENGINE_FAILED;
    }
    if (engine->established && !(engine->requests && verify_kept_reason(engine->ssl))) {
        explain_protocol(&failure);
    } else {
        explain_handshake(engine->ssl, &failure);
    }
    return engine_fail(engine, failure.text);
}

/* --- around each call of OpenSSL --- */

/* Start with an empty error queue. ERR_clear_error walks the whole queue even if it is empty. */
static bool start_call(Engine *engine) {
    if (ERR_peek_error()) ERR_clear_error();
    if (!engine->ssl || engine->failure) return false;
    if (!engine->kind->has_lasting_errors) engine->receive_errno = engine->send_errno = 0;
    if (!engine->keeps_buffers) keep_buffers(engine);
    return allocate_buffers(engine);
}

static bool is_unexpected_eof(const Engine *engine) {
    return engine->transport_eof && (!ERR_peek_error() || ERR_GET_REASON(ERR_peek_last_error()) ==
                                                              SSL_R_UNEXPECTED_EOF_WHILE_READING);
}

/* The only place that reads SSL_get_error. */
static EngineStatus status_of(Engine *engine, int returned) {
    switch (SSL_get_error(engine->ssl, returned)) {
    case SSL_ERROR_NONE: return ENGINE_DONE;
    case SSL_ERROR_WANT_READ:
        /* For DTLS, OpenSSL never sees transport errors; report them here. */
        return engine->receive_errno ? ENGINE_FAILED : ENGINE_WANTS_READ;
    case SSL_ERROR_WANT_WRITE: return ENGINE_WANTS_WRITE;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
    case SSL_ERROR_WANT_RETRY_VERIFY:
    case SSL_ERROR_WANT_ASYNC: return ENGINE_WANTS_ANSWER;
    case SSL_ERROR_ZERO_RETURN: return ENGINE_EOF;
    default:
        if (!is_unexpected_eof(engine)) return fail_by_openssl(engine);
        ERR_clear_error();
        return end_without_notify(engine);
    }
}

/* Has a handshake ended that is not confirmed yet? A renegotiation ends within a read or write, and
 * so does the answer to a request for a certificate. */
static bool is_unconfirmed(Engine *engine) {
    bool may_be = !engine->established || SSL_num_renegotiations(engine->ssl);
    return (may_be && !SSL_in_init(engine->ssl)) || post_handshake_ends(engine);
}

static EngineStatus settle_call(Engine *engine, int returned) {
    Failure failure;
    EngineStatus status = status_of(engine, returned);
    if (status == ENGINE_FAILED || !is_unconfirmed(engine)) return status;
    bool confirmed =
        verify_confirm(engine->ssl, &failure) && verdict_confirm(engine->ssl, &failure);
    return confirmed ? status : engine_fail(engine, failure.text);
}

static void uncork(Engine *engine) {
    if (engine->corked) engine->kind->uncork(engine);
    engine->corked = false;
}

/* Send the output of the call. */
static void finish_call(Engine *engine) {
    if (engine->kind->send_gathered(engine)) return;
    engine_fail(engine, "output limit exceeded: the peer is not reading (4 MB pending)");
}

EngineStatus engine_run(Engine *engine, int (*call)(SSL *ssl)) {
    if (!start_call(engine)) return ENGINE_FAILED;
    EngineStatus status = settle_call(engine, call(engine->ssl));
    finish_call(engine);
    return engine->failure ? ENGINE_FAILED : status;
}

/* --- handshakes --- */

EngineStatus engine_handshake(Engine *engine) {
    if (!start_call(engine)) return ENGINE_FAILED;
    if (SSL_in_before(engine->ssl)) resumption_check_offer(engine->ssl);
    if (engine->pending.length) engine->kind->send_pending(engine);
    if (engine->waits) return ENGINE_WANTS_ANSWER;
    EngineStatus status = settle_call(engine, job_handshake(engine));
    engine->corked = engine->corks && status == ENGINE_DONE && engine->kind->cork(engine);
    finish_call(engine);
    if (status == ENGINE_DONE) engine->established = true;
    if (engine->failure) return ENGINE_FAILED;
    /* Report a failed send at once, unless the peer's last alert is still to be read. */
    if (engine->send_errno && status == ENGINE_WANTS_READ) return ENGINE_FAILED;
    /* The handshake is done even if the last flight is still pending: engine_flush reports it. */
    return status == ENGINE_EOF ? end_without_notify(engine) : status;
}

static int update_keys(SSL *ssl) {
    int requested = SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
    return requested == 1 ? SSL_do_handshake(ssl) : requested;
}

EngineStatus engine_key_update(Engine *engine) {
    return engine_run(engine, update_keys);
}

static int renegotiate(SSL *ssl) {
    int requested = SSL_renegotiate(ssl);
    return requested == 1 ? SSL_do_handshake(ssl) : requested;
}

EngineStatus engine_renegotiate(Engine *engine) {
    return engine_run(engine, renegotiate);
}

/* --- reading --- */

typedef int ReadCall(SSL *ssl, void *into, size_t room, size_t *got);

static EngineStatus run_read(Engine *engine, ReadCall *call, void *into, size_t room, size_t *got) {
    if (!start_call(engine)) return ENGINE_FAILED;
    int returned;
    do {
        returned = call(engine->ssl, into, room, got);
    } while (!returned && engine->kind->may_read_on && engine->kind->may_read_on(engine));
    EngineStatus status = settle_call(engine, returned);
    finish_call(engine);
    return status;
}

EngineStatus engine_read(Engine *engine, uint8_t *into, size_t room, size_t *got) {
    *got = 0;
    return run_read(engine, SSL_read_ex, into, room, got);
}

EngineStatus engine_peek(Engine *engine) {
    uint8_t byte;
    size_t got;
    return run_read(engine, SSL_peek_ex, &byte, 1, &got);
}

size_t engine_waiting(const Engine *engine) {
    int waiting = engine->ssl ? SSL_pending(engine->ssl) : 0;
    return waiting > 0 ? (size_t)waiting : 0;
}

bool engine_is_drained(const Engine *engine) {
    if (!engine->ssl || engine->failure || engine->transport_eof || engine->receive_errno) {
        return false;
    }
    return !SSL_has_pending(engine->ssl) && !engine_peer_closed(engine);
}

bool engine_peer_closed(const Engine *engine) {
    return engine->ssl && (SSL_get_shutdown(engine->ssl) & SSL_RECEIVED_SHUTDOWN);
}

/* --- writing --- */

EngineStatus engine_flush(Engine *engine) {
    engine->corked = false;
    if (engine->pending.length) engine->kind->send_pending(engine);
    if (engine->send_errno) return ENGINE_FAILED;
    return engine->pending.length ? ENGINE_WANTS_WRITE : ENGINE_DONE;
}

/* Seal up to max_sealed bytes: all of it fits the gathered output. */
static EngineStatus seal(Engine *engine, const uint8_t *data, size_t length, size_t *taken) {
    if (length > engine->max_sealed) length = engine->max_sealed;
    size_t sealed = 0;
    EngineStatus status = settle_call(engine, SSL_write_ex(engine->ssl, data, length, &sealed));
    finish_call(engine);
    *taken += sealed;
    return engine->failure ? ENGINE_FAILED : status;
}

/* In TLS 1.3 a peer may refuse our certificate after our handshake is done, and close. Its alert,
 * the reason of the failed send, may wait unread. Data before the alert stays for the reader. */
static void receive_alert(Engine *engine) {
    uint8_t byte;
    size_t got;
    ERR_clear_error();
    SSL_peek_ex(engine->ssl, &byte, 1, &got);
    engine->kind->send_gathered(engine); /* drops it: the transport has failed */
    unsigned long error = ERR_peek_last_error();
    bool is_alert =
        ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET;
    if (is_alert) fail_by_openssl(engine);
    ERR_clear_error();
}

EngineStatus engine_write(Engine *engine, const uint8_t *data, size_t length, size_t *taken) {
    *taken = 0;
    if (!start_call(engine)) return ENGINE_FAILED;
    uncork(engine);
    EngineStatus status = engine_flush(engine);
    while (status == ENGINE_DONE && *taken < length) {
        status = seal(engine, data + *taken, length - *taken, taken);
        if (status == ENGINE_DONE) status = engine_flush(engine);
    }
    finish_call(engine); /* uncorked output, if nothing was sealed */
    bool may_have_alert =
        engine->send_errno && !engine->failure && engine->kind->has_lasting_errors;
    if (status == ENGINE_FAILED && may_have_alert) receive_alert(engine);
    return status;
}

/* --- ending --- */

EngineStatus engine_close_notify(Engine *engine) {
    if (!start_call(engine)) return ENGINE_FAILED;
    if (!engine->established) return ENGINE_DONE; /* nothing to end */
    if (!(SSL_get_shutdown(engine->ssl) & SSL_SENT_SHUTDOWN)) {
        uncork(engine);
        SSL_shutdown(engine->ssl); /* nothing is left to do after an error */
        ERR_clear_error();
        finish_call(engine);
    }
    return engine_flush(engine);
}

/* OpenSSL offers no way to send an alert of our own. Unlike close_notify it need not be authentic:
 * an attacker can make a connection fail anyway. It is as long as a sealed record, since OpenSSL
 * reports a shorter one without a clear reason. */
#define ALERT_LENGTH 64
static const uint8_t alert[5 + ALERT_LENGTH] = {
    SSL3_RT_ALERT, TLS1_2_VERSION_MAJOR, TLS1_2_VERSION_MINOR,  0,
    ALERT_LENGTH,  SSL3_AL_FATAL,        SSL_AD_INTERNAL_ERROR,
};

EngineStatus engine_abort(Engine *engine) {
    if (!start_call(engine)) return ENGINE_FAILED;
    bool ended = SSL_get_shutdown(engine->ssl) & SSL_SENT_SHUTDOWN;
    if (engine->established && !ended && !engine->alerted) {
        engine->alerted = true;
        uncork(engine);
        BIO_write(SSL_get_wbio(engine->ssl), alert, sizeof alert);
        finish_call(engine);
    }
    return engine_flush(engine);
}

bool engine_is_aborted(const Engine *engine) {
    if (engine->pending.length || engine->send_errno || engine->failure) return false;
    return engine->alerted || !engine->established;
}

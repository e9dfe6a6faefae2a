#include "core/tls/engine.h"

#include "core/tls/datagram.h"
#include "core/tls/resumption.h"
#include "core/tls/verify.h"
#include "core/tls/warm.h"

#include <openssl/err.h>
#include <string.h>

#define MAX_GATHERED (16 * (SSL3_RT_MAX_PLAIN_LENGTH + 256)) /* sixteen records */
#define MAX_PENDING (4 << 20) /* a peer that asks and never reads is cut off here */

/* Output of the call that runs now; empty between calls, so one a thread serves all engines. */
static _Thread_local struct {
    size_t length;
    uint8_t bytes[MAX_GATHERED];
} gathered;

/* --- output: gathered, then sent, then kept --- */

static bool keep(Engine *engine, const uint8_t *bytes, size_t length) {
    size_t needed = engine->pending_length + length;
    if (needed > MAX_PENDING) return false;
    if (needed > engine->pending_room) {
        uint8_t *grown = OPENSSL_realloc(engine->pending, needed + needed / 2);
        if (!grown) return false;
        engine->pending = grown;
        engine->pending_room = needed + needed / 2;
    }
    memcpy(engine->pending + engine->pending_length, bytes, length);
    engine->pending_length = needed;
    return true;
}

/* How many bytes the transport took; what it can't take is not an error unless it says so. */
static size_t send_some(Engine *engine, const uint8_t *bytes, size_t length) {
    size_t sent = 0;
    while (sent < length && !engine->send_errno) {
        ptrdiff_t n = engine->transport.send(engine->transport.arg, bytes + sent, length - sent);
        if (n == TRANSPORT_WOULD_BLOCK) break;
        if (n < 0) {
            engine->send_errno = (int)(TRANSPORT_ERROR(0) - n);
        } else {
            sent += (size_t)n;
        }
    }
    return sent;
}

static void drop_pending(Engine *engine) {
    OPENSSL_free(engine->pending);
    engine->pending = NULL;
    engine->pending_length = engine->pending_room = 0;
}

static void send_pending(Engine *engine) {
    if (engine->datagram) {
        datagram_send_pending(engine);
        return;
    }
    size_t sent = send_some(engine, engine->pending, engine->pending_length);
    if (sent == engine->pending_length || engine->send_errno) {
        drop_pending(engine);
    } else if (sent) {
        engine->pending_length -= sent;
        memmove(engine->pending, engine->pending + sent, engine->pending_length);
    }
}

static bool send_gathered(Engine *engine) {
    size_t sent = 0;
    if (!engine->pending_length) sent = send_some(engine, gathered.bytes, gathered.length);
    size_t left = gathered.length - sent;
    gathered.length = 0;
    return engine->send_errno || !left || keep(engine, gathered.bytes + sent, left);
}

/* --- the transport as OpenSSL sees it --- */

static int transport_write(BIO *bio, const char *bytes, size_t length, size_t *written) {
    Engine *engine = BIO_get_data(bio);
    *written = length;
    bool fits = length <= MAX_GATHERED - gathered.length;
    if (!fits && !send_gathered(engine)) return 0;
    if (length > MAX_GATHERED) return keep(engine, (const uint8_t *)bytes, length);
    memcpy(gathered.bytes + gathered.length, bytes, length);
    gathered.length += length;
    return 1;
}

static int transport_read(BIO *bio, char *into, size_t room, size_t *got) {
    Engine *engine = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got = 0;
    if (engine->transport_eof || engine->receive_errno) return 0;
    ptrdiff_t n = engine->transport.receive(engine->transport.arg, (uint8_t *)into, room);
    if (n > 0) {
        *got = (size_t)n;
        return 1;
    }
    if (n == TRANSPORT_WOULD_BLOCK) {
        BIO_set_retry_read(bio);
    } else if (n == TRANSPORT_EOF) {
        engine->transport_eof = true;
    } else {
        engine->receive_errno = (int)(TRANSPORT_ERROR(0) - n);
    }
    return 0;
}

static long transport_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)number, (void)pointer;
    if (command == BIO_CTRL_EOF) return ((const Engine *)BIO_get_data(bio))->transport_eof;
    return command == BIO_CTRL_FLUSH;
}

static int transport_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *transport_method;

static void make_transport_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "jsec transport");
    if (!method) return;
    BIO_meth_set_write_ex(method, transport_write);
    BIO_meth_set_read_ex(method, transport_read);
    BIO_meth_set_ctrl(method, transport_ctrl);
    BIO_meth_set_create(method, transport_create);
    transport_method = method;
}

static CRYPTO_ONCE transport_once = CRYPTO_ONCE_STATIC_INIT;

static BIO *transport_bio(Engine *engine) {
    if (!CRYPTO_THREAD_run_once(&transport_once, make_transport_method) || !transport_method) {
        return NULL;
    }
    BIO *bio = BIO_new(transport_method);
    if (bio) BIO_set_data(bio, engine);
    return bio;
}

/* --- life --- */

static char no_memory[] = "out of memory"; /* a failure that nobody frees */

bool engine_init(Engine *engine, SSL_CTX *context, EngineRole role, Transport transport,
                 Failure *failure) {
    ERR_clear_error();
    engine->transport = transport;
    engine->max_sealed = MAX_GATHERED - 16 * 256;
    engine->ssl = SSL_new(context);
    BIO *bio = engine->datagram ? datagram_bio(engine) : transport_bio(engine);
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

int engine_keep_session(SSL *ssl, SSL_SESSION *session) {
    Engine *engine = BIO_get_data(SSL_get_rbio(ssl));
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

void engine_free_buffers(Engine *engine) {
    /* In a handshake of DTLS records may wait in them that OpenSSL does not count: a hello that was
     * listened to is in use until the handshake goes on. */
    if (engine->datagram && !engine->established) return;
    /* From OpenSSL 3.2 on it crashes where memory ran out before there was a record layer. */
    if (!engine->ssl || engine->failure) return;
    if (!SSL_free_buffers(engine->ssl)) return; /* a part of a record waits in them */
    engine->lacks_buffers = engine->datagram;
}

void engine_answer(Engine *engine) {
    engine->answered = true;
}

bool engine_is_answered(SSL *ssl) {
    const Engine *engine = BIO_get_data(SSL_get_rbio(ssl));
    return engine->answered;
}

void engine_free(Engine *engine) {
    while (engine->fresh_count) SSL_SESSION_free(engine_take_session(engine));
    warm_forget(engine);
    SSL_free(engine->ssl);
    engine->ssl = NULL;
    drop_pending(engine);
    if (engine->failure != no_memory) OPENSSL_free(engine->failure);
    engine->failure = NULL;
}

/* --- what a call came to --- */

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

static EngineStatus truncated(Engine *engine) {
    if (!engine->established) {
        return engine_fail(engine, "handshake failed: the peer closed the connection");
    }
    if (engine->truncation_is_eof) return ENGINE_EOF;
    return engine_fail(engine, "connection truncated: the peer closed it without close_notify");
}

static EngineStatus failed(Engine *engine) {
    Failure failure;
    if (engine->receive_errno || (engine->send_errno && !ERR_peek_error())) {
        ERR_clear_error();
        return ENGINE_FAILED;
    }
    if (engine->established) {
        verify_explain_protocol(&failure);
    } else {
        verify_explain_handshake(engine->ssl, &failure);
    }
    return engine_fail(engine, failure.text);
}

static bool unexpected_eof(const Engine *engine) {
    return engine->transport_eof && (!ERR_peek_error() || ERR_GET_REASON(ERR_peek_last_error()) ==
                                                              SSL_R_UNEXPECTED_EOF_WHILE_READING);
}

/* The only place that reads SSL_get_error. */
static EngineStatus status_of(Engine *engine, int returned) {
    switch (SSL_get_error(engine->ssl, returned)) {
    case SSL_ERROR_NONE: return ENGINE_DONE;
    case SSL_ERROR_WANT_READ:
        /* Of datagrams the transport's error is no matter of OpenSSL's. */
        return engine->datagram && engine->receive_errno ? ENGINE_FAILED : ENGINE_WANTS_READ;
    case SSL_ERROR_WANT_WRITE: return ENGINE_WANTS_WRITE;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB: return ENGINE_WANTS_ANSWER;
    case SSL_ERROR_ZERO_RETURN: return ENGINE_EOF;
    default:
        if (!unexpected_eof(engine)) return failed(engine);
        ERR_clear_error();
        return truncated(engine);
    }
}

/* Has a handshake ended that is not confirmed yet? A renegotiation ends within a read or write. */
static bool is_unconfirmed(const Engine *engine) {
    bool may_be = !engine->established || SSL_num_renegotiations(engine->ssl);
    return may_be && !SSL_in_init(engine->ssl);
}

static EngineStatus settle(Engine *engine, int returned) {
    Failure failure;
    EngineStatus status = status_of(engine, returned);
    if (status == ENGINE_FAILED || !is_unconfirmed(engine)) return status;
    return verify_confirm(engine->ssl, &failure) ? status : engine_fail(engine, failure.text);
}

/* What was held back goes out before, and together with, what the call will send. */
static void uncork(Engine *engine) {
    if (!engine->corked) return;
    engine->corked = false;
    if (engine->pending_length > MAX_GATHERED) return;
    memcpy(gathered.bytes, engine->pending, engine->pending_length);
    gathered.length = engine->pending_length;
    drop_pending(engine);
}

/* Around each call into OpenSSL: a clean queue before, all output on its way after. */
static bool begin(Engine *engine) {
    if (ERR_peek_error()) ERR_clear_error(); /* which walks the whole queue, full or empty */
    if (engine->datagram) engine->receive_errno = engine->send_errno = 0; /* of the last call */
    if (!engine->ssl || engine->failure) return false;
    if (!engine->keeps_buffers) warm_use(engine);
    if (engine->lacks_buffers) engine->lacks_buffers = !SSL_alloc_buffers(engine->ssl);
    return !engine->lacks_buffers;
}

static void finish(Engine *engine) {
    if (engine->datagram) {
        datagram_send_gathered(engine);
    } else if (gathered.length && !send_gathered(engine)) {
        engine_fail(engine, "the peer does not read what it asked for");
    }
}

static void finish_handshake(Engine *engine, EngineStatus status) {
    bool corks = engine->corks && status == ENGINE_DONE && gathered.length;
    if (corks && keep(engine, gathered.bytes, gathered.length)) {
        gathered.length = 0;
        engine->corked = true;
    }
    finish(engine);
}

/* --- calls --- */

EngineStatus engine_flush(Engine *engine) {
    engine->corked = false;
    if (engine->pending_length) send_pending(engine);
    if (engine->send_errno) return ENGINE_FAILED;
    return engine->pending_length ? ENGINE_WANTS_WRITE : ENGINE_DONE;
}

EngineStatus engine_handshake(Engine *engine) {
    if (!begin(engine)) return ENGINE_FAILED;
    if (SSL_in_before(engine->ssl)) resumption_check_offer(engine->ssl);
    if (engine->pending_length) send_pending(engine);
    EngineStatus status = settle(engine, SSL_do_handshake(engine->ssl));
    finish_handshake(engine, status);
    if (status == ENGINE_DONE) engine->established = true;
    if (engine->failure) return ENGINE_FAILED;
    /* A transport that fails to send says so at once, unless the peer's last word is still there. */
    if (engine->send_errno && status == ENGINE_WANTS_READ) return ENGINE_FAILED;
    /* The last flight may still be pending: nothing is hidden by reporting the handshake done. */
    return status == ENGINE_EOF ? truncated(engine) : status;
}

/* After our close_notify OpenSSL's DTLS gives up at a record that is no data (the peer's last flight,
 * sent again), without a reason. It has dropped the record: there is more behind it. */
static bool gave_up(const Engine *engine, int returned) {
    return !returned && engine->datagram && SSL_get_shutdown(engine->ssl) == SSL_SENT_SHUTDOWN &&
           SSL_want_nothing(engine->ssl) && !ERR_peek_error();
}

typedef int Read(SSL *ssl, void *into, size_t room, size_t *got);

static EngineStatus read_with(Engine *engine, Read *call, void *into, size_t room, size_t *got) {
    if (!begin(engine)) return ENGINE_FAILED;
    int returned;
    do {
        returned = call(engine->ssl, into, room, got);
    } while (gave_up(engine, returned));
    EngineStatus status = settle(engine, returned);
    finish(engine);
    return status;
}

EngineStatus engine_read(Engine *engine, uint8_t *into, size_t room, size_t *got) {
    *got = 0;
    return read_with(engine, SSL_read_ex, into, room, got);
}

size_t engine_waiting(const Engine *engine) {
    int pending = engine->ssl ? SSL_pending(engine->ssl) : 0;
    return pending > 0 ? (size_t)pending : 0;
}

bool engine_is_drained(const Engine *engine) {
    if (!engine->ssl || engine->failure || engine->transport_eof || engine->receive_errno) {
        return false;
    }
    return !SSL_has_pending(engine->ssl) && !engine_peer_closed(engine);
}

EngineStatus engine_peek(Engine *engine) {
    uint8_t byte;
    size_t got;
    return read_with(engine, SSL_peek_ex, &byte, 1, &got);
}

/* Seal up to max_sealed bytes: all of it fits the gathered output. */
static EngineStatus seal(Engine *engine, const uint8_t *data, size_t length, size_t *taken) {
    if (length > engine->max_sealed) length = engine->max_sealed;
    size_t sealed = 0;
    EngineStatus status = settle(engine, SSL_write_ex(engine->ssl, data, length, &sealed));
    finish(engine);
    *taken += sealed;
    return engine->failure ? ENGINE_FAILED : status;
}

/* A peer that refuses us after our handshake (TLS 1.3) says why, and is gone: what it said may wait
 * unread when the transport takes no more. Data that came before it stays for the reader. */
static void hear_alert(Engine *engine) {
    uint8_t byte;
    size_t got;
    ERR_clear_error();
    SSL_peek_ex(engine->ssl, &byte, 1, &got);
    gathered.length = 0; /* there is nobody to answer */
    unsigned long error = ERR_peek_last_error();
    bool is_alert =
        ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET;
    if (is_alert) failed(engine);
    ERR_clear_error();
}

EngineStatus engine_write(Engine *engine, const uint8_t *data, size_t length, size_t *taken) {
    *taken = 0;
    if (!begin(engine)) return ENGINE_FAILED;
    uncork(engine);
    EngineStatus status = engine_flush(engine);
    while (status == ENGINE_DONE && *taken < length) {
        status = seal(engine, data + *taken, length - *taken, taken);
        if (status == ENGINE_DONE) status = engine_flush(engine);
    }
    finish(engine); /* what was uncorked, where there was nothing to seal */
    bool may_hear = engine->send_errno && !engine->failure && !engine->datagram;
    if (status == ENGINE_FAILED && may_hear) hear_alert(engine);
    return status;
}

EngineStatus engine_close_notify(Engine *engine) {
    if (!begin(engine)) return ENGINE_FAILED;
    if (!engine->established) return ENGINE_DONE; /* nothing to end */
    if (!(SSL_get_shutdown(engine->ssl) & SSL_SENT_SHUTDOWN)) {
        uncork(engine);
        SSL_shutdown(engine->ssl); /* 0 or 1; an error leaves nothing that could be done */
        ERR_clear_error();
        finish(engine);
    }
    return engine_flush(engine);
}

/* OpenSSL offers no way to send an alert of our own. Unlike close_notify this one need not be
 * authentic: an attacker can make a connection fail anyway. It has the length of a sealed record, since
 * OpenSSL has no good reason to give for a shorter one. */
#define ALERT_LENGTH 64
static const uint8_t alert[5 + ALERT_LENGTH] = {
    SSL3_RT_ALERT, TLS1_2_VERSION_MAJOR, TLS1_2_VERSION_MINOR,  0,
    ALERT_LENGTH,  SSL3_AL_FATAL,        SSL_AD_INTERNAL_ERROR,
};

EngineStatus engine_abort(Engine *engine) {
    if (!begin(engine)) return ENGINE_FAILED;
    bool ended = SSL_get_shutdown(engine->ssl) & SSL_SENT_SHUTDOWN;
    if (engine->established && !ended && !engine->alerted) {
        engine->alerted = true;
        uncork(engine);
        BIO_write(SSL_get_wbio(engine->ssl), alert, sizeof alert);
        finish(engine);
    }
    return engine_flush(engine);
}

bool engine_is_aborted(const Engine *engine) {
    if (engine->pending_length || engine->send_errno || engine->failure) return false;
    return engine->alerted || !engine->established;
}

EngineStatus engine_run(Engine *engine, int (*call)(SSL *ssl)) {
    if (!begin(engine)) return ENGINE_FAILED;
    EngineStatus status = settle(engine, call(engine->ssl));
    finish(engine);
    return engine->failure ? ENGINE_FAILED : status;
}

static int update_keys(SSL *ssl) {
    int asked = SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
    return asked == 1 ? SSL_do_handshake(ssl) : asked;
}

EngineStatus engine_key_update(Engine *engine) {
    return engine_run(engine, update_keys);
}

static int renegotiate(SSL *ssl) {
    int asked = SSL_renegotiate(ssl);
    return asked == 1 ? SSL_do_handshake(ssl) : asked;
}

EngineStatus engine_renegotiate(Engine *engine) {
    return engine_run(engine, renegotiate);
}

bool engine_peer_closed(const Engine *engine) {
    return engine->ssl && (SSL_get_shutdown(engine->ssl) & SSL_RECEIVED_SHUTDOWN);
}

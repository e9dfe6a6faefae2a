#include "core/tls/datagram.h"

#include "core/tls/cookie.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/time.h>

#define MAX_PENDING (256 << 10) /* bytes that wait for the transport; further datagrams are lost */
#define MAX_RETRANSMIT 60.0     /* seconds between two retransmissions: RFC 6347, 4.2.4.1 */
#define MAX_WAITS 13            /* for an answer: OpenSSL retransmits a flight at most 12 times */

#define MAX_SEAL 24 /* bytes of a record: GCM's explicit nonce and tag */

/* --- output: datagrams that wait are frames of length and bytes --- */

typedef uint16_t FrameLength;

static void keep_datagram(Pending *pending, const uint8_t *bytes, size_t length) {
    FrameLength frame = (FrameLength)length;
    if (length > UINT16_MAX) return;
    const uint8_t *header = (const uint8_t *)&frame;
    if (!pending_add(pending, header, sizeof frame, MAX_PENDING - length)) return;
    if (!pending_add(pending, bytes, length, MAX_PENDING)) pending->length -= sizeof frame;
}

/* Returns false if the datagram has to wait. One that the transport refuses is lost. */
static bool send_datagram(Engine *engine, const uint8_t *bytes, size_t length) {
    ptrdiff_t n = engine->transport.send(engine->transport.arg, bytes, length);
    if (n < 0) engine->send_errno = (int)(TRANSPORT_ERROR(0) - n);
    return n != TRANSPORT_WOULD_BLOCK;
}

static void send_pending(Engine *engine) {
    size_t at = 0;
    FrameLength frame;
    while (at < engine->pending.length) {
        memcpy(&frame, engine->pending.bytes + at, sizeof frame);
        if (!send_datagram(engine, engine->pending.bytes + at + sizeof frame, frame)) break;
        at += sizeof frame + frame;
    }
    pending_remove(&engine->pending, at);
}

void datagram_forget_pending(Engine *engine) {
    pending_clear(&engine->pending);
}

void datagram_each_pending(const Engine *engine,
                           void (*each)(void *arg, const uint8_t *bytes, size_t length),
                           void *arg) {
    const Pending *pending = &engine->pending;
    FrameLength frame;
    for (size_t at = 0; at < pending->length; at += sizeof frame + frame) {
        memcpy(&frame, pending->bytes + at, sizeof frame);
        each(arg, pending->bytes + at + sizeof frame, frame);
    }
}

/* --- the datagram that is being filled --- */

/* OpenSSL retransmits a flight as one datagram for each message, and all of them have to arrive.
 * Records of one call share a datagram up to the MTU. It is empty between calls. */
static _Thread_local struct {
    size_t length;
    uint8_t bytes[DATAGRAM_MAX_MTU];
} gathered;

static void send_or_keep(Engine *engine, const uint8_t *bytes, size_t length) {
    bool waits = engine->pending.length || !send_datagram(engine, bytes, length);
    if (waits) keep_datagram(&engine->pending, bytes, length);
}

static bool send_gathered(Engine *engine) {
    size_t length = gathered.length;
    gathered.length = 0;
    if (length) send_or_keep(engine, gathered.bytes, length);
    return true;
}

static void gather_record(Engine *engine, const uint8_t *record, size_t length) {
    if (gathered.length + length > engine->mtu) send_gathered(engine);
    if (length > engine->mtu) {
        send_or_keep(engine, record, length);
        return;
    }
    memcpy(gathered.bytes + gathered.length, record, length);
    gathered.length += length;
}

/* --- the transport as OpenSSL's BIO --- */

/* The length of the record that `bytes` begin with, or all of them if there is no whole one. */
static size_t record_length(const uint8_t *bytes, size_t length) {
    if (length < DTLS1_RT_HEADER_LENGTH) return length;
    size_t whole = DTLS1_RT_HEADER_LENGTH + ((size_t)bytes[11] << 8 | bytes[12]);
    return whole < length ? whole : length;
}

/* OpenSSL joins records of a flight itself, up to an MTU from which it does not subtract an AEAD's
 * nonce and tag. */
static int write_bio(BIO *bio, const char *bytes, size_t length, size_t *written) {
    const uint8_t *record = (const uint8_t *)bytes, *end = record + length;
    while (record < end) {
        size_t n = record_length(record, (size_t)(end - record));
        gather_record(BIO_get_data(bio), record, n);
        record += n;
    }
    *written = length;
    return 1;
}

/* The fewest bytes that a sealed record's content can have. */
static size_t min_sealed(const SSL *ssl) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    if (!cipher) return MAX_SEAL;
    if (!SSL_CIPHER_is_aead(cipher)) return 0;
    bool is_small = SSL_CIPHER_get_cipher_nid(cipher) == NID_chacha20_poly1305 ||
                    strstr(SSL_CIPHER_get_name(cipher), "CCM8");
    return is_small ? 16 : MAX_SEAL;
}

/* The number of bytes before the first sealed record that is shorter than its seal. OpenSSL ended
 * the session with an internal error over such a record, which any attacker can send, until it
 * fixed CVE-2026-75806. */
static size_t sound_length(const SSL *ssl, const uint8_t *bytes, size_t length) {
    size_t at = 0;
    while (length - at >= DTLS1_RT_HEADER_LENGTH) {
        const uint8_t *record = bytes + at;
        size_t content = (size_t)record[11] << 8 | record[12];
        bool sealed = record[3] || record[4];
        if (sealed && content < MAX_SEAL && content < min_sealed(ssl)) return at;
        if (content > length - at - DTLS1_RT_HEADER_LENGTH) break;
        at += DTLS1_RT_HEADER_LENGTH + content;
    }
    return length;
}

/* A socket error must not end the session: report would-block to OpenSSL, and keep the errno for
 * the caller. */
static int read_bio(BIO *bio, char *into, size_t room, size_t *got) {
    Engine *engine = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ptrdiff_t n;
    *got = 0;
    do {
        n = engine->transport.receive(engine->transport.arg, (uint8_t *)into, room);
        if (n > 0) *got = sound_length(engine->ssl, (const uint8_t *)into, (size_t)n);
    } while (n > 0 && !*got);
    if (n < 0) engine->receive_errno = (int)(TRANSPORT_ERROR(0) - n);
    if (n <= 0) BIO_set_retry_read(bio);
    return n > 0;
}

static long control_bio(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

static void make_method(void) {
    method = engine_new_method("jsec datagrams", write_bio, read_bio, control_bio);
}

static BIO_METHOD *get_method(void) {
    return CRYPTO_THREAD_run_once(&method_once, make_method) ? method : NULL;
}

/* After our close_notify OpenSSL drops a record that is not data (a retransmission of the peer's
 * last flight) and returns without a reason. More records may follow it. */
static bool may_read_on(const Engine *engine) {
    return SSL_get_shutdown(engine->ssl) == SSL_SENT_SHUTDOWN && SSL_want_nothing(engine->ssl) &&
           !ERR_peek_error();
}

/* --- retransmission --- */

static unsigned int next_wait(SSL *ssl, unsigned int last) {
    const Engine *engine = engine_of(ssl);
    unsigned int max = engine->max_retransmit_us;
    if (!last) return engine->retransmit_us;
    return last < max / 2 ? 2 * last : max;
}

/* The longest wait before a retransmission. Waits that only double leave few tries on a bad
 * network: of a handshake's 30 seconds the last two take 24. So they double until all tries fit
 * into the time. */
static double max_wait(double first, double time) {
    double max = MAX_RETRANSMIT, wait = first;
    for (int doubled = 0; doubled < MAX_WAITS && time > 0; doubled++) {
        if (wait * (MAX_WAITS - doubled) >= time) {
            max = time / (MAX_WAITS - doubled);
            break;
        }
        time -= wait;
        wait *= 2;
    }
    if (max > MAX_RETRANSMIT) max = MAX_RETRANSMIT;
    return max > first ? max : first;
}

double datagram_retransmit_due(Engine *engine) {
    struct timeval left;
    if (!engine->ssl || !DTLSv1_get_timeout(engine->ssl, &left)) return -1;
    return (double)left.tv_sec + (double)left.tv_usec / 1e6;
}

static int handle_timeout(SSL *ssl) {
    return DTLSv1_handle_timeout(ssl) < 0 ? -1 : 1;
}

EngineStatus datagram_retransmit(Engine *engine) {
    return engine_run(engine, handle_timeout);
}

/* --- life --- */

static const EngineKind kind = {
    .method = get_method,
    .send_pending = send_pending,
    .send_gathered = send_gathered,
    .may_read_on = may_read_on,
};

bool datagram_engine_init(Engine *engine, SSL_CTX *context, EngineRole role, Transport transport,
                          DatagramSettings settings, Failure *failure) {
    engine->max_sealed = DATAGRAM_MAX_MTU;
    engine->mtu = (size_t)settings.mtu;
    engine->retransmit_us = (unsigned int)(settings.retransmit * 1e6);
    engine->max_retransmit_us =
        (unsigned int)(1e6 * max_wait(settings.retransmit, settings.handshake_timeout));
    if (!engine_init(engine, &kind, context, role, transport, failure)) return false;
    DTLS_set_timer_cb(engine->ssl, next_wait);
    return SSL_set_mtu(engine->ssl, settings.mtu) || failure_openssl(failure, "bad :mtu");
}

EngineStatus datagram_listen(Engine *engine) {
    BIO_ADDR *unused = BIO_ADDR_new(); /* OpenSSL requires one; the caller knows the address */
    int listened = unused ? DTLSv1_listen(engine->ssl, unused) : 0;
    BIO_ADDR_free(unused);
    send_gathered(engine);
    ERR_clear_error(); /* from a datagram that is no ClientHello */
    return listened == 1 ? ENGINE_DONE : ENGINE_WANTS_READ;
}

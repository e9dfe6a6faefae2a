#include "core/tls/datagram.h"

#include "core/tls/cookie.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/time.h>

#define MAX_PENDING (256 << 10) /* bytes that wait for the transport; more is lost */
#define MAX_RETRANSMIT 60.0     /* seconds between two of them: RFC 6347, 4.2.4.1 */
#define MAX_WAITS 13 /* for an answer: OpenSSL sends a flight again twelve times at most */

#define MAX_SEAL 24 /* bytes of a record: GCM's, explicit nonce and tag */

/* --- output: what the transport does not take waits as frames of length and bytes --- */

typedef uint16_t FrameLength;

static bool keep(Engine *engine, const uint8_t *bytes, size_t length) {
    FrameLength frame = (FrameLength)length;
    size_t needed = engine->pending_length + sizeof frame + length;
    if (length > UINT16_MAX || needed > MAX_PENDING) return false;
    if (needed > engine->pending_room) {
        uint8_t *grown = OPENSSL_realloc(engine->pending, needed + needed / 2);
        if (!grown) return false;
        engine->pending = grown;
        engine->pending_room = needed + needed / 2;
    }
    uint8_t *at = engine->pending + engine->pending_length;
    memcpy(at, &frame, sizeof frame);
    memcpy(at + sizeof frame, bytes, length);
    engine->pending_length = needed;
    return true;
}

/* False: it has to wait. What failed is lost, and told. */
static bool send_one(Engine *engine, const uint8_t *bytes, size_t length) {
    ptrdiff_t n = engine->transport.send(engine->transport.arg, bytes, length);
    if (n < 0) engine->send_errno = (int)(TRANSPORT_ERROR(0) - n);
    return n != TRANSPORT_WOULD_BLOCK;
}

void datagram_send_pending(Engine *engine) {
    size_t at = 0;
    FrameLength frame;
    while (at < engine->pending_length) {
        memcpy(&frame, engine->pending + at, sizeof frame);
        if (!send_one(engine, engine->pending + at + sizeof frame, frame)) break;
        at += sizeof frame + frame;
    }
    engine->pending_length -= at;
    if (engine->pending_length) {
        memmove(engine->pending, engine->pending + at, engine->pending_length);
    } else {
        datagram_forget_pending(engine);
    }
}

void datagram_forget_pending(Engine *engine) {
    OPENSSL_free(engine->pending);
    engine->pending = NULL;
    engine->pending_length = engine->pending_room = 0;
}

void datagram_each_pending(const Engine *engine,
                           void (*each)(void *arg, const uint8_t *bytes, size_t length),
                           void *arg) {
    FrameLength frame;
    for (size_t at = 0; at < engine->pending_length; at += sizeof frame + frame) {
        memcpy(&frame, engine->pending + at, sizeof frame);
        each(arg, engine->pending + at + sizeof frame, frame);
    }
}

/* --- the datagram in the making --- */

/* OpenSSL sends a flight again as a datagram for each message, and all of them have to arrive. Records
 * of one call share a datagram, as far as the MTU goes. Empty between calls. */
static _Thread_local struct {
    size_t length;
    uint8_t bytes[DATAGRAM_MAX_MTU];
} gathered;

static void pass(Engine *engine, const uint8_t *bytes, size_t length) {
    bool waits = engine->pending_length || !send_one(engine, bytes, length);
    if (waits) keep(engine, bytes, length);
}

void datagram_send_gathered(Engine *engine) {
    size_t length = gathered.length;
    gathered.length = 0;
    if (length) pass(engine, gathered.bytes, length);
}

/* --- the transport as OpenSSL sees it --- */

static void gather_record(Engine *engine, const uint8_t *record, size_t length) {
    if (gathered.length + length > engine->mtu) datagram_send_gathered(engine);
    if (length > engine->mtu) {
        pass(engine, record, length);
        return;
    }
    memcpy(gathered.bytes + gathered.length, record, length);
    gathered.length += length;
}

/* The length of the record that `bytes` begin with, or all of them if there is no whole one. */
static size_t record_length(const uint8_t *bytes, size_t length) {
    if (length < DTLS1_RT_HEADER_LENGTH) return length;
    size_t whole = DTLS1_RT_HEADER_LENGTH + ((size_t)bytes[11] << 8 | bytes[12]);
    return whole < length ? whole : length;
}

/* OpenSSL joins records of a flight itself, up to an MTU from which it does not subtract an AEAD's nonce and tag. */
static int bio_write(BIO *bio, const char *bytes, size_t length, size_t *written) {
    const uint8_t *record = (const uint8_t *)bytes, *end = record + length;
    while (record < end) {
        size_t n = record_length(record, (size_t)(end - record));
        gather_record(BIO_get_data(bio), record, n);
        record += n;
    }
    *written = length;
    return 1;
}

/* Bytes of a sealed record that are not its content, at least. */
static size_t min_sealed(const SSL *ssl) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    if (!cipher) return MAX_SEAL;
    if (!SSL_CIPHER_is_aead(cipher)) return 0;
    bool is_small = SSL_CIPHER_get_cipher_nid(cipher) == NID_chacha20_poly1305 ||
                    strstr(SSL_CIPHER_get_name(cipher), "CCM8");
    return is_small ? 16 : MAX_SEAL;
}

/* Until CVE-2026-75806 was mended OpenSSL ended the session with an internal error where a sealed record is
 * shorter than its seal: a datagram of anybody's would do. How much of a datagram is before such a record. */
static size_t sound_part(const SSL *ssl, const uint8_t *bytes, size_t length) {
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

/* An error is no end: OpenSSL hears that there is nothing, engine_* tell what there was. */
static int bio_read(BIO *bio, char *into, size_t room, size_t *got) {
    Engine *engine = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ptrdiff_t n;
    *got = 0;
    do {
        n = engine->transport.receive(engine->transport.arg, (uint8_t *)into, room);
        if (n > 0) *got = sound_part(engine->ssl, (const uint8_t *)into, (size_t)n);
    } while (n > 0 && !*got);
    if (n < 0) engine->receive_errno = (int)(TRANSPORT_ERROR(0) - n);
    if (n <= 0) BIO_set_retry_read(bio);
    return n > 0;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *method;
static CRYPTO_ONCE method_once = CRYPTO_ONCE_STATIC_INIT;

static void make_method(void) {
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "jsec datagrams");
    if (!made) return;
    BIO_meth_set_write_ex(made, bio_write);
    BIO_meth_set_read_ex(made, bio_read);
    BIO_meth_set_ctrl(made, bio_ctrl);
    BIO_meth_set_create(made, bio_create);
    method = made;
}

BIO *datagram_bio(Engine *engine) {
    if (!CRYPTO_THREAD_run_once(&method_once, make_method) || !method) return NULL;
    BIO *bio = BIO_new(method);
    if (bio) BIO_set_data(bio, engine);
    return bio;
}

/* --- retransmission --- */

static unsigned int next_wait(SSL *ssl, unsigned int last) {
    const Engine *engine = BIO_get_data(SSL_get_rbio(ssl));
    unsigned int max = engine->max_retransmit_us;
    if (!last) return engine->retransmit_us;
    return last < max / 2 ? 2 * last : max;
}

/* Waits that double lose most of their tries on a bad network: of a handshake's 30 seconds the last
 * two take 24. So they double up to where all tries fit into the time that the handshake has. */
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

bool datagram_engine_init(Engine *engine, SSL_CTX *context, EngineRole role, Transport transport,
                          DatagramSettings settings, Failure *failure) {
    engine->datagram = true;
    engine->mtu = (size_t)settings.mtu;
    engine->retransmit_us = (unsigned int)(settings.retransmit * 1e6);
    engine->max_retransmit_us =
        (unsigned int)(1e6 * max_wait(settings.retransmit, settings.handshake_timeout));
    if (!engine_init(engine, context, role, transport, failure)) return false;
    DTLS_set_timer_cb(engine->ssl, next_wait);
    return SSL_set_mtu(engine->ssl, settings.mtu) || failure_openssl(failure, "bad :mtu");
}

EngineStatus datagram_listen(Engine *engine) {
    BIO_ADDR *nobody = BIO_ADDR_new(); /* the caller knows whom it hears */
    int heard = nobody ? DTLSv1_listen(engine->ssl, nobody) : 0;
    BIO_ADDR_free(nobody);
    datagram_send_gathered(engine);
    ERR_clear_error(); /* what was no ClientHello */
    return heard == 1 ? ENGINE_DONE : ENGINE_WANTS_READ;
}

/* A TLS connection over a transport of two callbacks: a socket, memory, or anything that moves
 * bytes. No descriptor, no event loop, no Janet: whoever drives it asks again when its transport
 * can move more.
 *
 * Output is gathered: what one call seals goes to the transport in as few sends as possible, and
 * what the transport does not take waits in the engine. So a record, once sealed, is never lost,
 * and a write that was given up halfway leaves the connection intact. */
#ifndef JSEC_CORE_ENGINE_H
#define JSEC_CORE_ENGINE_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/ssl.h>

typedef enum EngineStatus {
    ENGINE_DONE,
    ENGINE_WANTS_READ,   /* ask again when the transport has bytes */
    ENGINE_WANTS_WRITE,  /* ask again when the transport takes bytes */
    ENGINE_WANTS_ANSWER, /* a server's handshake: ask again after engine_answer */
    ENGINE_EOF,          /* the peer said close_notify (or was cut off, where that is allowed) */
    ENGINE_FAILED        /* engine_explain tells why; the connection is good for nothing more */
} EngineStatus;

typedef enum EngineRole { ENGINE_CLIENT, ENGINE_SERVER } EngineRole;

/* What a transport's callback answers besides a positive count of bytes. */
#define TRANSPORT_WOULD_BLOCK 0
#define TRANSPORT_EOF (-1) /* receive only */
#define TRANSPORT_ERROR(errnum) (-2 - (errnum))

typedef struct Transport {
    ptrdiff_t (*send)(void *arg, const uint8_t *bytes, size_t length);
    ptrdiff_t (*receive)(void *arg, uint8_t *bytes, size_t room);
    void *arg;
} Transport;

#define MAX_FRESH 4 /* sessions that wait for the driver */

typedef struct Engine {
    SSL *ssl; /* NULL: not made, or freed */
    Transport transport;
    uint8_t *pending; /* sealed, and not yet taken by the transport */
    size_t pending_length, pending_room;
    char *failure;        /* what engine_explain tells; NULL: all is well */
    int send_errno;       /* the transport failed to send */
    int receive_errno;    /* the transport failed to receive */
    size_t max_sealed;    /* bytes of plaintext sealed at most before the transport is tried */
    struct Engine **warm; /* see warm.h */
    bool lacks_buffers; /* of DTLS OpenSSL does not make them again by itself, and writes to none */
    bool keeps_buffers; /* its driver knows better when they can go: engine_free_buffers */
    bool transport_eof; /* no more bytes will come */
    bool established;   /* the handshake is done */
    bool corks;         /* the driver's wish, see engine_handshake */
    bool corked;        /* what is pending may wait for the next call */
    bool truncation_is_eof;
    bool datagram;                            /* DTLS, see datagram.h */
    size_t mtu;                               /* DTLS: bytes of a datagram of several records */
    unsigned int retransmit_us;               /* DTLS: before the first retransmission */
    unsigned int max_retransmit_us;           /* and before any */
    const struct CookieSource *cookie_source; /* a DTLS server's, see cookie.h */
    bool answered;                            /* see engine_answer */
    bool alerted;                             /* see engine_abort */
    SSL_SESSION *fresh[MAX_FRESH];            /* see engine_keep_session */
    int fresh_count;
} Engine;

/* Make a zeroed engine ready. `context` is shared, not owned. */
bool engine_init(Engine *engine, SSL_CTX *context, EngineRole role, Transport transport,
                 Failure *failure);

/* Free all; safe to repeat, and on a zeroed engine. Nothing is sent. */
void engine_free(Engine *engine);

/* Go on with the handshake. All else comes after it. With `corks` its last flight is held back, to go
 * out together with what is sent next: `corked` says so then, and the driver flushes soon. */
EngineStatus engine_handshake(Engine *engine);

/* Read decrypted bytes, 1 at least with ENGINE_DONE; never more than `room`. */
EngineStatus engine_read(Engine *engine, uint8_t *into, size_t room, size_t *got);

/* How many decrypted bytes engine_read would give, as far as that is known: 0 tells nothing. */
size_t engine_waiting(const Engine *engine);

/* Can engine_read give nothing, neither bytes nor an end, unless the transport does? */
bool engine_is_drained(const Engine *engine);

/* ENGINE_DONE when engine_read would give bytes without the transport's help. */
EngineStatus engine_peek(Engine *engine);

/* Seal bytes. *taken tells how many were, also with ENGINE_WANTS_*; go on with the rest then.
 * ENGINE_DONE: all sealed, and all handed to the transport. */
EngineStatus engine_write(Engine *engine, const uint8_t *data, size_t length, size_t *taken);

/* Hand to the transport what was sealed before. */
EngineStatus engine_flush(Engine *engine);

/* Say close_notify, once. ENGINE_DONE when it has been handed to the transport. */
EngineStatus engine_close_notify(Engine *engine);

/* In place of close_notify, where what was sent is incomplete: a fatal alert that is not sealed, once.
 * No peer can decrypt it, so every one reports an error. Data can still be read. ENGINE_DONE when it has been
 * handed to the transport; nothing is sent after close_notify. */
EngineStatus engine_abort(Engine *engine);

/* Has engine_abort's alert left, or was there none to send? */
bool engine_is_aborted(const Engine *engine);

/* Ask for new keys in both directions (TLS 1.3), or for a new handshake (TLS 1.2); what follows of it
 * comes with reads and writes. Anything but ENGINE_FAILED is good. */
EngineStatus engine_key_update(Engine *engine);
EngineStatus engine_renegotiate(Engine *engine);

/* Did the peer say close_notify? */
bool engine_peer_closed(const Engine *engine);

/* After ENGINE_FAILED: why, never NULL, never empty. *errnum is the transport's errno where that
 * was the reason (the text is then strerror's), else 0. */
const char *engine_explain(const Engine *engine, int *errnum);

/* For contexts whose users want each session a server gives: OpenSSL's callback, which keeps it in
 * the engine until engine_take_session. */
int engine_keep_session(SSL *ssl, SSL_SESSION *session);
SSL_SESSION *engine_take_session(Engine *engine); /* for SSL_SESSION_free; NULL: no more */

/* Contexts may have a server's handshake wait, once, for what its driver has to find out (a staple);
 * this lets it go on. */
void engine_answer(Engine *engine);
bool engine_is_answered(SSL *ssl);

/* Let OpenSSL do something of its own, and settle what it came to (1: done). */
EngineStatus engine_run(Engine *engine, int (*call)(SSL *ssl));

/* Let go of OpenSSL's buffers, until they are needed again. */
void engine_free_buffers(Engine *engine);

/* Fail the connection for a reason of the caller's. */
EngineStatus engine_fail(Engine *engine, const char *reason);

#endif

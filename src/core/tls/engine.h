/* One TLS or DTLS connection over a transport of two callbacks: a socket, memory, or anything that
 * moves bytes. The engine has no descriptor, no event loop and no Janet. Its driver calls again
 * when the transport is ready.
 *
 * The records of one call are sent in as few sends as possible. Records that the transport does
 * not accept stay in the engine. So no sealed record is lost, and a write that is cancelled halfway
 * leaves the connection intact. */
#ifndef JSEC_CORE_ENGINE_H
#define JSEC_CORE_ENGINE_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/tls/hello_question.h"
#include "core/tls/pending.h"
#include "core/tls/signature_question.h"
#include "core/tls/verdict.h"

#include <openssl/ssl.h>

typedef enum EngineStatus {
    ENGINE_DONE,
    ENGINE_WANTS_READ,   /* call again when the transport has bytes */
    ENGINE_WANTS_WRITE,  /* call again when the transport takes bytes */
    ENGINE_WANTS_ANSWER, /* a handshake: call again after engine_answer */
    ENGINE_EOF,          /* close_notify, or the transport's end where truncation_is_eof */
    ENGINE_FAILED        /* engine_explain has the reason; except for a transport error of DTLS,
                          * every further call fails as well */
} EngineStatus;

/* What a handshake may wait for. */
typedef enum Question {
    QUESTION_NONE,
    QUESTION_HELLO,
    QUESTION_STAPLE,
    QUESTION_SIGNATURE,
    QUESTION_VERDICT,
} Question;

typedef enum EngineRole { ENGINE_CLIENT, ENGINE_SERVER } EngineRole;

/* Results of a transport's callback besides a positive count of bytes. */
#define TRANSPORT_WOULD_BLOCK 0
#define TRANSPORT_EOF (-1) /* receive only */
#define TRANSPORT_ERROR(errnum) (-2 - (errnum))

typedef struct Transport {
    ptrdiff_t (*send)(void *arg, const uint8_t *bytes, size_t length);
    ptrdiff_t (*receive)(void *arg, uint8_t *bytes, size_t room);
    void *arg;
} Transport;

/* The peer's last Finished message. */
typedef struct PeerFinished {
    uint8_t bytes[EVP_MAX_MD_SIZE];
    size_t length;
} PeerFinished;

typedef struct Engine Engine;

/* The differences between byte streams (byte_stream.c) and datagrams (datagram.c). */
typedef struct EngineKind {
    BIO_METHOD *(*method)(void);           /* the transport as OpenSSL's BIO; NULL: out of memory */
    void (*send_pending)(Engine *engine);  /* as much as the transport takes */
    bool (*send_gathered)(Engine *engine); /* the running call's output; false: limit exceeded */
    bool (*cork)(Engine *engine);          /* keep that output; false: there is none to keep */
    void (*uncork)(Engine *engine);
    bool (*may_read_on)(const Engine *engine); /* after a read without a result; NULL: never */
    bool has_lasting_errors;  /* an error of the transport ends the connection, not only the call */
    bool reallocates_buffers; /* OpenSSL allocates its buffers again when it needs them */
} EngineKind;

#define MAX_FRESH 4 /* sessions that wait for the driver */

struct Engine {
    const EngineKind *kind;
    SSL *ssl; /* NULL: not made, or freed */
    Transport transport;
    Pending pending;
    char *failure;     /* for engine_explain; NULL: none */
    int send_errno;    /* the transport failed to send */
    int receive_errno; /* the transport failed to receive */
    size_t max_sealed; /* bytes of plaintext to seal before the transport is tried */
    Engine **buffered; /* its slot among the engines whose buffers are kept; NULL: none */
    bool lacks_buffers;
    bool keeps_buffers; /* set by the driver, which then calls engine_free_buffers */
    bool transport_eof; /* no more bytes will come */
    bool established;   /* the handshake is done */
    bool corks;         /* set by the driver of a byte stream, see engine_handshake */
    bool corked;        /* pending output may wait for the next call */
    bool truncation_is_eof;
    Question asked;        /* the last one */
    unsigned int answered; /* questions, as bits, see engine_ask */
    bool waits;            /* for engine_answer */
    bool paused, ends;     /* its handshake, see job.h */
    unsigned int turns;    /* calls of the handshake */
    Verdict verdict;       /* for QUESTION_VERDICT */
    HelloQuestion hello;   /* for QUESTION_HELLO */
    SignatureQuestion signature;
    bool requests; /* a certificate of the client, see post_handshake.h */
    PeerFinished before_request;
    bool alerted; /* see engine_abort */
    /* DTLS */
    size_t mtu;                               /* bytes of a datagram of several records */
    unsigned int retransmit_us;               /* before the first retransmission */
    unsigned int max_retransmit_us;           /* before any retransmission */
    const struct CookieSource *cookie_source; /* a server's, see cookie.h */
    SSL_SESSION *fresh[MAX_FRESH];            /* see engine_keep_session */
    int fresh_count;
};

/* Free all; safe to repeat, and on a zeroed engine. Nothing is sent. A callback that waits in
 * job_await returns first. */
void engine_free(Engine *engine);

/* Continue the handshake, which precedes all other calls. With `corks` its last flight is kept, to
 * be sent together with the next output: `corked` is set then, and the driver flushes soon. */
EngineStatus engine_handshake(Engine *engine);

/* Read decrypted bytes: with ENGINE_DONE at least one, and at most `room`. */
EngineStatus engine_read(Engine *engine, uint8_t *into, size_t room, size_t *got);

/* The number of decrypted bytes that are known to wait. There may be more, even after 0. */
size_t engine_waiting(const Engine *engine);

/* Does engine_read need more input from the transport before it can return bytes or the end? */
bool engine_is_drained(const Engine *engine);

/* ENGINE_DONE when engine_read would give bytes. */
EngineStatus engine_peek(Engine *engine);

/* Seal bytes. *taken is how many were sealed, also with ENGINE_WANTS_*: continue with the rest
 * then. ENGINE_DONE: all are sealed, and the transport has taken all. */
EngineStatus engine_write(Engine *engine, const uint8_t *data, size_t length, size_t *taken);

/* Send the pending output. */
EngineStatus engine_flush(Engine *engine);

/* Send close_notify, once. ENGINE_DONE when the transport has taken it. */
EngineStatus engine_close_notify(Engine *engine);

/* End an incomplete transfer without close_notify: send an unencrypted fatal alert, once. No peer
 * can decrypt it, so every peer reports an error. Data can still be read. ENGINE_DONE when the
 * transport has taken it; after close_notify nothing is sent. */
EngineStatus engine_abort(Engine *engine);

/* Has engine_abort's alert left, or was there none to send? */
bool engine_is_aborted(const Engine *engine);

/* Request new keys in both directions (TLS 1.3), or a new handshake (TLS 1.2). The rest happens in
 * reads and writes. Every status but ENGINE_FAILED is a success. */
EngineStatus engine_key_update(Engine *engine);
EngineStatus engine_renegotiate(Engine *engine);

/* Has the peer sent close_notify? */
bool engine_peer_closed(const Engine *engine);

/* After ENGINE_FAILED: the reason, never NULL, never empty. If it is an error of the transport,
 * *errnum is its errno and the text that of strerror; else *errnum is 0. */
const char *engine_explain(const Engine *engine, int *errnum);

/* OpenSSL's callback for contexts with :on-session: keep each new session in the engine until
 * engine_take_session. */
int engine_keep_session(SSL *ssl, SSL_SESSION *session);
SSL_SESSION *engine_take_session(Engine *engine); /* for SSL_SESSION_free; NULL: none is left */

/* After ENGINE_WANTS_ANSWER: what `asked` names has its answer, and the handshake may go on. */
void engine_answer(Engine *engine);

/* The name that the client asks for, also when its ClientHello was refused; NULL: none. */
const char *engine_server_name(const Engine *engine);

/* Free OpenSSL's buffers until they are needed again. */
void engine_free_buffers(Engine *engine);

/* Fail the connection for a reason that the caller gives. */
EngineStatus engine_fail(Engine *engine, const char *reason);

/* --- for byte_stream.c, datagram.c and callbacks of contexts --- */

/* Initialize a zeroed engine. `context` is shared, not owned. */
bool engine_init(Engine *engine, const EngineKind *kind, SSL_CTX *context, EngineRole role,
                 Transport transport, Failure *failure);

typedef int EngineWrite(BIO *bio, const char *bytes, size_t length, size_t *written);
typedef int EngineRead(BIO *bio, char *into, size_t room, size_t *got);
typedef long EngineControl(BIO *bio, int command, long number, void *pointer);

/* A method of BIOs whose data is their engine. NULL: out of memory. */
BIO_METHOD *engine_new_method(const char *name, EngineWrite *write, EngineRead *read,
                              EngineControl *control);

/* For a callback that may stop the handshake: must it wait for the driver's answer? Each question
 * is asked once in a connection, also when ClientHellos follow. */
bool engine_ask(const SSL *ssl, Question question);

/* The engine of a connection. */
Engine *engine_of(const SSL *ssl);

/* Call a function of OpenSSL that returns 1 when it is done, and send its output. */
EngineStatus engine_run(Engine *engine, int (*call)(SSL *ssl));

#endif

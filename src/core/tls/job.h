/* Handshakes that a callback can pause: OpenSSL runs each in a job with a stack of its own (32 KB).
 * ClientHellos need none, since their callback can ask for another call. */
#ifndef JSEC_CORE_JOB_H
#define JSEC_CORE_JOB_H

#include "core/tls/engine.h"

/* Can this platform pause a handshake? The libc of musl, OpenBSD and NetBSD can't. The environment
 * variable JSEC_NO_ASYNC has the same effect. */
bool job_is_possible(void);

/* Run the handshake of this connection in a job. No effect where that is not possible. */
void job_use(SSL *ssl);

/* SSL_do_handshake. Reads and writes after the handshake need no job, which would slow them. */
int job_handshake(Engine *engine);

/* The engine whose handshake calls back; NULL: none. */
Engine *job_engine(void);

/* Is it a callback that may wait? */
bool job_is_running(void);

/* In a callback: wait until engine_answer. False: there is no job to pause, or the connection ends
 * without an answer; the callback must refuse. */
bool job_await(Engine *engine, Question question);

/* Run a paused handshake to its end. OpenSSL would leak the job's stack. */
void job_end(Engine *engine);

#endif

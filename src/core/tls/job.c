#include "core/tls/job.h"

#include <errno.h>
#include <openssl/async.h>
#include <openssl/err.h>
#include <stdlib.h>

static _Thread_local Engine *running;

static bool possible;
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void find_out(void) {
    possible = ASYNC_is_capable() && !getenv("JSEC_NO_ASYNC");
}

bool job_is_possible(void) {
    return CRYPTO_THREAD_run_once(&once, find_out) && possible;
}

void job_use(SSL *ssl) {
    if (job_is_possible()) SSL_set_mode(ssl, SSL_MODE_ASYNC);
}

int job_handshake(Engine *engine) {
    Engine *outer = running;
    running = engine;
    engine->turns++;
    int returned = SSL_do_handshake(engine->ssl);
    running = outer;
    if (returned == 1) SSL_clear_mode(engine->ssl, SSL_MODE_ASYNC);
    return returned;
}

Engine *job_engine(void) {
    return running;
}

bool job_is_running(void) {
    return running && ASYNC_get_current_job();
}

/* OpenSSL can forbid a job to pause. The call of the handshake goes on then. */
static bool pause_job(const Engine *engine) {
    unsigned int turn = engine->turns;
    return ASYNC_pause_job() && engine->turns != turn;
}

/* An early call of SSL_do_handshake resumes the job as well. */
bool job_await(Engine *engine, Question question) {
    if (engine->ends || !ASYNC_get_current_job()) return false;
    bool goes_on = true;
    engine->asked = question;
    engine->waits = engine->paused = true;
    while (goes_on && engine->waits) goes_on = pause_job(engine);
    engine->waits = engine->paused = false;
    return goes_on && !engine->ends;
}

void job_end(Engine *engine) {
    if (!engine->paused) return;
    engine->ends = true;
    engine->waits = false;
    engine->send_errno = ECANCELED; /* nothing is sent any more */
    job_handshake(engine);
    engine->kind->send_gathered(engine);
    pending_clear(&engine->pending);
    ERR_clear_error();
}

#include "core/tls/verdict.h"

#include "core/tls/context_data.h"
#include "core/tls/engine.h"
#include "core/tls/job.h"
#include "core/tls/verify.h"

#include <openssl/crypto.h>
#include <string.h>

static char no_memory[] = "out of memory"; /* never freed */

void verdict_free(Verdict *verdict) {
    sk_X509_pop_free(verdict->chain, X509_free);
    OPENSSL_free(verdict->reason);
    if (verdict->refusal != no_memory) OPENSSL_free(verdict->refusal);
    memset(verdict, 0, sizeof *verdict);
}

void verdict_refuse(Verdict *verdict, const char *why, bool broken) {
    if (verdict->refusal) return;
    verdict->broken = broken;
    verdict->refusal = OPENSSL_strdup(why);
    if (!verdict->refusal) verdict->refusal = no_memory;
}

/* --- the facts --- */

static bool keep_facts(Verdict *verdict, X509_STORE_CTX *chain, const SSL *ssl, bool sound) {
    if (verdict->chain) return true;
    const char *reason = sound ? NULL : verify_kept_reason(ssl);
    verdict->sound = sound;
    verdict->reason = reason ? OPENSSL_strdup(reason) : NULL;
    verdict->chain = X509_chain_up_ref(sound ? X509_STORE_CTX_get0_chain(chain)
                                             : X509_STORE_CTX_get0_untrusted(chain));
    return verdict->chain && (verdict->reason || !reason);
}

/* --- the answer --- */

/* OpenSSL derives the alert from the error: bad_certificate, or internal_error. */
static int refuse(X509_STORE_CTX *chain, SSL *ssl, const char *why, bool broken) {
    OPENSSL_free(verify_swap_reason(ssl, NULL));
    verify_keep_reason(ssl, why);
    X509_STORE_CTX_set_error(chain, broken ? X509_V_ERR_UNSPECIFIED : X509_V_ERR_CERT_REJECTED);
    return 0;
}

static int settle(X509_STORE_CTX *chain, SSL *ssl, bool sound, bool lenient) {
    const Verdict *verdict = &engine_of(ssl)->verdict;
    if (verdict->refusal) return refuse(chain, ssl, verdict->refusal, verdict->broken);
    if (sound) return 1;
    if (lenient) OPENSSL_free(verify_swap_reason(ssl, NULL));
    return lenient;
}

/* Without a job, OpenSSL lets a client's callback stop the handshake, and calls it again later.
 * What it offers for that is dangerous on a server: it takes the callback's result for a success.
 */
static int stop_handshake(X509_STORE_CTX *chain, SSL *ssl) {
    if (SSL_is_server(ssl) || job_is_possible() || !engine_ask(ssl, QUESTION_VERDICT)) {
        return refuse(chain, ssl, ":on-verify can't be asked now", true);
    }
    return SSL_set_retry_verify(ssl);
}

int verdict_ask(X509_STORE_CTX *chain, SSL *ssl, bool sound, bool lenient) {
    Engine *engine = engine_of(ssl);
    if (!keep_facts(&engine->verdict, chain, ssl, sound)) {
        return refuse(chain, ssl, no_memory, true);
    }
    bool asked_before = engine->answered & 1U << QUESTION_VERDICT;
    /* Another certificate, in a later handshake of the connection, has not been judged. */
    if (engine->established) return refuse(chain, ssl, ":on-verify can't be asked now", true);
    if (asked_before || job_await(engine, QUESTION_VERDICT)) {
        return settle(chain, ssl, sound, lenient);
    }
    return stop_handshake(chain, ssl);
}

bool verdict_confirm(const SSL *ssl, Failure *failure) {
    const SSL_CTX *base = SSL_get_app_data(ssl);
    const Engine *engine = engine_of(ssl);
    if (!base || !context_data(base)->verify_function) return true;
    if (!SSL_get0_peer_certificate(ssl) || SSL_session_reused(ssl)) return true;
    bool judged = engine->answered & 1U << QUESTION_VERDICT && !engine->verdict.refusal;
    return judged || failure_set(failure, "certificate verify failed: :on-verify was not asked");
}

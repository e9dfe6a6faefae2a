/* The question whether the program refuses a peer's certificate, after its verification. */
#ifndef JSEC_CORE_VERDICT_H
#define JSEC_CORE_VERDICT_H

#include "core/failure.h"

#include <openssl/ssl.h>
#include <stdbool.h>

typedef struct Verdict {
    STACK_OF(X509) * chain; /* the verified one, else what the peer sent; leaf first. NULL: none */
    bool sound;             /* verification passed */
    char *reason;           /* why not */
    char *refusal; /* the answer: refuse with this text; NULL: keep what verification said */
    bool broken;   /* the answer: by a failure of the program's */
} Verdict;

void verdict_free(Verdict *verdict);

/* The answer, before engine_answer. The text is copied. `broken`: the program failed, so the peer
 * is not to blame. */
void verdict_refuse(Verdict *verdict, const char *why, bool broken);

/* At the end of OpenSSL's callback for a certificate: ask, and return what the callback returns.
 * `sound`: verification passed. If it did not, no answer accepts the peer, unless `lenient`. */
int verdict_ask(X509_STORE_CTX *chain, SSL *ssl, bool sound, bool lenient);

/* After a handshake: was the program asked about the peer's certificate, if there is one and a
 * function for it? */
bool verdict_confirm(const SSL *ssl, Failure *failure);

#endif

/* The question about a ClientHello, and the driver's answer. */
#ifndef JSEC_CORE_HELLO_QUESTION_H
#define JSEC_CORE_HELLO_QUESTION_H

#include "core/tls/hello_facts.h"

typedef struct HelloQuestion {
    Bytes message;     /* the first ClientHello, until its facts are read */
    HelloFacts *facts; /* of the first ClientHello; NULL: there was none */
    SSL_CTX *context;  /* the answer: serve with it; NULL: with the listener's */
    char *refusal;     /* the answer: fail with this text; NULL: go on */
    int alert;
} HelloQuestion;

void hello_question_free(HelloQuestion *question);

/* Answers, before engine_answer. They are copied. */
void hello_question_choose(HelloQuestion *question, SSL_CTX *context);
void hello_question_refuse(HelloQuestion *question, int alert, const char *why);

/* Copy the first message of a handshake, which OpenSSL shows before it is read. */
void hello_question_copy(HelloQuestion *question, Bytes message);

/* At each ClientHello. A later one may not ask for another host than the first, which was judged.
 * False: the handshake fails with `alert`. */
bool hello_question_read(SSL *ssl, HelloQuestion *question, int *alert);

#endif

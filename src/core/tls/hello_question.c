#include "core/tls/hello_question.h"

#include <openssl/crypto.h>
#include <string.h>

static char no_memory[] = "handshake failed: out of memory"; /* never freed */

static void free_message(HelloQuestion *question) {
    OPENSSL_free((void *)(uintptr_t)question->message.data);
    question->message = (Bytes){NULL, 0};
}

void hello_question_copy(HelloQuestion *question, Bytes message) {
    if (question->message.data || question->facts) return;
    question->message = (Bytes){OPENSSL_memdup(message.data, message.length), message.length};
}

void hello_question_free(HelloQuestion *question) {
    free_message(question);
    hello_facts_free(question->facts);
    SSL_CTX_free(question->context);
    if (question->refusal != no_memory) OPENSSL_free(question->refusal);
    memset(question, 0, sizeof *question);
}

void hello_question_choose(HelloQuestion *question, SSL_CTX *context) {
    if (!question->context && SSL_CTX_up_ref(context)) question->context = context;
}

void hello_question_refuse(HelloQuestion *question, int alert, const char *why) {
    if (question->refusal) return;
    question->alert = alert;
    question->refusal = OPENSSL_strdup(why);
    if (!question->refusal) question->refusal = no_memory;
}

static bool keeps_name(SSL *ssl, const HelloFacts *facts, int *alert) {
    char name[TLSEXT_MAXLEN_host_name + 1];
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    return hello_facts_name(ssl, name) && !strcmp(name, facts->server_name);
}

bool hello_question_read(SSL *ssl, HelloQuestion *question, int *alert) {
    if (question->facts) {
        if (keeps_name(ssl, question->facts, alert)) return true;
        hello_question_refuse(question, *alert,
                              "handshake failed: the client asks for another host than before");
        return false;
    }
    question->facts = hello_facts_read(ssl, question->message, alert);
    free_message(question);
    if (question->facts) return true;
    hello_question_refuse(question, *alert,
                          "handshake failed: the ClientHello is malformed, or names no sound host");
    return false;
}

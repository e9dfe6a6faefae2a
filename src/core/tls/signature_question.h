/* The question for a signature of a handshake, and the driver's answer. */
#ifndef JSEC_CORE_SIGNATURE_QUESTION_H
#define JSEC_CORE_SIGNATURE_QUESTION_H

#include "core/keys/remote_key.h"

typedef struct SignatureQuestion {
    const RemoteRequest *request; /* while the handshake waits */
    const void *signer;           /* of the settings */
    uint8_t *signature;           /* the answer; NULL: none */
    size_t length;
    char *refusal; /* why the handshake fails; NULL: it does not */
} SignatureQuestion;

void signature_question_free(SignatureQuestion *question);

/* Answers, before engine_answer. They are copied. */
void signature_question_sign(SignatureQuestion *question, Bytes signature);
void signature_question_refuse(SignatureQuestion *question, const char *why);

/* A key for a context whose signatures are asked for: of a function, or with a key that stays in a
 * store, which the driver uses where it may block. */
EVP_PKEY *signature_question_key(EVP_PKEY *public_half, const void *signer, Failure *failure);
EVP_PKEY *signature_question_stored(EVP_PKEY *public_half, EVP_PKEY *stored, Failure *failure);

#endif

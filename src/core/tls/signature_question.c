#include "core/tls/signature_question.h"

#include "core/tls/job.h"

#include <openssl/crypto.h>
#include <string.h>

static char no_memory[] = "handshake failed: out of memory"; /* never freed */

static void free_signature(SignatureQuestion *question) {
    OPENSSL_free(question->signature);
    question->signature = NULL;
    question->length = 0;
}

void signature_question_free(SignatureQuestion *question) {
    free_signature(question);
    if (question->refusal != no_memory) OPENSSL_free(question->refusal);
    memset(question, 0, sizeof *question);
}

static void refuse(SignatureQuestion *question, const char *why) {
    if (question->refusal) return;
    question->refusal = OPENSSL_strdup(why);
    if (!question->refusal) question->refusal = no_memory;
}

void signature_question_refuse(SignatureQuestion *question, const char *why) {
    refuse(question, why);
}

void signature_question_sign(SignatureQuestion *question, Bytes signature) {
    free_signature(question);
    question->signature = OPENSSL_memdup(signature.data, signature.length);
    question->length = signature.length;
    if (!question->signature) refuse(question, no_memory);
}

/* A wrong signature would be the peer's error, and one with a fault could give an RSA key away. */
static bool check_answer(const RemoteRequest *request, SignatureQuestion *question) {
    Failure failure;
    bool valid;
    Bytes signature = {question->signature, question->length};
    if (signature.length > signature_room(request->key)) signature.length = 0;
    if (!signature_verify(request->key, &request->scheme, request->input, signature, &valid,
                          &failure)) {
        failure_prefix(&failure, "handshake failed: :signer");
        refuse(question, failure.text);
        return false;
    }
    if (!valid) {
        refuse(question, "handshake failed: :signer: its signature is not one "
                         "of the key of :cert, over what was to be signed");
    }
    return valid;
}

static bool take_answer(const RemoteRequest *request, SignatureQuestion *question, uint8_t *out,
                        size_t *length) {
    if (!question->signature || !check_answer(request, question)) return false;
    memcpy(out, question->signature, question->length);
    *length = question->length;
    free_signature(question);
    return true;
}

static bool sign(const RemoteRequest *request, const void *signer, uint8_t *out, size_t *length) {
    Engine *engine = job_engine();
    if (!engine) return false;
    SignatureQuestion *question = &engine->signature;
    question->request = request;
    question->signer = signer;
    bool answered = job_await(engine, QUESTION_SIGNATURE);
    question->request = NULL;
    return answered && take_answer(request, question, out, length);
}

EVP_PKEY *signature_question_key(EVP_PKEY *public_half, const void *signer, Failure *failure) {
    return remote_key_new(public_half, sign, signer, failure);
}

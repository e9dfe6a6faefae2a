#include "core/tls/signature_question.h"

#include "core/crypto/signature.h"
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

static SignatureScheme get_scheme(const RemoteRequest *request) {
    static const SignaturePadding paddings[] = {[REMOTE_NO_PADDING] = SIGNATURE_PADDING_UNSET,
                                                [REMOTE_PKCS1] = SIGNATURE_PKCS1,
                                                [REMOTE_PSS] = SIGNATURE_PSS};
    const RemoteScheme *scheme = &request->scheme;
    return (SignatureScheme){.digest = scheme->digest,
                             .padding = paddings[scheme->padding],
                             .salt_length = scheme->salt_length,
                             .prehashed = scheme->digest};
}

/* A wrong signature would be the peer's error, and one with a fault could give an RSA key away. */
static bool check_answer(const RemoteRequest *request, SignatureQuestion *question) {
    Failure failure;
    bool valid;
    Bytes signature = {question->signature, question->length};
    SignatureScheme scheme = get_scheme(request);
    if (signature.length > signature_room(request->key)) signature.length = 0;
    if (!signature_verify(request->key, &scheme, request->input, signature, &valid, &failure)) {
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

/* Where nothing can wait, a store blocks: in a renegotiation, and on platforms without jobs. */
static bool sign_here(const RemoteRequest *request, uint8_t *out, size_t *length) {
    Failure ignored;
    return request->stored && remote_key_sign(request, out, length, &ignored);
}

static bool sign(const RemoteRequest *request, const void *signer, uint8_t *out, size_t *length) {
    if (!job_is_running()) return sign_here(request, out, length);
    Engine *engine = job_engine();
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

EVP_PKEY *signature_question_stored(EVP_PKEY *public_half, EVP_PKEY *stored, Failure *failure) {
    return remote_key_stored(public_half, stored, sign, failure);
}

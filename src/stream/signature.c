/* What a handshake has to sign as a struct for the program, and the signature. */
#include "core/keys/keys.h"
#include "net/work.h"
#include "stream/asker.h"

#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <string.h>

static void put(JanetTable *table, const char *name, Janet value) {
    janet_table_put(table, janet_ckeywordv(name), value);
}

static Janet bytes_string(Bytes bytes) {
    return janet_stringv(bytes.data, (int32_t)bytes.length);
}

static Janet keyword_of(const char *name) {
    char text[16];
    size_t length = strlen(name);
    if (length >= sizeof text) length = sizeof text - 1;
    for (size_t i = 0; i < length; i++) {
        text[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
    }
    return janet_wrap_keyword(janet_keyword((const uint8_t *)text, (int32_t)length));
}

static void put_pss(JanetTable *table, const RemoteScheme *scheme) {
    put(table, "padding", janet_ckeywordv("pss"));
    put(table, "salt-length", janet_wrap_integer(scheme->salt_length));
}

static Janet describe_request(const RemoteRequest *request) {
    const RemoteScheme *scheme = &request->scheme;
    JanetTable *table = janet_table(8);
    put(table, "key-type", keyword_of(keys_type(request->key)));
    if (scheme->digest) {
        put(table, "digest", bytes_string(request->input));
        put(table, "algorithm", keyword_of(OBJ_nid2sn(EVP_MD_get_type(scheme->digest))));
    } else {
        put(table, "message", bytes_string(request->input));
    }
    if (scheme->padding == REMOTE_PKCS1) put(table, "padding", janet_ckeywordv("pkcs1"));
    if (scheme->padding == REMOTE_PSS) put_pss(table, scheme);
    return janet_wrap_struct(janet_table_to_struct(table));
}

/* --- keys in stores --- */

/* A copy that owns its keys and its input, as the handshake may end before the store has signed. */
static bool copy_request(RemoteRequest *copy, const RemoteRequest *request) {
    *copy = (RemoteRequest){.scheme = request->scheme};
    copy->input =
        (Bytes){OPENSSL_memdup(request->input.data, request->input.length), request->input.length};
    if (EVP_PKEY_up_ref(request->key)) copy->key = request->key;
    if (EVP_PKEY_up_ref(request->stored)) copy->stored = request->stored;
    return copy->input.data && copy->key && copy->stored;
}

static void free_request(RemoteRequest *request) {
    EVP_PKEY_free(request->key);
    EVP_PKEY_free(request->stored);
    OPENSSL_free((void *)(uintptr_t)request->input.data);
}

static int collect_request(void *pointer, size_t size) {
    (void)size;
    free_request(pointer);
    return 0;
}

static const JanetAbstractType request_type = {.name = "jsec/stored-request",
                                               .gc = collect_request};

static Janet hold_request(const RemoteRequest *request) {
    RemoteRequest *held = janet_abstract(&request_type, sizeof *held);
    if (!copy_request(held, request)) janet_panic("out of memory");
    return janet_wrap_abstract(held);
}

typedef struct StoredWork {
    Work work; /* must be first */
    RemoteRequest request;
    uint8_t *signature;
    size_t length;
} StoredWork;

static void sign_on_worker(Work *work) {
    StoredWork *job = (StoredWork *)work;
    job->signature = OPENSSL_malloc((size_t)EVP_PKEY_get_size(job->request.key));
    work->failed = !job->signature ||
                   !remote_key_sign(&job->request, job->signature, &job->length, &work->failure);
    if (!job->signature) failure_set(&work->failure, "out of memory");
}

static Janet take_signature(Work *work) {
    const StoredWork *job = (StoredWork *)work;
    return janet_stringv(job->signature, (int32_t)job->length);
}

static void release_work(Work *work) {
    StoredWork *job = (StoredWork *)work;
    free_request(&job->request);
    OPENSSL_free(job->signature);
}

Janet signature_sign_stored(int32_t argc, Janet *argv) {
    janet_fixarity(argc, 1);
    const RemoteRequest *held = janet_getabstract(argv, 0, &request_type);
    StoredWork *job = work_new(sizeof *job);
    job->work.run = sign_on_worker;
    job->work.result = take_signature;
    job->work.release = release_work;
    job->work.function = ":key";
    if (!copy_request(&job->request, held)) {
        work_free(&job->work);
        janet_panic("out of memory");
    }
    work_await(&job->work, WORKERS_COMPUTE);
}

/* --- question and answer --- */

Janet signature_describe(const Asker *asker) {
    const RemoteRequest *request = asker->engine->signature.request;
    return request->stored ? hold_request(request) : describe_request(request);
}

static void refuse_answer(SignatureQuestion *question, const char *why) {
    signature_question_refuse(question, why);
}

void signature_answer(Asker *asker, Janet answer) {
    JanetByteView view;
    SignatureQuestion *question = &asker->engine->signature;
    bool given = janet_bytes_view(answer, &view.bytes, &view.len) && view.len;
    if (given) {
        signature_question_sign(question, (Bytes){view.bytes, (size_t)view.len});
    } else {
        refuse_answer(question, "handshake failed: :signer gave no signature: a "
                                "string or buffer is expected");
    }
}

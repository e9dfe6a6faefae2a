/* What a handshake has to sign as a struct for the program, and the signature. */
#include "core/keys/keys.h"
#include "stream/asker.h"

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

static void put_pss(JanetTable *table, const SignatureScheme *scheme) {
    int length = scheme->salt_length;
    if (length < 0) length = EVP_MD_get_size(scheme->digest);
    put(table, "padding", janet_ckeywordv("pss"));
    put(table, "salt-length", janet_wrap_integer(length));
}

Janet signature_describe(const Asker *asker) {
    const RemoteRequest *request = asker->engine->signature.request;
    const SignatureScheme *scheme = &request->scheme;
    JanetTable *table = janet_table(8);
    put(table, "key-type", keyword_of(keys_type(request->key)));
    if (scheme->digest) {
        put(table, "digest", bytes_string(request->input));
        put(table, "algorithm", keyword_of(OBJ_nid2sn(EVP_MD_get_type(scheme->digest))));
    } else {
        put(table, "message", bytes_string(request->input));
    }
    if (scheme->padding == SIGNATURE_PKCS1) put(table, "padding", janet_ckeywordv("pkcs1"));
    if (scheme->padding == SIGNATURE_PSS) put_pss(table, scheme);
    return janet_wrap_struct(janet_table_to_struct(table));
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

/* Shared by the targets with two engines: contexts, made once, and a transport in memory that moves
 * a given number of bytes at a time, then blocks, ends or fails. */
#ifndef JSEC_FUZZ_TALK_H
#define JSEC_FUZZ_TALK_H

#include "../c/wire.h"
#include "fuzz.h"

#include <openssl/rand.h>

/* The input, taken from its front. */
typedef struct Script {
    const uint8_t *at;
    size_t left;
} Script;

static inline uint8_t script_byte(Script *script) {
    if (!script->left) return 0;
    script->left--;
    return *script->at++;
}

static inline Bytes script_bytes(Script *script, size_t length) {
    if (length > script->left) length = script->left;
    Bytes bytes = {script->at, length};
    script->at += length;
    script->left -= length;
    return bytes;
}

static uint64_t talk_dice;

static inline int talk_draw(unsigned char *into, int length) {
    for (int i = 0; i < length; i++) {
        talk_dice = talk_dice * 6364136223846793005u + 1442695040888963407u;
        into[i] = (unsigned char)(talk_dice >> 56);
    }
    return 1;
}

static inline int talk_ready(void) {
    return 1;
}

/* Make OpenSSL's random bytes repeat, so that an input has the same effect in each run. */
static inline void talk_begin(void) {
    static const RAND_METHOD method = {
        .bytes = talk_draw, .pseudorand = talk_draw, .status = talk_ready};
    RAND_set_rand_method(&method);
    talk_dice = 0;
}

static inline void fuzz_expect_explained(const Engine *engine) {
    int errnum;
    const char *why = engine_explain(engine, &errnum);
    fuzz_expect(why && *why);
}

/* Settings of one of our roles with an identity. `renegotiation`: TLS 1.2 only. */
static inline void talk_settings(ContextSettings *settings, EngineRole role, int version,
                                 VerifyMode verify) {
    if (!wire_key[0]) wire_make_identity();
    settings_init(settings);
    settings->min_version = settings->max_version = version;
    settings->verify = verify;
    settings->trusted = wire_bytes(wire_certificate);
    settings->alpn = (Bytes){(const uint8_t *)"\x02h2\x08http/1.1", 12};
    settings->renegotiation = version == TLS1_2_VERSION;
    settings->certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
    settings->keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
    settings->keeps_sessions = role == ENGINE_CLIENT;
}

/* For the life of the process. */
static inline SSL_CTX *talk_make(const ContextSettings *settings) {
    Failure failure = {""};
    SSL_CTX *context = context_new(settings, &failure);
    fuzz_expect(context != NULL);
    return context;
}

static inline SSL_CTX *talk_context(EngineRole role, int version, VerifyMode verify) {
    ContextSettings settings;
    talk_settings(&settings, role, version, verify);
    return talk_make(&settings);
}

static inline void talk_init(Engine *engine, SSL_CTX *context, EngineRole role,
                             Transport transport) {
    Failure failure = {""};
    const char *name = role == ENGINE_CLIENT ? "localhost" : NULL;
    memset(engine, 0, sizeof *engine);
    fuzz_expect(byte_stream_engine_init(engine, context, role, transport, &failure));
    fuzz_expect(context_prepare(engine->ssl, name, name, &failure));
}

#endif

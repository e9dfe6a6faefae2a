/* Two engines that talk over memory: no sockets, no event loop, no Janet. A wire carries one
 * direction, a byte at a time or all there is, and can be stopped, cut or broken. */
#ifndef WIRE_H
#define WIRE_H

#include "core/tls/byte_stream.h"
#include "core/tls/context.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

typedef struct Wire {
    uint8_t *bytes;
    size_t at, length, room;
    size_t max;      /* bytes that one call moves at most */
    size_t capacity; /* bytes it holds before it blocks */
    size_t allowed;  /* bytes it takes altogether */
    bool cut;        /* its end is what the reader sees after the bytes */
    int send_errno, receive_errno;
    int sends; /* calls that moved something */
} Wire;

static inline size_t wire_held(const Wire *wire) {
    return wire->length - wire->at;
}

static inline ptrdiff_t wire_send(Wire *wire, const uint8_t *bytes, size_t length) {
    if (wire->send_errno) return TRANSPORT_ERROR(wire->send_errno);
    size_t free_room = wire->capacity - wire_held(wire);
    if (length > free_room) length = free_room;
    if (length > wire->max) length = wire->max;
    if (length > wire->allowed) length = wire->allowed;
    if (!length) return TRANSPORT_WOULD_BLOCK;
    wire->allowed -= length;
    if (wire->length + length > wire->room) {
        if (wire->at) memmove(wire->bytes, wire->bytes + wire->at, wire_held(wire));
        wire->length -= wire->at;
        wire->at = 0;
        wire->room = 2 * (wire->length + length);
        wire->bytes = realloc(wire->bytes, wire->room);
        if (!wire->bytes) abort();
    }
    memcpy(wire->bytes + wire->length, bytes, length);
    wire->length += length;
    wire->sends++;
    return (ptrdiff_t)length;
}

static inline ptrdiff_t wire_receive(Wire *wire, uint8_t *into, size_t room) {
    if (wire->receive_errno) return TRANSPORT_ERROR(wire->receive_errno);
    if (room > wire_held(wire)) room = wire_held(wire);
    if (room > wire->max) room = wire->max;
    if (!room) return wire->cut ? TRANSPORT_EOF : TRANSPORT_WOULD_BLOCK;
    memcpy(into, wire->bytes + wire->at, room);
    wire->at += room;
    return (ptrdiff_t)room;
}

typedef struct End {
    Engine engine;
    Wire *in, *out;
} End;

typedef struct Pair {
    End client, server;
    Wire up, down; /* the client's output, the server's */
} Pair;

static inline ptrdiff_t end_send(void *arg, const uint8_t *bytes, size_t length) {
    return wire_send(((End *)arg)->out, bytes, length);
}

static inline ptrdiff_t end_receive(void *arg, uint8_t *into, size_t room) {
    return wire_receive(((End *)arg)->in, into, room);
}

/* --- an identity --- */

static char wire_certificate[4096], wire_key[2048];

static inline void wire_take(BIO *bio, char *into, size_t room) {
    int n = BIO_read(bio, into, (int)room - 1);
    into[n > 0 ? n : 0] = 0;
    BIO_free(bio);
}

/* A certificate for "localhost" that signs itself. */
static inline void wire_make_identity(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    if (!X509_sign(certificate, key, EVP_sha256())) abort();
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    wire_take(bio, wire_certificate, sizeof wire_certificate);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    wire_take(bio, wire_key, sizeof wire_key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static inline Bytes wire_bytes(const char *text) {
    return (Bytes){(const uint8_t *)text, strlen(text)};
}

/* --- pairs --- */

static inline void end_init(End *end, ContextSettings *settings, EngineRole role,
                            const char *name) {
    Failure failure;
    SSL_CTX *context = context_new(settings, &failure);
    Transport transport = {end_send, end_receive, end};
    if (!context || !byte_stream_engine_init(&end->engine, context, role, transport, &failure) ||
        !context_prepare(end->engine.ssl, name, name, &failure)) {
        fprintf(stderr, "%s\n", failure.text);
        abort();
    }
    SSL_CTX_free(context);
}

/* `most`: bytes a call. `name`: what the client verifies. */
static inline void pair_init(Pair *pair, int version, size_t max, const char *name) {
    memset(pair, 0, sizeof *pair);
    pair->up.max = pair->down.max = max;
    pair->up.capacity = pair->down.capacity = 1 << 20;
    pair->up.allowed = pair->down.allowed = SIZE_MAX;
    pair->client.out = pair->server.in = &pair->up;
    pair->client.in = pair->server.out = &pair->down;
    ContextSettings settings;
    settings_init(&settings);
    settings.max_version = version;
    settings.trusted = wire_bytes(wire_certificate);
    end_init(&pair->client, &settings, ENGINE_CLIENT, name);
    settings_init(&settings);
    settings.max_version = version;
    settings.certificates = (BytesList){.list = {wire_bytes(wire_certificate)}, .count = 1};
    settings.keys = (BytesList){.list = {wire_bytes(wire_key)}, .count = 1};
    end_init(&pair->server, &settings, ENGINE_SERVER, NULL);
}

static inline void pair_free(Pair *pair) {
    engine_free(&pair->client.engine);
    engine_free(&pair->server.engine);
    free(pair->up.bytes);
    free(pair->down.bytes);
}

/* Let both go on until neither can, or both are done. */
static inline void pair_handshake(Pair *pair, EngineStatus *client, EngineStatus *server) {
    *client = *server = ENGINE_WANTS_READ;
    for (int i = 0; i < 100000; i++) {
        if (*client == ENGINE_WANTS_READ || *client == ENGINE_WANTS_WRITE)
            *client = engine_handshake(&pair->client.engine);
        if (*server == ENGINE_WANTS_READ || *server == ENGINE_WANTS_WRITE)
            *server = engine_handshake(&pair->server.engine);
        engine_flush(&pair->client.engine);
        engine_flush(&pair->server.engine);
        if (*client == ENGINE_DONE && *server == ENGINE_DONE) return;
        if (*client == ENGINE_FAILED) pair->up.cut = true;
        if (*server == ENGINE_FAILED) pair->down.cut = true;
        if (*client == ENGINE_FAILED && *server == ENGINE_FAILED) return;
    }
}

static inline bool pair_open(Pair *pair, int version, size_t max) {
    EngineStatus client, server;
    pair_init(pair, version, max, "localhost");
    pair_handshake(pair, &client, &server);
    return client == ENGINE_DONE && server == ENGINE_DONE;
}

#endif

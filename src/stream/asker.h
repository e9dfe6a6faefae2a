/* The questions of a handshake to the program, of streams and of the peers of a DTLS server. A C
 * function can't wait, so Janet code calls the program's function, in a fiber of its own, and hands
 * over what it returns or raises. */
#ifndef JSEC_STREAM_ASKER_H
#define JSEC_STREAM_ASKER_H

#include "context/context.h"
#include "core/tls/engine.h"
#include "core/tls/stats.h"
#include "net/endpoint.h"

typedef struct Asker Asker;

typedef struct AskerKind {
    void (*go_on)(Asker *asker); /* there is an answer: drive the handshake */
    bool (*find_peer)(const Asker *asker, Endpoint *peer); /* false: it has no IP address */
} AskerKind;

struct Asker {
    const AskerKind *kind;
    Engine *engine;
    const Questions *questions;  /* of the context object, which the owner keeps alive */
    const ContextKind *contexts; /* for an answer that makes a context */
    Stats *stats;
    struct Inquiry *inquiry; /* with the fiber that runs; NULL: none, or it was collected */
    Janet chosen;            /* the context of :on-hello's answer, or nil */
    bool asks;               /* a function of the program has not answered yet */
};

/* Continue the handshake, as engine_handshake does. With ENGINE_WANTS_ANSWER the program's function
 * is about to run; its answer calls go_on. */
EngineStatus asker_handshake(Asker *asker);

void asker_mark(const Asker *asker);

/* No answer is needed any more. */
void asker_stop(Asker *asker);

/* --- the parts of asker.c --- */

/* In hello.c: the ClientHello as a struct for the program, and the program's answer to the engine.
 * Raises when the answer is of no use. */
Janet hello_describe(const Asker *asker);
void hello_answer(Asker *asker, Janet answer);

/* In signature.c: the same for what is to be signed. */
Janet signature_describe(const Asker *asker);
void signature_answer(Asker *asker, Janet answer);

/* In judgement.c: the same for the certificate of the peer. */
Janet judgement_describe(const Asker *asker);
void judgement_answer(Asker *asker, Janet answer);

/* The function that signs with a key in a store, on a worker thread, in place of the program's. */
Janet signature_sign_stored(int32_t argc, Janet *argv);

#endif

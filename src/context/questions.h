/* Functions of the program that handshakes call and wait for. */
#ifndef JSEC_CONTEXT_QUESTIONS_H
#define JSEC_CONTEXT_QUESTIONS_H

#include <janet.h>
#include <stdbool.h>

typedef struct Questions {
    Janet hello;        /* judges ClientHellos, or nil */
    Janet staple;       /* gives an OCSP response, or nil */
    Janet signers;      /* sign with keys elsewhere, see signer.h, or nil */
    Janet former;       /* `signers` before the last reload */
    Janet verify;       /* judges the peer after its verification, or nil */
    int32_t max_asking; /* a server's handshakes that wait for these functions */
} Questions;

/* No functions. */
void questions_init(Questions *questions);

/* Is there a function? */
bool questions_given(const Questions *questions);

void questions_mark(const Questions *questions);

/* A random number that stands for a function, as long as the thread knows it: no other function,
 * in no process, has it. */
uint64_t questions_identity(Janet function);

#endif

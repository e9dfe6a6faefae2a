#include "context/questions.h"

#include <openssl/rand.h>

#define MAX_ASKING 1000

void questions_init(Questions *questions) {
    Janet nil = janet_wrap_nil();
    *questions = (Questions){nil, nil, nil, nil, nil, MAX_ASKING};
}

bool questions_given(const Questions *questions) {
    return !janet_checktype(questions->hello, JANET_NIL) ||
           !janet_checktype(questions->staple, JANET_NIL) ||
           !janet_checktype(questions->signers, JANET_NIL) ||
           !janet_checktype(questions->verify, JANET_NIL);
}

void questions_mark(const Questions *questions) {
    janet_mark(questions->hello);
    janet_mark(questions->staple);
    janet_mark(questions->signers);
    janet_mark(questions->former);
    janet_mark(questions->verify);
}

/* --- identities --- */

/* The functions are kept alive, since another one could get the address of a dead one. One that is
 * forgotten gets a new number, so that its sessions are not resumed. */
#define MAX_KNOWN 64

static _Thread_local struct {
    JanetArray *functions; /* a ring */
    uint64_t numbers[MAX_KNOWN];
    int32_t next;
} known;

static int32_t find_known(Janet function) {
    for (int32_t i = 0; i < known.functions->count; i++) {
        if (janet_equals(known.functions->data[i], function)) return i;
    }
    return -1;
}

static uint64_t random_number(void) {
    uint64_t number = 0;
    while (!number) {
        if (RAND_bytes((unsigned char *)&number, sizeof number) != 1)
            janet_panic("no random bytes for :on-verify");
    }
    return number;
}

uint64_t questions_identity(Janet function) {
    if (!known.functions) {
        known.functions = janet_array(MAX_KNOWN);
        janet_gcroot(janet_wrap_array(known.functions));
    }
    int32_t place = find_known(function);
    if (place >= 0) return known.numbers[place];
    place = known.next++ % MAX_KNOWN;
    known.numbers[place] = random_number();
    janet_array_setcount(known.functions,
                         place < known.functions->count ? known.functions->count : place + 1);
    known.functions->data[place] = function;
    return known.numbers[place];
}

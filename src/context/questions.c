#include "context/questions.h"

#define MAX_ASKING 1000

void questions_init(Questions *questions) {
    Janet nil = janet_wrap_nil();
    *questions = (Questions){nil, nil, nil, nil, MAX_ASKING};
}

bool questions_given(const Questions *questions) {
    return !janet_checktype(questions->hello, JANET_NIL) ||
           !janet_checktype(questions->staple, JANET_NIL) ||
           !janet_checktype(questions->signers, JANET_NIL);
}

void questions_mark(const Questions *questions) {
    janet_mark(questions->hello);
    janet_mark(questions->staple);
    janet_mark(questions->signers);
    janet_mark(questions->former);
}

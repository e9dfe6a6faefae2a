/* The harness of the C tests, like test/support/check.janet: each test_*.c is one program that
 * states facts with CHECK and ends main with `return check_end();`. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdio.h>

static int check_passed, check_failed;

/* CHECK("fact in a sentence", condition) */
#define CHECK(fact, condition) check((condition), (fact), #condition, __FILE__, __LINE__)

static inline void check(bool holds, const char *fact, const char *condition, const char *file,
                         int line) {
    printf("%s - %s\n", holds ? "ok" : "not ok", fact);
    if (!holds) printf("# %s:%d: %s\n", file, line, condition);
    fflush(stdout);
    holds ? check_passed++ : check_failed++;
}

static inline int check_end(void) {
    printf("# end: %d passed, %d failed\n", check_passed, check_failed);
    return check_failed > 0;
}

#endif

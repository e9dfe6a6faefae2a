/* What the fuzz targets share: libFuzzer calls LLVMFuzzerTestOneInput with bytes of its own making;
 * sanitizers tell what went wrong. `make fuzz SECONDS=60` runs them all. */
#ifndef JSEC_FUZZ_H
#define JSEC_FUZZ_H

#include "core/bytes.h"
#include "core/failure.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A text that quotes the input must not control a terminal. */
static inline void fuzz_expect_printable(const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) abort();
    }
}

/* A failure must have a reason that is text. */
static inline void fuzz_expect_reason(const Failure *failure) {
    if (!memchr(failure->text, 0, sizeof failure->text) || !failure->text[0]) abort();
    fuzz_expect_printable(failure->text);
}

#define fuzz_expect(holds) fuzz_judge((holds), #holds, __FILE__, __LINE__)

static inline void fuzz_judge(bool holds, const char *text, const char *file, int line) {
    if (holds) return;
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, text);
    abort();
}

#endif

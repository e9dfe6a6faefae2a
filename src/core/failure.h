/* Why a call of the core failed, as text for a person: "<what failed>: <why>".
 * The core never raises; it fills a Failure and returns false, NULL or ENGINE_FAILED. */
#ifndef JSEC_CORE_FAILURE_H
#define JSEC_CORE_FAILURE_H

#include <stdbool.h>

typedef struct Failure {
    char text[1024];
} Failure;

/* Both return false, so that a caller can `return failure_set(…)`. */
__attribute__((format(printf, 2, 3))) bool failure_set(Failure *failure, const char *format, ...);

/* "<what>: <OpenSSL's reasons>"; reads and clears the thread's whole OpenSSL error queue. */
__attribute__((format(printf, 2, 3))) bool failure_openssl(Failure *failure, const char *what, ...);

/* Puts "<what>: " before the text of a failure; returns false. */
__attribute__((format(printf, 2, 3))) bool failure_prefix(Failure *failure, const char *what, ...);

/* Reads and clears the queue. Returns true, with `failure` set, if memory ran out: some calls
 * return the same for a lack of memory as for "no". */
bool failure_of_memory(Failure *failure);

#endif

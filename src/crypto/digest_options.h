/* The option of digests, and the length of their output. */
#ifndef JSEC_CRYPTO_DIGEST_OPTIONS_H
#define JSEC_CRYPTO_DIGEST_OPTIONS_H

#include "base/options.h"
#include "core/algorithms.h"

typedef struct DigestOptions {
    int32_t length; /* 0: not given */
} DigestOptions;

extern const OptionSet digest_options; /* fills a struct that begins with DigestOptions */

/* The number of bytes of output; `asked` is 0 when the caller gave none. */
size_t digest_options_length(const char *function, const DigestRow *digest, int32_t asked);

/* Both, from the options in that slot. */
size_t digest_options_read(const char *function, const DigestRow *digest, const Janet *argv,
                           int32_t argc, int32_t slot);

#endif

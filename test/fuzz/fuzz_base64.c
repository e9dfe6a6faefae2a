/* Base64 as it comes: what is read is written the same again, or is refused with a reason. */
#include "core/crypto/base64.h"
#include "fuzz.h"

static void check(Base64 variant, Bytes text) {
    Failure failure = {""};
    size_t length = 0, written = text.length / 4 * 3 + 2;
    uint8_t *bytes = malloc(written + 1);
    if (!base64_decode(variant, text, bytes, &length, &failure)) {
        fuzz_expect_reason(&failure);
    } else {
        size_t again = base64_encoded_length(variant, length);
        uint8_t *encoded = malloc(again + 1);
        fuzz_expect(length <= written && again <= text.length);
        base64_encode(variant, (Bytes){bytes, length}, encoded);
        fuzz_expect(!memcmp(encoded, text.data, again));
        free(encoded);
    }
    free(bytes);
}

/* A text without white space means the same with and without its support. */
static void check_spaced(Base64 variant, Bytes text) {
    Failure failure = {""};
    size_t length = 0, same = 0;
    uint8_t *spaced = malloc(text.length + 2), *strict = malloc(text.length + 2);
    bool read = base64_decode_spaced(variant, text, spaced, &length, &failure);
    if (!read) fuzz_expect_reason(&failure);
    if (base64_decode(variant, text, strict, &same, &failure)) {
        fuzz_expect(read && length == same && !memcmp(spaced, strict, same));
    }
    free(spaced);
    free(strict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check(BASE64_STANDARD, (Bytes){data, size});
    check(BASE64_URL, (Bytes){data, size});
    check_spaced(BASE64_STANDARD, (Bytes){data, size});
    check_spaced(BASE64_URL, (Bytes){data, size});
    return 0;
}

/* Stored password hashes: what is accepted is written back as a hash of the same cost, salt and
 * bytes, and the rest is refused with a reason. */
#include "core/crypto/phc.h"
#include "fuzz.h"

static bool is_same(const PhcHash *a, const PhcHash *b) {
    return a->salt_length == b->salt_length && a->hash_length == b->hash_length &&
           !memcmp(a->salt, b->salt, a->salt_length) && !memcmp(a->hash, b->hash, a->hash_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Failure failure = {""};
    PhcHash hash, again;
    PasswordLimits limits = {256.0 * (1 << 20), 10000000};
    char text[PHC_MAX_TEXT], cost[PHC_MAX_TEXT], cost_again[PHC_MAX_TEXT];
    if (!phc_read((Bytes){data, size}, &hash, &failure)) {
        fuzz_expect_reason(&failure);
        return 0;
    }
    fuzz_expect(hash.salt_length && hash.salt_length <= PHC_MAX_SALT);
    fuzz_expect(hash.hash_length >= 12 && hash.hash_length <= PHC_MAX_HASH);
    size_t length = phc_write(&hash, text);
    fuzz_expect(length < PHC_MAX_TEXT && length == strlen(text));
    fuzz_expect(phc_read((Bytes){(const uint8_t *)text, length}, &again, &failure));
    fuzz_expect(is_same(&hash, &again));
    phc_write_cost(&hash.cost, cost);
    phc_write_cost(&again.cost, cost_again);
    fuzz_expect(!strcmp(cost, cost_again));
    if (!password_check_cost(&hash.cost, hash.hash_length, &limits, &failure)) {
        fuzz_expect_reason(&failure);
    }
    return 0;
}

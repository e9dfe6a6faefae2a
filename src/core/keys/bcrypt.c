#define OPENSSL_SUPPRESS_DEPRECATED /* the only way to Blowfish's state */
#include "core/keys/bcrypt.h"

#include "core/openssl.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#if !OPENSSL_HAS_BLOWFISH

bool bcrypt_is_offered(void) {
    return false;
}

bool bcrypt_derive(Bytes password, Bytes salt, uint32_t rounds, uint8_t *key, size_t length,
                   Failure *failure) {
    (void)password, (void)salt, (void)rounds, (void)key, (void)length;
    return failure_set(failure, "not decrypted: bcrypt needs Blowfish, which this OpenSSL lacks");
}

#else

#include <openssl/blowfish.h>

#define SHA512_LENGTH 64
#define HASH_WORDS 8
#define HASH_LENGTH 32 /* bytes of an output block */
#define REPEATS 64     /* of the key schedule, and of the encryption of a block */
#define MAX_LENGTH 1024

/* --- the initial state of Blowfish, which OpenSSL keeps to itself: the digits of pi --- */

#define STATE_WORDS (sizeof(BF_KEY) / sizeof(BF_LONG))
#define SUBKEYS (BF_ROUNDS + 2)
#define GUARD_BITS 64 /* for the errors of rounding */

/* Its words stand one after the other. */
typedef union State {
    BF_KEY key;
    BF_LONG words[STATE_WORDS];
} State;

static State initial_state;
static bool has_state;
static pthread_once_t state_once = PTHREAD_ONCE_INIT;

/* Add factor * arctan(1 / x), by its series, to a fixed-point number, or subtract it. */
static bool add_arctan(BIGNUM *sum, BN_ULONG factor, BN_ULONG x, int bits, bool subtract) {
    BIGNUM *power = BN_new(), *term = BN_new();
    bool done = power && term && BN_set_word(power, factor) && BN_lshift(power, power, bits);
    done = done && BN_div_word(power, x) != (BN_ULONG)-1;
    for (BN_ULONG n = 1; done && !BN_is_zero(power); n += 2) {
        done = BN_copy(term, power) && BN_div_word(term, n) != (BN_ULONG)-1 &&
               (subtract ? BN_sub(sum, sum, term) : BN_add(sum, sum, term)) &&
               BN_div_word(power, x * x) != (BN_ULONG)-1;
        subtract = !subtract;
    }
    BN_free(power);
    BN_free(term);
    return done;
}

/* pi = 16 * arctan(1/5) - 4 * arctan(1/239), by Machin. */
static void make_state(void) {
    uint8_t bytes[sizeof(BF_KEY)];
    int fraction = 8 * (int)sizeof bytes, bits = fraction + GUARD_BITS;
    BIGNUM *pi = BN_new();
    has_state = pi && BN_set_word(pi, 0) && add_arctan(pi, 16, 5, bits, false) &&
                add_arctan(pi, 4, 239, bits, true) && BN_rshift(pi, pi, GUARD_BITS) &&
                BN_mask_bits(pi, fraction) && BN_bn2binpad(pi, bytes, sizeof bytes) > 0;
    BN_free(pi);
    for (size_t i = 0; has_state && i < STATE_WORDS; i++) {
        const uint8_t *at = bytes + 4 * i;
        initial_state.words[i] =
            (BF_LONG)at[0] << 24 | (BF_LONG)at[1] << 16 | (BF_LONG)at[2] << 8 | at[3];
    }
}

/* --- bcrypt --- */

/* The next word of the bytes, which repeat without end. */
static BF_LONG take_word(const uint8_t *bytes, size_t length, size_t *at) {
    BF_LONG word = 0;
    for (int i = 0; i < 4; i++) {
        word = word << 8 | bytes[*at];
        *at = (*at + 1) % length;
    }
    return word;
}

/* The key schedule; `salt` NULL: none. */
static void expand(State *state, const uint8_t *salt, const uint8_t *key) {
    BF_LONG block[2] = {0, 0}, *words = state->words;
    size_t at = 0;
    for (size_t i = 0; i < SUBKEYS; i++) words[i] ^= take_word(key, SHA512_LENGTH, &at);
    at = 0;
    for (size_t i = 0; i < STATE_WORDS; i += 2) {
        for (int j = 0; salt && j < 2; j++) block[j] ^= take_word(salt, SHA512_LENGTH, &at);
        BF_encrypt(block, &state->key);
        words[i] = block[0];
        words[i + 1] = block[1];
    }
}

static void hash(const uint8_t *password, const uint8_t *salt, uint8_t *out) {
    static const char text[] = "OxychromaticBlowfishSwatDynamite";
    State state = initial_state;
    BF_LONG words[HASH_WORDS];
    size_t at = 0;
    expand(&state, salt, password);
    for (int i = 0; i < REPEATS; i++) {
        expand(&state, NULL, salt);
        expand(&state, NULL, password);
    }
    for (int i = 0; i < HASH_WORDS; i++)
        words[i] = take_word((const uint8_t *)text, HASH_LENGTH, &at);
    for (int i = 0; i < REPEATS; i++) {
        for (int j = 0; j < HASH_WORDS; j += 2) BF_encrypt(words + j, &state.key);
    }
    for (int i = 0; i < HASH_LENGTH; i++) out[i] = (uint8_t)(words[i / 4] >> (8 * (i % 4)));
    OPENSSL_cleanse(&state, sizeof state);
}

static bool digest(Bytes first, Bytes second, uint8_t *out) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context && EVP_DigestInit_ex(context, EVP_sha512(), NULL) &&
                EVP_DigestUpdate(context, first.data, first.length) &&
                EVP_DigestUpdate(context, second.data, second.length) &&
                EVP_DigestFinal_ex(context, out, NULL);
    EVP_MD_CTX_free(context);
    return done;
}

/* One block of the output: the hashes of all rounds, combined. */
static bool derive_block(const uint8_t *password, Bytes salt, uint32_t number, uint32_t rounds,
                         uint8_t *out) {
    uint8_t salted[SHA512_LENGTH], last[HASH_LENGTH];
    const uint8_t count[] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                             (uint8_t)(number >> 8), (uint8_t)number};
    bool done = digest(salt, (Bytes){count, sizeof count}, salted);
    memset(out, 0, HASH_LENGTH);
    for (uint32_t i = 0; done && i < rounds; i++) {
        hash(password, salted, last);
        for (int j = 0; j < HASH_LENGTH; j++) out[j] ^= last[j];
        done = digest((Bytes){last, sizeof last}, (Bytes){count, 0}, salted);
    }
    OPENSSL_cleanse(last, sizeof last);
    return done;
}

bool bcrypt_is_offered(void) {
    pthread_once(&state_once, make_state);
    return has_state;
}

/* The key takes its bytes from the blocks in turn. */
bool bcrypt_derive(Bytes password, Bytes salt, uint32_t rounds, uint8_t *key, size_t length,
                   Failure *failure) {
    uint8_t hashed[SHA512_LENGTH], block[HASH_LENGTH];
    size_t blocks = (length + HASH_LENGTH - 1) / HASH_LENGTH;
    if (!rounds || rounds > BCRYPT_MAX_ROUNDS || !length || length > MAX_LENGTH) {
        return failure_set(failure, "not decrypted: bcrypt of more than %d rounds",
                           BCRYPT_MAX_ROUNDS);
    }
    bool done = bcrypt_is_offered() && digest(password, (Bytes){salt.data, 0}, hashed);
    for (size_t i = 0; done && i < blocks; i++) {
        done = derive_block(hashed, salt, (uint32_t)i + 1, rounds, block);
        for (size_t j = 0; done && j * blocks + i < length; j++) key[j * blocks + i] = block[j];
    }
    OPENSSL_cleanse(hashed, sizeof hashed);
    OPENSSL_cleanse(block, sizeof block);
    return done || failure_openssl(failure, "no key derived");
}

#endif

/* Algorithms by name, from several threads at once. */
#include "check.h"
#include "core/algorithms.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define THREADS 8

static Bytes text(const char *string) {
    return (Bytes){(const uint8_t *)string, strlen(string)};
}

/* What one thread was given. */
typedef struct Found {
    const EVP_MD *md;
    const EVP_CIPHER *cipher;
    const EC_GROUP *group;
    bool hashed;
} Found;

static atomic_int ready;

static bool hash_and_authenticate(const DigestRow *digest) {
    uint8_t hash[EVP_MAX_MD_SIZE];
    Failure failure;
    Bytes data = text("data");
    bool done = algorithms_hash(algorithms_md(digest), &data, 1, hash);
    EVP_MAC_CTX *hmac = algorithms_take_hmac(digest, &failure);
    done = done && hmac && EVP_MAC_init(hmac, data.data, data.length, NULL);
    if (hmac) algorithms_give_hmac(digest, hmac);
    return done;
}

static void *find_all(void *arg) {
    Found *found = arg;
    Failure failure;
    ready++;
    while (ready < THREADS) continue;
    const DigestRow *digest = algorithms_digest(text("SHA_512/256"), &failure);
    const CipherRow *cipher = algorithms_cipher(text("AES-256-GCM"), &failure);
    const CurveRow *curve = algorithms_curve(text("secp384r1"), &failure);
    found->md = digest ? algorithms_md(digest) : NULL;
    found->cipher = cipher ? algorithms_evp_cipher(cipher) : NULL;
    found->group = curve ? algorithms_group(curve, &failure) : NULL;
    found->hashed = digest && hash_and_authenticate(digest);
    return NULL;
}

static bool threads_share_all(void) {
    Found found[THREADS] = {{NULL, NULL, NULL, false}};
    pthread_t threads[THREADS];
    bool shared = true;
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, find_all, &found[i]);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        shared = shared && found[i].hashed && found[i].md && found[i].md == found[0].md &&
                 found[i].cipher && found[i].cipher == found[0].cipher && found[i].group &&
                 found[i].group == found[0].group;
    }
    return shared;
}

static bool is_digest(const char *name, const char *expected) {
    Failure failure;
    const DigestRow *row = algorithms_digest(text(name), &failure);
    if (!expected) return !row && strstr(failure.text, "unknown digest");
    return row && !strcmp(row->name.text, expected);
}

static const char *key_error(const char *name) {
    static Failure failure;
    KeyAlgorithm algorithm;
    return algorithms_key(text(name), &algorithm, &failure) ? "" : failure.text;
}

int main(void) {
    CHECK("threads that fetch an algorithm at once get the same one", threads_share_all());
    CHECK("a name matches in any letter case, with _ for -, in each of its spellings",
          is_digest("sha256", "sha256") && is_digest("SHA256", "sha256") &&
              is_digest("SHA_256", "sha256") && is_digest("sha2-256", "sha256") &&
              is_digest("RMD160", "ripemd160"));
    CHECK("a part of a name, more than a name and two names do not match",
          is_digest("", NULL) && is_digest(" ", NULL) && is_digest("sha", NULL) &&
              is_digest("sha2567", NULL) && is_digest("sha-256 ", NULL) &&
              is_digest("sha-256 sha2-256", NULL));
    CHECK("the error for an unknown name lists every name",
          !strcmp(key_error("dsa"),
                  "unknown key algorithm, expected one of rsa rsa-pss ed25519 ed448 x25519 "
                  "x448 ml-kem-512 ml-kem-768 ml-kem-1024 ml-dsa-44 ml-dsa-65 ml-dsa-87 "
                  "slh-dsa-sha2-128s slh-dsa-sha2-128f slh-dsa-sha2-192s slh-dsa-sha2-192f "
                  "slh-dsa-sha2-256s slh-dsa-sha2-256f slh-dsa-shake-128s slh-dsa-shake-128f "
                  "slh-dsa-shake-192s slh-dsa-shake-192f slh-dsa-shake-256s slh-dsa-shake-256f "
                  "p-256 p-384 p-521 secp256k1 p-224 "
                  "brainpoolp256r1 brainpoolp384r1 brainpoolp512r1"));
    return check_end();
}

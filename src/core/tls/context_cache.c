#include "core/tls/context_cache.h"

#include "core/tls/context.h"

#include <openssl/err.h>
#include <string.h>

#define MAX_CONTEXTS 64

typedef struct Entry {
    uint8_t digest[SETTINGS_DIGEST_LENGTH];
    SSL_CTX *context; /* NULL: free */
    uint64_t used;
} Entry;

static Entry entries[MAX_CONTEXTS];
static uint64_t uses;
static CRYPTO_RWLOCK *lock;
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void make_lock(void) {
    lock = CRYPTO_THREAD_lock_new();
}

static SSL_CTX *find_entry(const uint8_t *digest) {
    for (Entry *entry = entries; entry < entries + MAX_CONTEXTS; entry++) {
        if (!entry->context || memcmp(entry->digest, digest, sizeof entry->digest)) continue;
        entry->used = ++uses;
        return SSL_CTX_up_ref(entry->context) ? entry->context : NULL;
    }
    return NULL;
}

static void insert_entry(const uint8_t *digest, SSL_CTX *context) {
    Entry *oldest = entries;
    for (Entry *entry = entries; entry < entries + MAX_CONTEXTS; entry++) {
        if (entry->used < oldest->used) oldest = entry;
    }
    if (!SSL_CTX_up_ref(context)) return;
    SSL_CTX_free(oldest->context);
    memcpy(oldest->digest, digest, sizeof oldest->digest);
    oldest->context = context;
    oldest->used = ++uses;
}

SSL_CTX *context_cached(const ContextSettings *settings, Failure *failure) {
    uint8_t digest[SETTINGS_DIGEST_LENGTH];
    bool known =
        CRYPTO_THREAD_run_once(&once, make_lock) && lock && settings_digest(settings, digest);
    ERR_clear_error();
    /* Settings that can't be digested name a missing file, for example: context_new reports it. */
    if (!known || !CRYPTO_THREAD_write_lock(lock)) return context_new(settings, failure);
    SSL_CTX *context = find_entry(digest);
    CRYPTO_THREAD_unlock(lock);
    if (context) return context;

    context = context_new(settings, failure);
    if (context && CRYPTO_THREAD_write_lock(lock)) {
        insert_entry(digest, context);
        CRYPTO_THREAD_unlock(lock);
    }
    return context;
}

#include "core/tls/context_cache.h"

#include <openssl/err.h>
#include <string.h>

#define MAX_CONTEXTS 64

typedef struct Entry {
    uint8_t digest[SETTINGS_DIGEST_LENGTH];
    ContextSlot *slot; /* NULL: free */
    uint64_t used;
} Entry;

static Entry entries[MAX_CONTEXTS];
static uint64_t uses;
static CRYPTO_RWLOCK *lock;
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void make_lock(void) {
    lock = CRYPTO_THREAD_lock_new();
}

static ContextSlot *find_entry(const uint8_t *digest) {
    for (Entry *entry = entries; entry < entries + MAX_CONTEXTS; entry++) {
        if (!entry->slot || memcmp(entry->digest, digest, sizeof entry->digest)) continue;
        entry->used = ++uses;
        return context_slot_hold(entry->slot);
    }
    return NULL;
}

static void insert_entry(const uint8_t *digest, ContextSlot *slot) {
    Entry *oldest = entries;
    for (Entry *entry = entries; entry < entries + MAX_CONTEXTS; entry++) {
        if (entry->used < oldest->used) oldest = entry;
    }
    context_slot_release(oldest->slot);
    memcpy(oldest->digest, digest, sizeof oldest->digest);
    oldest->slot = context_slot_hold(slot);
    oldest->used = ++uses;
}

ContextSlot *context_cached(const ContextSettings *settings, Failure *failure) {
    uint8_t digest[SETTINGS_DIGEST_LENGTH];
    bool known =
        CRYPTO_THREAD_run_once(&once, make_lock) && lock && settings_digest(settings, digest);
    ERR_clear_error();
    /* Settings that can't be digested name a missing file, for example: the slot's maker reports
     * it. */
    if (!known || !CRYPTO_THREAD_write_lock(lock)) return context_slot_new(settings, failure);
    ContextSlot *slot = find_entry(digest);
    CRYPTO_THREAD_unlock(lock);
    if (slot) return slot;

    slot = context_slot_new(settings, failure);
    if (slot && CRYPTO_THREAD_write_lock(lock)) {
        insert_entry(digest, slot);
        CRYPTO_THREAD_unlock(lock);
    }
    return slot;
}

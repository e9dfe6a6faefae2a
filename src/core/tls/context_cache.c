#define _GNU_SOURCE /* PATH_MAX, nanoseconds in struct stat */
/* Options given as a table at each connect or accept must not cost a context each time. */
#include "core/keys/encoding.h"
#include "core/tls/context.h"


#include <limits.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_CONTEXTS 64

typedef struct Entry {
    uint8_t digest[32];
    SSL_CTX *context; /* NULL: free */
    uint64_t used;
} Entry;

static Entry entries[MAX_CONTEXTS];
static uint64_t uses;
static CRYPTO_RWLOCK *lock;
static EVP_MD *sha256;
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void make_lock(void) {
    lock = CRYPTO_THREAD_lock_new();
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static bool add(EVP_MD_CTX *digest, const void *data, size_t length) {
    return EVP_DigestUpdate(digest, &length, sizeof length) &&
           EVP_DigestUpdate(digest, data, length);
}

/* A file that was replaced or rewritten is another file. */
static bool add_file_times(EVP_MD_CTX *digest, Bytes path) {
    char name[PATH_MAX];
    struct stat info;
    if (path.length >= sizeof name) return false;
    memcpy(name, path.data, path.length);
    name[path.length] = 0;
    if (stat(name, &info)) return false;
    return add(digest, &info.st_dev, sizeof info.st_dev) &&
           add(digest, &info.st_ino, sizeof info.st_ino) &&
           add(digest, &info.st_size, sizeof info.st_size) &&
           add(digest, &info.st_mtim, sizeof info.st_mtim) &&
           add(digest, &info.st_ctim, sizeof info.st_ctim);
}

static bool add_bytes(EVP_MD_CTX *digest, Bytes bytes) {
    bool given = bytes.data;
    return add(digest, &given, sizeof given) && (!given || add(digest, bytes.data, bytes.length));
}

static bool add_source(EVP_MD_CTX *digest, Bytes source) {
    if (!add_bytes(digest, source)) return false;
    if (!source.data || encoding_is_pem(source) || encoding_is_der(source)) return true;
    return add_file_times(digest, source);
}

static bool add_list(EVP_MD_CTX *digest, const BytesList *list) {
    bool added = add(digest, &list->count, sizeof list->count);
    for (size_t i = 0; added && i < list->count; i++) added = add_source(digest, list->list[i]);
    return added;
}

/* Keys of tickets are files or bytes, and bytes name no file. */
static bool add_keys(EVP_MD_CTX *digest, const BytesList *list) {
    bool added = add(digest, &list->count, sizeof list->count);
    for (size_t i = 0; added && i < list->count; i++) {
        added = add_bytes(digest, list->list[i]);
        if (added) add_file_times(digest, list->list[i]);
    }
    return added;
}

/* A host's context is held by the one that is looked for, so its address stays its own. */
static bool add_hosts(EVP_MD_CTX *digest, const ContextSettings *settings) {
    bool added = true;
    for (size_t i = 0; added && i < settings->host_count; i++) {
        const VirtualHost *host = settings->hosts + i;
        uintptr_t address = (uintptr_t)host->context;
        added = add_bytes(digest, host->name) && add(digest, &address, sizeof address);
    }
    return added;
}

static bool add_numbers(EVP_MD_CTX *digest, const ContextSettings *settings) {
    const int numbers[] = {
        (int)settings->verify,     settings->purpose,     settings->depth,
        settings->min_version,     settings->max_version, settings->security_level,
        settings->renegotiation,   settings->tickets,     settings->session_cache,
        settings->tells_sessions,  (int)settings->ocsp,   settings->asks_staple,
        (int)settings->read_ahead, settings->datagram};
    return add(digest, numbers, sizeof numbers) &&
           add(digest, &settings->time, sizeof settings->time) &&
           add(digest, &settings->session_lifetime, sizeof settings->session_lifetime);
}

static bool digest_settings(EVP_MD_CTX *digest, const ContextSettings *settings, uint8_t *result) {
    return sha256 && EVP_DigestInit_ex2(digest, sha256, NULL) &&
           add_list(digest, &settings->certificates) && add_list(digest, &settings->keys) &&
           add_bytes(digest, settings->password) && add_source(digest, settings->ca) &&
           add_source(digest, settings->ca_path) && add_source(digest, settings->trusted) &&
           add_list(digest, &settings->crls) && add_bytes(digest, settings->pins) &&
           add_bytes(digest, settings->ciphers) && add_bytes(digest, settings->ciphersuites) &&
           add_bytes(digest, settings->groups) && add_bytes(digest, settings->alpn) &&
           add_keys(digest, &settings->ticket_keys) && add_bytes(digest, settings->keylog) &&
           add_source(digest, settings->staple) && add_hosts(digest, settings) &&
           add_numbers(digest, settings) && EVP_DigestFinal_ex(digest, result, NULL);
}

static SSL_CTX *find(const uint8_t *digest) {
    for (Entry *entry = entries; entry < entries + MAX_CONTEXTS; entry++) {
        if (!entry->context || memcmp(entry->digest, digest, sizeof entry->digest)) continue;
        entry->used = ++uses;
        return SSL_CTX_up_ref(entry->context) ? entry->context : NULL;
    }
    return NULL;
}

static void insert(const uint8_t *digest, SSL_CTX *context) {
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
    uint8_t digest[32];
    EVP_MD_CTX *state = EVP_MD_CTX_new();
    bool known = CRYPTO_THREAD_run_once(&once, make_lock) && lock && state &&
                 digest_settings(state, settings, digest);
    EVP_MD_CTX_free(state);
    ERR_clear_error();
    /* What can't be told apart (a file that is not there) is made anew, and then says why not. */
    if (!known || !CRYPTO_THREAD_write_lock(lock)) return context_new(settings, failure);
    SSL_CTX *context = find(digest);
    CRYPTO_THREAD_unlock(lock);
    if (context) return context;

    context = context_new(settings, failure);
    if (context && CRYPTO_THREAD_write_lock(lock)) {
        insert(digest, context);
        CRYPTO_THREAD_unlock(lock);
    }
    return context;
}

#define _GNU_SOURCE /* PATH_MAX, nanoseconds in struct stat */
#include "core/tls/settings.h"

#include "core/keys/encoding.h"
#include "core/tls/context_slot.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

typedef enum SettingKind { VALUE, TEXT, SOURCE, SOURCES, KEYS, DIRECTORY, HOSTS } SettingKind;

typedef struct Setting {
    size_t offset, size;
    SettingKind kind;
    unsigned flags;
} Setting;

static const Setting rows[] = {
#define SETTING(kind, type, name, default, session, host, shown)                                   \
    {offsetof(ContextSettings, name), sizeof(type), kind, SETTING_FLAGS_##name},
#include "core/tls/settings.def"
#undef SETTING
};

#define ROW_COUNT (sizeof rows / sizeof *rows)

static const ContextSettings defaults = {
#define SETTING(kind, type, name, default, session, host, shown) .name = default,
#include "core/tls/settings.def"
#undef SETTING
};

static EVP_MD *sha256; /* fetched once: a context is looked up at each connect and accept */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void fetch_sha256(void) {
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void settings_init(ContextSettings *settings) {
    *settings = defaults;
}

/* --- digests --- */

static bool add(EVP_MD_CTX *digest, const void *data, size_t length) {
    return EVP_DigestUpdate(digest, &length, sizeof length) &&
           EVP_DigestUpdate(digest, data, length);
}

static bool add_bytes(EVP_MD_CTX *digest, const Bytes *bytes) {
    bool given = bytes->data;
    return add(digest, &given, sizeof given) && (!given || add(digest, bytes->data, bytes->length));
}

/* A file that was replaced or rewritten is another file. */
static bool add_file(EVP_MD_CTX *digest, const Bytes *path) {
    char name[PATH_MAX];
    struct stat info;
    if (path->length >= sizeof name) return false;
    memcpy(name, path->data, path->length);
    name[path->length] = 0;
    if (stat(name, &info)) return false;
    return add(digest, &info.st_dev, sizeof info.st_dev) &&
           add(digest, &info.st_ino, sizeof info.st_ino) &&
           add(digest, &info.st_size, sizeof info.st_size) &&
           add(digest, &info.st_mtim, sizeof info.st_mtim) &&
           add(digest, &info.st_ctim, sizeof info.st_ctim);
}

static bool add_source(EVP_MD_CTX *digest, const Bytes *source) {
    if (!add_bytes(digest, source)) return false;
    bool is_path = source->data && !encoding_is_pem(*source) && !encoding_is_der(*source);
    return !is_path || add_file(digest, source);
}

/* A key can be bytes that look like a path, but no file has that name then. */
static bool add_key(EVP_MD_CTX *digest, const Bytes *key) {
    if (!add_bytes(digest, key)) return false;
    add_file(digest, key);
    return true;
}

static bool add_list(EVP_MD_CTX *digest, const BytesList *list,
                     bool (*add_item)(EVP_MD_CTX *digest, const Bytes *item)) {
    bool added = add(digest, &list->count, sizeof list->count);
    for (size_t i = 0; added && i < list->count; i++) added = add_item(digest, list->list + i);
    return added;
}

/* The cached slot holds the slots of its hosts, so no other slot has their addresses. */
static bool add_hosts(EVP_MD_CTX *digest, const VirtualHostList *hosts) {
    bool added = true;
    for (size_t i = 0; added && i < hosts->count; i++) {
        uintptr_t address = (uintptr_t)hosts->list[i].slot;
        added = add_bytes(digest, &hosts->list[i].name) && add(digest, &address, sizeof address);
    }
    return added;
}

static const void *field_of(const ContextSettings *settings, const Setting *row) {
    return (const char *)settings + row->offset;
}

static bool add_setting(EVP_MD_CTX *digest, const ContextSettings *settings, const Setting *row) {
    const void *field = field_of(settings, row);
    switch (row->kind) {
    case VALUE: return add(digest, field, row->size);
    case TEXT: return add_bytes(digest, field);
    case SOURCE:
    case DIRECTORY: return add_source(digest, field);
    case SOURCES: return add_list(digest, field, add_source);
    case KEYS: return add_list(digest, field, add_key);
    case HOSTS: return add_hosts(digest, field);
    }
    return false;
}

static bool digest_rows(const ContextSettings *settings, unsigned flags, uint8_t *digest) {
    EVP_MD_CTX *state = EVP_MD_CTX_new();
    bool made = CRYPTO_THREAD_run_once(&once, fetch_sha256) && sha256 && state &&
                EVP_DigestInit_ex2(state, sha256, NULL);
    for (const Setting *row = rows; made && row < rows + ROW_COUNT; row++) {
        if (row->flags & flags) made = add_setting(state, settings, row);
    }
    made = made && EVP_DigestFinal_ex(state, digest, NULL);
    EVP_MD_CTX_free(state);
    return made;
}

bool settings_digest(const ContextSettings *settings, uint8_t *digest) {
    return digest_rows(settings, ~0U, digest);
}

bool settings_policy_digest(const ContextSettings *settings, uint8_t *digest) {
    return digest_rows(settings, SETTING_SESSION_BOUND, digest);
}

/* --- copies --- */

bool bytes_copy(Bytes *copy, Bytes bytes) {
    *copy = (Bytes){NULL, 0};
    if (!bytes.data) return true;
    uint8_t *data = OPENSSL_malloc(bytes.length + 1);
    if (!data) return false;
    memcpy(data, bytes.data, bytes.length);
    data[bytes.length] = 0;
    *copy = (Bytes){data, bytes.length};
    return true;
}

static void free_bytes(const Bytes *bytes) {
    OPENSSL_clear_free((void *)(uintptr_t)bytes->data, bytes->length);
}

void settings_replace(Bytes *bytes, uint8_t *data, size_t length) {
    free_bytes(bytes);
    *bytes = (Bytes){data, length};
}

/* On failure the rest of the list is empty, so that it can be freed. */
static bool copy_list(BytesList *copy, const BytesList *list) {
    bool copied = true;
    memset(copy, 0, sizeof *copy);
    copy->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        copied = bytes_copy(copy->list + i, list->list[i]) && copied;
    }
    return copied;
}

static bool copy_hosts(VirtualHostList *copy, const VirtualHostList *hosts) {
    *copy = (VirtualHostList){NULL, 0};
    if (!hosts->count) return true;
    VirtualHost *list = OPENSSL_zalloc(hosts->count * sizeof *list);
    if (!list) return false;
    bool copied = true;
    for (size_t i = 0; i < hosts->count; i++) {
        copied = bytes_copy(&list[i].name, hosts->list[i].name) && copied;
        list[i].slot = context_slot_hold(hosts->list[i].slot);
    }
    *copy = (VirtualHostList){list, hosts->count};
    return copied;
}

static void free_hosts(const VirtualHostList *hosts) {
    for (size_t i = 0; i < hosts->count; i++) {
        free_bytes(&hosts->list[i].name);
        context_slot_release(hosts->list[i].slot);
    }
    OPENSSL_free((void *)(uintptr_t)hosts->list);
}

static bool copy_field(void *copy, const void *field, const Setting *row) {
    switch (row->kind) {
    case VALUE: memcpy(copy, field, row->size); return true;
    case TEXT:
    case SOURCE:
    case DIRECTORY: return bytes_copy(copy, *(const Bytes *)field);
    case SOURCES:
    case KEYS: return copy_list(copy, field);
    case HOSTS: return copy_hosts(copy, field);
    }
    return false;
}

static void free_field(const void *field, const Setting *row) {
    const BytesList *list = field;
    switch (row->kind) {
    case VALUE: return;
    case TEXT:
    case SOURCE:
    case DIRECTORY: free_bytes(field); return;
    case SOURCES:
    case KEYS:
        for (size_t i = 0; i < list->count; i++) free_bytes(list->list + i);
        return;
    case HOSTS: free_hosts(field); return;
    }
}

bool settings_copy(ContextSettings *copy, const ContextSettings *settings) {
    bool copied = true;
    memset(copy, 0, sizeof *copy);
    for (const Setting *row = rows; row < rows + ROW_COUNT; row++) {
        void *into = (char *)copy + row->offset;
        copied = copy_field(into, field_of(settings, row), row) && copied;
    }
    if (!copied) settings_free(copy);
    return copied;
}

void settings_free(ContextSettings *copy) {
    for (const Setting *row = rows; row < rows + ROW_COUNT; row++) {
        free_field(field_of(copy, row), row);
    }
    memset(copy, 0, sizeof *copy);
}

/* --- virtual hosts --- */

static bool is_given(const ContextSettings *settings, const Setting *row) {
    return memcmp(field_of(settings, row), field_of(&defaults, row), row->size);
}

/* The flags of all that the settings give. */
static unsigned given_flags(const ContextSettings *settings) {
    unsigned flags = 0;
    for (const Setting *row = rows; row < rows + ROW_COUNT; row++) {
        if (is_given(settings, row)) flags |= row->flags;
    }
    return flags;
}

static bool inherits(const ContextSettings *host, const Setting *row, unsigned given) {
    if (row->flags & SETTING_HOST_HOST) return !is_given(host, row);
    unsigned groups = SETTING_HOST_IDENTITY | SETTING_HOST_ANCHORS;
    return row->flags & groups & ~given;
}

void settings_inherit(ContextSettings *host, const ContextSettings *listener) {
    unsigned given = given_flags(host);
    for (const Setting *row = rows; row < rows + ROW_COUNT; row++) {
        if (!inherits(host, row, given)) continue;
        memcpy((char *)host + row->offset, field_of(listener, row), row->size);
    }
}

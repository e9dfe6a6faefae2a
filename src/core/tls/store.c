#define _GNU_SOURCE /* PATH_MAX */
#include "core/tls/store.h"

#include "core/keys/pem.h"
#include "core/shown.h"

#include <dirent.h>
#include <limits.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static X509_STORE *system_store;
static CRYPTO_ONCE system_once = CRYPTO_ONCE_STATIC_INIT;

X509_STORE *store_new_system(void) {
    X509_STORE *store = X509_STORE_new();
    if (store && !X509_STORE_set_default_paths(store)) {
        X509_STORE_free(store);
        store = NULL;
    }
    ERR_clear_error(); /* a missing file beside a directory is not a failure */
    return store;
}

static void load_system_store(void) {
    system_store = store_new_system();
}

static const char *setting_or(const char *variable, const char *otherwise) {
    const char *given = getenv(variable);
    return given ? given : otherwise;
}

/* "5ed36f99.0": the name that `openssl rehash` gives to a certificate. */
static bool is_hashed_name(const char *name) {
    return strspn(name, "0123456789abcdef") == 8 && name[8] == '.';
}

static bool has_certificates(const char *directory) {
    DIR *entries = opendir(directory);
    bool found = false;
    for (const struct dirent *entry; entries && !found && (entry = readdir(entries));) {
        found = is_hashed_name(entry->d_name);
    }
    if (entries) closedir(entries);
    return found;
}

/* Directories are separated by colons. OpenSSL reads them when it needs a certificate, so they may
 * be filled later. */
static bool any_has_certificates(const char *directories) {
    while (*directories) {
        char name[PATH_MAX];
        size_t length = strcspn(directories, ":");
        if (length < sizeof name) {
            memcpy(name, directories, length);
            name[length] = 0;
            if (has_certificates(name)) return true;
        }
        directories += length + (directories[length] == ':');
    }
    return false;
}

static bool is_empty(X509_STORE *store) {
    if (!X509_STORE_lock(store)) return false;
    bool empty = !sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
    X509_STORE_unlock(store);
    return empty;
}

X509_STORE *store_system(Failure *failure) {
    if (!CRYPTO_THREAD_run_once(&system_once, load_system_store) || !system_store) {
        failure_set(failure, "the system's CA certificates can't be loaded: give :ca-file");
        return NULL;
    }
    const char *directories =
        setting_or(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
    if (!is_empty(system_store) || any_has_certificates(directories)) return system_store;
    failure_set(failure,
                "this system has no trusted CAs, neither in the file %.200s nor in the directory "
                "%.200s: install them (package ca-certificates), or give :ca-file",
                setting_or(X509_get_default_cert_file_env(), X509_get_default_cert_file()),
                directories);
    return NULL;
}

static bool copy_object(X509_STORE *into, const X509_OBJECT *object) {
    switch (X509_OBJECT_get_type(object)) {
    case X509_LU_X509: return X509_STORE_add_cert(into, X509_OBJECT_get0_X509(object));
    case X509_LU_CRL:
        return X509_STORE_add_crl(into,
                                  X509_OBJECT_get0_X509_CRL((X509_OBJECT *)(uintptr_t)object));
    default: return true;
    }
}

bool store_copy(X509_STORE *into, X509_STORE *from) {
    if (!X509_STORE_set1_param(into, X509_STORE_get0_param(from))) return false;
    if (!X509_STORE_lock(from)) return false;
    const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(from);
    bool copied = true;
    for (int i = 0; copied && i < sk_X509_OBJECT_num(objects); i++) {
        copied = copy_object(into, sk_X509_OBJECT_value(objects, i));
    }
    X509_STORE_unlock(from);
    return copied;
}

static bool add_certificates(X509_STORE *store, STACK_OF(X509) * certificates, Failure *failure) {
    bool added = true;
    while (added && sk_X509_num(certificates)) {
        X509 *certificate = sk_X509_shift(certificates);
        added = X509_STORE_add_cert(store, certificate);
        X509_free(certificate);
    }
    sk_X509_pop_free(certificates, X509_free);
    return added || failure_openssl(failure, "not added to the trust store");
}

bool store_add_bundle(X509_STORE *store, Bytes path_or_content, Failure *failure) {
    PemSource owned;
    Bytes content = pem_source(path_or_content, &owned, failure);
    STACK_OF(X509) *certificates = content.data ? pem_certificates(content, failure) : NULL;
    pem_free(&owned);
    return certificates && add_certificates(store, certificates, failure);
}

bool store_add_directory(X509_STORE *store, Bytes path, Failure *failure) {
    char name[PATH_MAX];
    struct stat info;
    if (path.length >= sizeof name) return failure_set(failure, "path too long");
    memcpy(name, path.data, path.length);
    name[path.length] = 0;
    if (stat(name, &info) || !S_ISDIR(info.st_mode)) {
        Shown shown;
        return failure_set(failure, "not a directory: %s", shown_path(path, &shown));
    }
    return X509_STORE_load_path(store, name) || failure_openssl(failure, "%s", name);
}

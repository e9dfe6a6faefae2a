#include "core/keys/stored_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <string.h>

#define MAX_URI 4096
#define MAX_SCHEME 16

/* --- URIs --- */

static bool is_letter(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_scheme_character(uint8_t c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

/* RFC 3986, 3.1, of two characters at least, since one is a drive of Windows. */
static bool read_scheme(Bytes source, char scheme[MAX_SCHEME]) {
    size_t length = 0;
    if (!source.length || source.length > MAX_URI || !is_letter(source.data[0])) return false;
    while (length < source.length && is_scheme_character(source.data[length])) length++;
    if (length < 2 || length >= MAX_SCHEME || length == source.length) return false;
    if (source.data[length] != ':') return false;
    for (size_t i = 0; i < length; i++) {
        uint8_t c = source.data[i];
        scheme[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    scheme[length] = 0;
    return true;
}

static bool is_text(Bytes source) {
    for (size_t i = 0; i < source.length; i++) {
        if (source.data[i] < ' ' || source.data[i] == 0x7f) return false;
    }
    return true;
}

static bool has_loader(const char *scheme) {
    OSSL_STORE_LOADER *loader = OSSL_STORE_LOADER_fetch(NULL, scheme, NULL);
    OSSL_STORE_LOADER_free(loader);
    ERR_clear_error();
    return loader;
}

static bool is_of_token(const char *scheme) {
    return !strcmp(scheme, "pkcs11") || !strcmp(scheme, "tpm2") || !strcmp(scheme, "handle");
}

bool stored_key_is_uri(Bytes source) {
    char scheme[MAX_SCHEME];
    return read_scheme(source, scheme) && is_text(source) &&
           (is_of_token(scheme) || has_loader(scheme));
}

/* --- the PIN --- */

typedef struct Pin {
    Bytes password;
    bool asked;
} Pin;

static int give_pin(char *into, int room, int writing, void *arg) {
    (void)writing;
    Pin *pin = arg;
    pin->asked = true;
    if (!pin->password.data || pin->password.length > (size_t)room) return -1;
    memcpy(into, pin->password.data, pin->password.length);
    return (int)pin->password.length;
}

/* --- providers --- */

static void write_query(const OSSL_PROVIDER *provider, char query[STORED_KEY_QUERY]) {
    snprintf(query, STORED_KEY_QUERY, "provider=%s", OSSL_PROVIDER_get0_name(provider));
}

void stored_key_query(const EVP_PKEY *key, char query[STORED_KEY_QUERY]) {
    const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);
    *query = 0;
    if (provider) write_query(provider, query);
}

/* A provider may ask by itself, at any use of a key. An empty PIN would count as a wrong one. */
static int refuse_to_ask(UI *ui, UI_STRING *prompt) {
    (void)ui, (void)prompt;
    return 0;
}

static CRYPTO_ONCE silence_once = CRYPTO_ONCE_STATIC_INIT;
static bool is_silent;

static void silence_terminal(void) {
    UI_METHOD *method = UI_create_method("jsec asks no terminal");
    if (!method || UI_method_set_reader(method, refuse_to_ask)) return;
    UI_set_default_method(method);
    is_silent = true;
}

/* --- public halves --- */

EVP_PKEY *stored_key_public_half(const EVP_PKEY *key, Failure *failure) {
    OSSL_PARAM *params = NULL;
    EVP_PKEY *half = NULL;
    const char *type = EVP_PKEY_get0_type_name(key);
    ERR_clear_error();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, "?provider=default");
    bool made = context && EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params) &&
                EVP_PKEY_fromdata_init(context) > 0 &&
                EVP_PKEY_fromdata(context, &half, EVP_PKEY_PUBLIC_KEY, params) > 0;
    if (!made) failure_openssl(failure, "the key's store does not give its public half");
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(context);
    return half;
}

static bool is_same(const EVP_PKEY *a, const EVP_PKEY *b) {
    Failure ignored;
    EVP_PKEY *half = stored_key_public_half(a, &ignored);
    EVP_PKEY *other = half ? stored_key_public_half(b, &ignored) : NULL;
    bool same = other && EVP_PKEY_eq(half, other) == 1;
    EVP_PKEY_free(half);
    EVP_PKEY_free(other);
    return same;
}

/* --- loading --- */

/* The first key of that kind, and how many there are. */
static EVP_PKEY *load_first(OSSL_STORE_CTX *store, bool is_private, int *count) {
    EVP_PKEY *first = NULL;
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (!info) {
            if (OSSL_STORE_error(store)) break;
            continue;
        }
        EVP_PKEY *key =
            is_private ? OSSL_STORE_INFO_get1_PKEY(info) : OSSL_STORE_INFO_get1_PUBKEY(info);
        OSSL_STORE_INFO_free(info);
        /* Providers copy a token's key into a session, and list the copy as well. */
        *count += key && !(first && is_same(first, key));
        if (first) {
            EVP_PKEY_free(key);
        } else {
            first = key;
        }
    }
    return first;
}

/* The provider that has the scheme. */
static void find_query(const char *uri, char query[STORED_KEY_QUERY]) {
    char scheme[MAX_SCHEME];
    Bytes source = {(const uint8_t *)uri, strlen(uri)};
    *query = 0;
    if (!read_scheme(source, scheme)) return;
    OSSL_STORE_LOADER *loader = OSSL_STORE_LOADER_fetch(NULL, scheme, NULL);
    if (loader) write_query(OSSL_STORE_LOADER_get0_provider(loader), query);
    OSSL_STORE_LOADER_free(loader);
}

static EVP_PKEY *load_key(const char *uri, bool is_private, UI_METHOD *method, Pin *pin,
                          int *count) {
    int wanted = is_private ? OSSL_STORE_INFO_PKEY : OSSL_STORE_INFO_PUBKEY;
    *count = 0;
    char query[STORED_KEY_QUERY];
    find_query(uri, query);
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, NULL, query, method, pin, NULL, NULL, NULL);
    EVP_PKEY *key =
        store && OSSL_STORE_expect(store, wanted) ? load_first(store, is_private, count) : NULL;
    OSSL_STORE_close(store);
    return key;
}

static bool explain_none(Bytes uri, const Pin *pin, Failure *failure) {
    char scheme[MAX_SCHEME];
    if (read_scheme(uri, scheme) && !has_loader(scheme)) {
        return failure_set(
            failure,
            "no provider of OpenSSL is active that has keys of \"%s:\": activate one "
            "in openssl.cnf",
            scheme);
    }
    if (pin->asked && !pin->password.data) {
        ERR_clear_error();
        return failure_set(failure, "the key's store asks for a PIN: give it as :password");
    }
    bool explained = ERR_peek_error();
    failure_openssl(failure, "no key from its store");
    return explained ||
           failure_set(failure, "the key's store has no key of that URI, or not for this PIN");
}

static EVP_PKEY *check_count(EVP_PKEY *key, int count, Bytes uri, const Pin *pin,
                             Failure *failure) {
    if (count == 1) {
        ERR_clear_error();
        return key;
    }
    EVP_PKEY_free(key);
    if (count) {
        failure_set(failure, "the URI stands for %d keys of its store: name one, by its id, say",
                    count);
    } else {
        explain_none(uri, pin, failure);
    }
    return NULL;
}

/* OpenSSL takes NUL-terminated text. */
static char *copy_uri(Bytes uri) {
    return OPENSSL_strndup((const char *)uri.data, uri.length);
}

static EVP_PKEY *load_with(const char *text, bool is_private, Pin *pin, int *count) {
    UI_METHOD *method = UI_UTIL_wrap_read_pem_callback(give_pin, 0);
    if (!method) return NULL;
    EVP_PKEY *key = load_key(text, is_private, method, pin, count);
    /* Where only the private object is named, it has the public half. */
    if (!key && !is_private) key = load_key(text, true, method, pin, count);
    UI_destroy_method(method);
    return key;
}

EVP_PKEY *stored_key_load(Bytes uri, Bytes password, bool is_private, Failure *failure) {
    Pin pin = {password, false};
    int count = 0;
    ERR_clear_error();
    if (!CRYPTO_THREAD_run_once(&silence_once, silence_terminal) || !is_silent) {
        failure_openssl(failure, "no key from its store");
        return NULL;
    }
    char *text = copy_uri(uri);
    EVP_PKEY *key = text ? load_with(text, is_private, &pin, &count) : NULL;
    if (text) OPENSSL_clear_free(text, uri.length);
    return check_count(key, count, uri, &pin, failure);
}

bool stored_key_stays(const EVP_PKEY *key) {
    static const char *const own[] = {"default", "base", "fips", "legacy"};
    const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);
    const char *name = provider ? OSSL_PROVIDER_get0_name(provider) : "default";
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (!strcmp(name, own[i])) return false;
    }
    return true;
}

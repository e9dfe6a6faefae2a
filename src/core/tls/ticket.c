#include "core/tls/ticket.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/tls1.h>
#include <string.h>

#define NAME_LENGTH 16

typedef struct TicketKey {
    uint8_t name[NAME_LENGTH], hmac[32], aes[32];
    size_t hmac_length, aes_length; /* 16 and 16, or 32 and 32 */
} TicketKey;

typedef struct TicketKeys {
    CRYPTO_RWLOCK *lock; /* contexts are shared by threads, and keys are rotated */
    EVP_CIPHER *aes128, *aes256;
    TicketKey list[MAX_TICKET_KEYS];
    size_t count;
    bool rotated; /* replaced after the context was made */
} TicketKeys;

static int keys_index = -1;
static CRYPTO_ONCE keys_once = CRYPTO_ONCE_STATIC_INIT;

static void free_keys(void *owner, void *pointer, CRYPTO_EX_DATA *data, int index, long number,
                      void *arg) {
    (void)owner, (void)data, (void)index, (void)number, (void)arg;
    TicketKeys *keys = pointer;
    if (!keys) return;
    CRYPTO_THREAD_lock_free(keys->lock);
    EVP_CIPHER_free(keys->aes128);
    EVP_CIPHER_free(keys->aes256);
    OPENSSL_clear_free(keys, sizeof *keys);
}

static void make_keys_index(void) {
    keys_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_keys);
}

static TicketKeys *new_keys(void) {
    TicketKeys *keys = OPENSSL_zalloc(sizeof *keys);
    if (!keys) return NULL;
    keys->lock = CRYPTO_THREAD_lock_new();
    keys->aes128 = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
    keys->aes256 = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (keys->lock && keys->aes128 && keys->aes256) return keys;
    free_keys(NULL, keys, NULL, 0, 0, NULL);
    return NULL;
}

/* nginx's layout: 16 + 16 + 16 bytes are name, HMAC and AES key; 16 + 32 + 32 likewise. */
static void split_key(TicketKey *key, const uint8_t *bytes, size_t length) {
    key->hmac_length = key->aes_length = (length - NAME_LENGTH) / 2;
    memcpy(key->name, bytes, NAME_LENGTH);
    memcpy(key->hmac, bytes + NAME_LENGTH, key->hmac_length);
    memcpy(key->aes, bytes + NAME_LENGTH + key->hmac_length, key->aes_length);
}

static bool split_keys(TicketKey *made, const Bytes *list, size_t count, Failure *failure) {
    if (!count || count > MAX_TICKET_KEYS) {
        return failure_set(failure, ":ticket-keys: expected 1 to %d keys, got %zu", MAX_TICKET_KEYS,
                           count);
    }
    for (size_t i = 0; i < count; i++) {
        if (list[i].length != 48 && list[i].length != 80) {
            return failure_set(failure, ":ticket-keys: a key has 48 or 80 bytes, got %zu",
                               list[i].length);
        }
        split_key(made + i, list[i].data, list[i].length);
    }
    return true;
}

static bool replace_keys(TicketKeys *keys, const TicketKey *made, size_t count) {
    if (!CRYPTO_THREAD_write_lock(keys->lock)) return false;
    OPENSSL_cleanse(keys->list, sizeof keys->list);
    memcpy(keys->list, made, count * sizeof *made);
    keys->count = count;
    return CRYPTO_THREAD_unlock(keys->lock);
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int sealing);

/* The context's keys; made if it has none yet. */
static TicketKeys *keys_of(SSL_CTX *context) {
    if (!CRYPTO_THREAD_run_once(&keys_once, make_keys_index)) return NULL;
    TicketKeys *keys = SSL_CTX_get_ex_data(context, keys_index);
    if (keys) return keys;
    keys = new_keys();
    if (keys && SSL_CTX_set_ex_data(context, keys_index, keys) &&
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket)) {
        return keys;
    }
    free_keys(NULL, keys, NULL, 0, 0, NULL);
    return NULL;
}

bool ticket_keys_set(SSL_CTX *context, const Bytes *list, size_t count, Failure *failure) {
    TicketKey made[MAX_TICKET_KEYS];
    if (!split_keys(made, list, count, failure)) return false;
    TicketKeys *keys = keys_of(context);
    bool set = keys && replace_keys(keys, made, count);
    OPENSSL_cleanse(made, sizeof made);
    return set || failure_openssl(failure, ":ticket-keys");
}

/* --- the keys of a successor --- */

bool ticket_keys_mark_rotated(SSL_CTX *context) {
    TicketKeys *keys = keys_of(context);
    if (keys) keys->rotated = true;
    return keys;
}

static bool carry_given_keys(const TicketKeys *from, SSL_CTX *to) {
    TicketKeys *keys = keys_of(to);
    if (!keys || !replace_keys(keys, from->list, from->count)) return false;
    keys->rotated = from->rotated;
    return true;
}

/* The random ones that OpenSSL makes. */
static bool carry_random_keys(SSL_CTX *from, SSL_CTX *to) {
    uint8_t keys[128];
    long length = SSL_CTX_get_tlsext_ticket_keys(from, NULL, 0);
    bool carried = length > 0 && (size_t)length <= sizeof keys &&
                   SSL_CTX_get_tlsext_ticket_keys(from, keys, length) &&
                   SSL_CTX_set_tlsext_ticket_keys(to, keys, length);
    OPENSSL_cleanse(keys, sizeof keys);
    return carried;
}

static TicketKeys *given_keys(const SSL_CTX *context) {
    bool ready = CRYPTO_THREAD_run_once(&keys_once, make_keys_index);
    return ready ? SSL_CTX_get_ex_data(context, keys_index) : NULL;
}

bool ticket_keys_carry(SSL_CTX *from, SSL_CTX *to, bool again, Failure *failure) {
    const TicketKeys *before = given_keys(from);
    bool newer = again && before && before->rotated;
    if (given_keys(to) && !newer) return true;
    bool carried = before ? carry_given_keys(before, to) : carry_random_keys(from, to);
    return carried || failure_openssl(failure, "ticket keys");
}

/* --- reading and using --- */

bool ticket_key_source(Bytes source, PemSource *owned, Bytes *key, Failure *failure) {
    *owned = (PemSource){NULL, 0};
    *key = source;
    /* A path may have 48 characters; the bytes of a key name no file. */
    if (pem_file(source, owned, failure)) {
        *key = (Bytes){owned->bytes, owned->length};
        return true;
    }
    if (source.length == 48 || source.length == 80) return true;
    return failure_prefix(failure, ":ticket-keys: expected 48 or 80 bytes, or a file of them");
}

static int begin_mac(EVP_MAC_CTX *mac, TicketKey *key) {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->hmac, key->hmac_length),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, parameters);
}

static int find_key(const TicketKeys *keys, const uint8_t *name) {
    for (size_t i = 0; i < keys->count; i++) {
        if (!memcmp(keys->list[i].name, name, NAME_LENGTH)) return (int)i;
    }
    return -1;
}

/* Returns what OpenSSL expects. -1: failed; 0: unknown key, so a full handshake follows;
 * 1: success; 2: success, and the client gets a new ticket. */
static int begin_ticket(TicketKeys *keys, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher,
                        EVP_MAC_CTX *mac, int sealing) {
    int index = sealing ? 0 : find_key(keys, name);
    if (index < 0) return 0;
    TicketKey *key = keys->list + index;
    const EVP_CIPHER *algorithm = key->aes_length == 16 ? keys->aes128 : keys->aes256;
    if (sealing) {
        memcpy(name, key->name, NAME_LENGTH);
        if (RAND_bytes(iv, 16) != 1) return -1;
    }
    if (!EVP_CipherInit_ex2(cipher, algorithm, key->aes, iv, sealing, NULL)) return -1;
    if (!begin_mac(mac, key)) return -1;
    return index ? 2 : 1;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int sealing) {
    /* The context that the connection started with: a virtual host replaces it. */
    const SSL_CTX *base = SSL_get_app_data(ssl);
    TicketKeys *keys = SSL_CTX_get_ex_data(base ? base : SSL_get_SSL_CTX(ssl), keys_index);
    if (!keys || !CRYPTO_THREAD_read_lock(keys->lock)) return -1;
    int outcome = begin_ticket(keys, name, iv, cipher, mac, sealing);
    CRYPTO_THREAD_unlock(keys->lock);
    return outcome;
}

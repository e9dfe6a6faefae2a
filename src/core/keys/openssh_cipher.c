#include "core/keys/openssh_cipher.h"

#include "core/keys/bcrypt.h"
#include "core/keys/ssh_wire.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define ROUNDS 24 /* OpenSSH's default */
#define SALT_LENGTH 16
#define MAX_KEY_LENGTH 48 /* with the IV */
#define CURE "decrypt a copy with `ssh-keygen -p -N \"\"`"

typedef struct CipherName {
    const char *ssh, *fetch; /* OpenSSL's name */
    size_t key_length, iv_length, tag_length;
} CipherName;

static const CipherName ciphers[] = {
    {OPENSSH_CIPHER, "AES-256-CTR", 32, 16, 0},
    {"aes192-ctr", "AES-192-CTR", 24, 16, 0},
    {"aes128-ctr", "AES-128-CTR", 16, 16, 0},
    {"aes256-cbc", "AES-256-CBC", 32, 16, 0},
    {"aes192-cbc", "AES-192-CBC", 24, 16, 0},
    {"aes128-cbc", "AES-128-CBC", 16, 16, 0},
    {"aes256-gcm@openssh.com", "AES-256-GCM", 32, 12, 16},
    {"aes128-gcm@openssh.com", "AES-128-GCM", 16, 12, 16},
};

static const CipherName *find_cipher(Bytes name) {
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        if (ssh_is_text(name, ciphers[i].ssh)) return ciphers + i;
    }
    return NULL;
}

/* The IV follows the key. */
static bool run_cipher(const CipherName *row, const uint8_t *key, bool encrypts, Bytes tag,
                       Bytes part, uint8_t *out) {
    int first = 0, last = 0;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, row->fetch, NULL);
    EVP_CIPHER_CTX *context = cipher ? EVP_CIPHER_CTX_new() : NULL;
    bool done =
        context &&
        EVP_CipherInit_ex2(context, cipher, key, key + row->key_length, encrypts, NULL) &&
        EVP_CIPHER_CTX_set_padding(context, 0) &&
        (!row->tag_length || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, (int)tag.length,
                                                 (void *)(uintptr_t)tag.data)) &&
        EVP_CipherUpdate(context, out, &first, part.data, (int)part.length) &&
        EVP_CipherFinal_ex(context, out + first, &last);
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
    return done;
}

static bool check_names(const OpensshSealed *sealed, const CipherName *row, Failure *failure) {
    if (!bcrypt_is_offered()) {
        return failure_set(failure, "not a usable OpenSSH key: its encryption needs Blowfish, "
                                    "which this OpenSSL lacks: " CURE);
    }
    if (!row || !ssh_is_text(sealed->kdf, "bcrypt")) {
        return failure_set(failure, "not a usable OpenSSH key: it is encrypted by a cipher that is "
                                    "not supported: " CURE);
    }
    bool fits =
        sealed->part.length % OPENSSH_CIPHER_BLOCK == 0 && sealed->tag.length == row->tag_length;
    return fits || failure_set(failure, "not a usable OpenSSH key: damaged");
}

bool openssh_decrypt(const OpensshSealed *sealed, Bytes password, uint8_t *out, Failure *failure) {
    uint8_t key[MAX_KEY_LENGTH];
    Bytes options = sealed->kdf_options, salt;
    uint32_t rounds;
    const CipherName *row = find_cipher(sealed->cipher);
    if (!check_names(sealed, row, failure)) return false;
    if (!ssh_take_string(&options, &salt) || !ssh_take_uint32(&options, &rounds) || !rounds) {
        return failure_set(failure, "not a usable OpenSSH key: damaged");
    }
    size_t length = row->key_length + row->iv_length;
    if (!bcrypt_derive(password, salt, rounds, key, length, failure)) return false;
    bool done = run_cipher(row, key, false, sealed->tag, sealed->part, out);
    OPENSSL_cleanse(key, sizeof key);
    ERR_clear_error();
    return done || failure_set(failure, "private key is encrypted: wrong password or damaged key");
}

bool openssh_encrypt(Bytes password, uint8_t *part, size_t length, BIO *kdf_options,
                     Failure *failure) {
    uint8_t key[MAX_KEY_LENGTH], bytes[SALT_LENGTH];
    Bytes salt = {bytes, sizeof bytes}, none = {NULL, 0}, plain = {part, length};
    const CipherName *row = ciphers;
    if (!bcrypt_is_offered()) {
        return failure_set(failure, "key not encrypted: OpenSSH's form needs Blowfish, which this "
                                    "OpenSSL lacks: encrypt the file with `ssh-keygen -p`");
    }
    bool done = RAND_bytes(bytes, sizeof bytes) == 1 && ssh_put_string(kdf_options, salt) &&
                ssh_put_uint32(kdf_options, ROUNDS);
    if (!done) return failure_openssl(failure, "key not encrypted");
    if (!bcrypt_derive(password, salt, ROUNDS, key, row->key_length + row->iv_length, failure)) {
        return false;
    }
    done = run_cipher(row, key, true, none, plain, part);
    OPENSSL_cleanse(key, sizeof key);
    return done || failure_openssl(failure, "key not encrypted");
}

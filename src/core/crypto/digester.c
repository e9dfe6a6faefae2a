#include "core/crypto/digester.h"

#include <openssl/err.h>

static bool has_own_length(const EVP_MD *md) {
    return !(EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF);
}

static bool close_failed(Digester *digester, const char *what, Failure *failure) {
    digester_close(digester);
    return failure_openssl(failure, "%s", what);
}

bool digester_open(Digester *digester, const EVP_MD *md, size_t length, Failure *failure) {
    *digester = (Digester){.hash = EVP_MD_CTX_new(), .length = length};
    if (digester->hash && EVP_DigestInit_ex2(digester->hash, md, NULL)) return true;
    return close_failed(digester, "no digest", failure);
}

bool digester_open_hmac(Digester *digester, const DigestRow *row, Bytes key, Failure *failure) {
    size_t length = (size_t)EVP_MD_get_size(algorithms_md(row));
    *digester = (Digester){.mac = algorithms_take_hmac(row, failure), .length = length};
    if (!digester->mac) return false;
    if (EVP_MAC_init(digester->mac, key.data, key.length, NULL)) return true;
    return close_failed(digester, "no HMAC", failure);
}

bool digester_is_open(const Digester *digester) {
    return digester->hash || digester->mac;
}

bool digester_update(Digester *digester, Bytes data, Failure *failure) {
    int done = digester->hash ? EVP_DigestUpdate(digester->hash, data.data, data.length)
                              : EVP_MAC_update(digester->mac, data.data, data.length);
    return done || close_failed(digester, "no digest", failure);
}

static bool write_hash(EVP_MD_CTX *hash, uint8_t *out, size_t length) {
    return has_own_length(EVP_MD_CTX_get0_md(hash)) ? EVP_DigestFinal_ex(hash, out, NULL)
                                                    : EVP_DigestFinalXOF(hash, out, length);
}

bool digester_finish(Digester *digester, uint8_t *out, Failure *failure) {
    size_t length = digester->length;
    bool done = digester->hash ? write_hash(digester->hash, out, length)
                               : EVP_MAC_final(digester->mac, out, &length, length);
    if (!done) return close_failed(digester, "no digest", failure);
    digester_close(digester);
    return true;
}

bool digester_copy(const Digester *digester, Digester *copy, Failure *failure) {
    *copy = (Digester){.length = digester->length};
    if (digester->mac) {
        copy->mac = EVP_MAC_CTX_dup(digester->mac);
        return copy->mac || failure_openssl(failure, "no copy");
    }
    copy->hash = EVP_MD_CTX_new();
    if (copy->hash && EVP_MD_CTX_copy_ex(copy->hash, digester->hash)) return true;
    return close_failed(copy, "no copy", failure);
}

void digester_close(Digester *digester) {
    EVP_MD_CTX_free(digester->hash);
    EVP_MAC_CTX_free(digester->mac);
    *digester = (Digester){NULL, NULL, 0};
}

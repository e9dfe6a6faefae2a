#include "core/tls/ja4.h"

#include "core/crypto/hex.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_DIGITS 12
#define MAX_SHOWN 99

/* --- the first part: version, counts, ALPN --- */

static const char *version_text(const HelloFacts *facts) {
    static const struct {
        uint16_t version;
        const char *text;
    } rows[] = {{TLS1_3_VERSION, "13"}, {TLS1_2_VERSION, "12"}, {TLS1_1_VERSION, "11"},
                {TLS1_VERSION, "10"},   {SSL3_VERSION, "s3"},   {DTLS1_2_VERSION, "d2"},
                {DTLS1_VERSION, "d1"}};
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        for (size_t i = 0; i < facts->versions.count; i++) {
            if (facts->versions.list[i] == rows[row].version) return rows[row].text;
        }
    }
    return "00";
}

static bool is_alphanumeric(uint8_t letter) {
    return (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= 'a' && letter <= 'z');
}

/* The first and last letter of the first protocol, or of its hexadecimal digits. */
static void write_alpn(Bytes alpn, char text[3]) {
    memcpy(text, "00", 3);
    if (!alpn.length) return;
    uint8_t first = alpn.data[1], last = alpn.data[alpn.data[0]];
    if (is_alphanumeric(first) && is_alphanumeric(last)) {
        snprintf(text, 3, "%c%c", first, last);
    } else {
        snprintf(text, 3, "%x%x", (unsigned)first >> 4, last & 15U);
    }
}

static int shown_count(Codes codes) {
    return codes.count > MAX_SHOWN ? MAX_SHOWN : (int)codes.count;
}

static bool has_code(Codes codes, uint16_t code) {
    for (size_t i = 0; i < codes.count; i++) {
        if (codes.list[i] == code) return true;
    }
    return false;
}

/* --- the hashes --- */

static int compare_codes(const void *a, const void *b) {
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* Append "002f,0035". */
static char *append_codes(char *at, Codes codes) {
    for (size_t i = 0; i < codes.count; i++) {
        uint8_t bytes[] = {(uint8_t)(codes.list[i] >> 8), (uint8_t)codes.list[i]};
        if (i) *at++ = ',';
        hex_encode((Bytes){bytes, sizeof bytes}, (uint8_t *)at);
        at += 2 * sizeof bytes;
    }
    return at;
}

/* Sorted, and without the extensions that depend on the host. */
static bool sort_codes(Codes codes, bool extensions, Codes *sorted) {
    sorted->count = 0;
    sorted->list = OPENSSL_malloc(codes.count * sizeof *codes.list + 1);
    if (!sorted->list) return false;
    for (size_t i = 0; i < codes.count; i++) {
        uint16_t code = codes.list[i];
        bool left_out = code == TLSEXT_TYPE_server_name ||
                        code == TLSEXT_TYPE_application_layer_protocol_negotiation;
        if (!extensions || !left_out) sorted->list[sorted->count++] = code;
    }
    qsort(sorted->list, sorted->count, sizeof *sorted->list, compare_codes);
    return true;
}

static EVP_MD *sha256; /* fetched once */
static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;

static void fetch_sha256(void) {
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static bool hash_text(const char *text, size_t length, char digits[HASH_DIGITS]) {
    uint8_t hash[EVP_MAX_MD_SIZE];
    memset(digits, '0', HASH_DIGITS);
    if (!length) return true;
    if (!CRYPTO_THREAD_run_once(&once, fetch_sha256) || !sha256) return false;
    if (!EVP_Digest(text, length, hash, NULL, sha256, NULL)) return false;
    hex_encode((Bytes){hash, HASH_DIGITS / 2}, (uint8_t *)digits);
    return true;
}

/* The hash of the sorted codes and of those that follow in their own order. */
static bool hash_codes(Codes codes, bool extensions, Codes after, char digits[HASH_DIGITS]) {
    Codes sorted;
    char *text = OPENSSL_malloc(5 * (codes.count + after.count) + 3);
    bool done = text && sort_codes(codes, extensions, &sorted);
    if (done) {
        char *end = append_codes(text, sorted);
        if (after.count && end > text) {
            *end++ = '_';
            end = append_codes(end, after);
        }
        done = hash_text(text, (size_t)(end - text), digits);
        OPENSSL_free(sorted.list);
    }
    OPENSSL_free(text);
    return done;
}

bool ja4_write(const HelloFacts *facts, bool datagram, char text[JA4_LENGTH + 1]) {
    static const Codes none = {NULL, 0};
    char alpn[3], ciphers[HASH_DIGITS], extensions[HASH_DIGITS];
    write_alpn(facts->alpn, alpn);
    if (!hash_codes(facts->ciphers, false, none, ciphers) ||
        !hash_codes(facts->extensions, true, facts->signatures, extensions)) {
        return false;
    }
    snprintf(text, JA4_LENGTH + 1, "%c%s%c%02d%02d%s_%.12s_%.12s", datagram ? 'd' : 't',
             version_text(facts), has_code(facts->extensions, TLSEXT_TYPE_server_name) ? 'd' : 'i',
             shown_count(facts->ciphers), shown_count(facts->extensions), alpn, ciphers,
             extensions);
    return true;
}

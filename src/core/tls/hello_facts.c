#include "core/tls/hello_facts.h"

#include "core/hostname.h"
#include "core/tls/ja4.h"

#include <openssl/crypto.h>
#include <string.h>

static bool is_grease(uint16_t code) {
    return (code & 0x0f0f) == 0x0a0a && code >> 8 == (code & 0xff);
}

/* --- pieces --- */

static Bytes find_extension(SSL *ssl, unsigned int type) {
    const unsigned char *bytes;
    size_t length;
    if (!SSL_client_hello_get0_ext(ssl, type, &bytes, &length)) return (Bytes){NULL, 0};
    return (Bytes){bytes, length};
}

/* The content of a vector that takes up all the bytes; its length has `size` bytes. */
static bool open_vector(Bytes *bytes, size_t size) {
    size_t length = 0;
    if (bytes->length < size) return false;
    for (size_t i = 0; i < size; i++) length = length << 8 | bytes->data[i];
    *bytes = (Bytes){bytes->data + size, bytes->length - size};
    return length == bytes->length;
}

static void add_code(Codes *codes, uint16_t code) {
    if (!is_grease(code)) codes->list[codes->count++] = code;
}

static bool read_codes(Bytes bytes, Codes *codes) {
    if (bytes.length % 2) return false;
    codes->list = OPENSSL_malloc(bytes.length + 1);
    if (!codes->list) return false;
    for (size_t i = 0; i < bytes.length; i += 2) {
        add_code(codes, (uint16_t)(bytes.data[i] << 8 | bytes.data[i + 1]));
    }
    return true;
}

/* An extension that is absent gives no codes. */
static bool read_list(SSL *ssl, unsigned int type, size_t size, Codes *codes) {
    Bytes bytes = find_extension(ssl, type);
    return !bytes.data || (open_vector(&bytes, size) && read_codes(bytes, codes));
}

/* The same form as SNI and ALPN have: no empty names, and nothing after the last one. */
static bool is_name_list(Bytes bytes) {
    size_t at = 0;
    while (at < bytes.length && bytes.data[at]) at += 1 + (size_t)bytes.data[at];
    return bytes.length && at == bytes.length;
}

static bool read_alpn(SSL *ssl, HelloFacts *facts) {
    Bytes bytes = find_extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation);
    if (!bytes.data) return true;
    if (!open_vector(&bytes, 2) || !is_name_list(bytes)) return false;
    facts->alpn = (Bytes){OPENSSL_memdup(bytes.data, bytes.length), bytes.length};
    return facts->alpn.data;
}

static bool read_ciphers(SSL *ssl, HelloFacts *facts) {
    const unsigned char *bytes;
    size_t length = SSL_client_hello_get0_ciphers(ssl, &bytes);
    return read_codes((Bytes){bytes, length}, &facts->ciphers);
}

/* Skip a vector whose length has `size` bytes. */
static bool skip_vector(Bytes *bytes, size_t size) {
    size_t length = 0;
    if (bytes->length < size) return false;
    for (size_t i = 0; i < size; i++) length = length << 8 | bytes->data[i];
    if (length > bytes->length - size) return false;
    *bytes = (Bytes){bytes->data + size + length, bytes->length - size - length};
    return true;
}

/* In the message the extensions follow the version, random, session, cookie of DTLS, ciphers and
 * compression. */
static bool find_extensions(Bytes message, bool datagram, Bytes *extensions) {
    size_t before = (datagram ? DTLS1_HM_HEADER_LENGTH : SSL3_HM_HEADER_LENGTH) + 2 + 32;
    if (message.length < before) return false;
    *extensions = (Bytes){message.data + before, message.length - before};
    if (!skip_vector(extensions, 1) || (datagram && !skip_vector(extensions, 1)) ||
        !skip_vector(extensions, 2) || !skip_vector(extensions, 1))
        return false;
    return !extensions->length || open_vector(extensions, 2);
}

/* Of OpenSSL's own list, those are missing that it does not know. */
static bool read_extensions(Bytes message, bool datagram, HelloFacts *facts) {
    Bytes rest = {NULL, 0};
    if (message.data && !find_extensions(message, datagram, &rest)) return false;
    facts->extensions.list = OPENSSL_malloc(rest.length + 1); /* each takes four bytes */
    while (facts->extensions.list && rest.length) {
        if (rest.length < 4) return false;
        add_code(&facts->extensions, (uint16_t)(rest.data[0] << 8 | rest.data[1]));
        rest = (Bytes){rest.data + 2, rest.length - 2};
        if (!skip_vector(&rest, 2)) return false;
    }
    return facts->extensions.list;
}

/* Before TLS 1.3 the hello has its newest version alone. */
static bool read_versions(SSL *ssl, HelloFacts *facts) {
    if (!read_list(ssl, TLSEXT_TYPE_supported_versions, 1, &facts->versions)) return false;
    if (facts->versions.count) return true;
    uint16_t version = (uint16_t)SSL_client_hello_get0_legacy_version(ssl);
    OPENSSL_free(facts->versions.list);
    facts->versions.list = OPENSSL_memdup(&version, sizeof version);
    facts->versions.count = 1;
    return facts->versions.list;
}

/* A hello of TLS 1.3 has a session id even if it offers no session. */
static bool offers_session(SSL *ssl) {
    const unsigned char *id;
    if (find_extension(ssl, TLSEXT_TYPE_psk).data) return true;
    if (find_extension(ssl, TLSEXT_TYPE_session_ticket).length) return true;
    bool may_have_13 = find_extension(ssl, TLSEXT_TYPE_supported_versions).data;
    return !may_have_13 && SSL_client_hello_get0_session_id(ssl, &id) > 0;
}

/* --- the name --- */

/* A list of entries of type (0: host name), length and bytes, of which clients send one. */
bool hello_facts_name(SSL *ssl, char name[TLSEXT_MAXLEN_host_name + 1]) {
    Bytes bytes = find_extension(ssl, TLSEXT_TYPE_server_name);
    *name = 0;
    if (!bytes.data) return true;
    if (!open_vector(&bytes, 2) || !bytes.length || bytes.data[0] != TLSEXT_NAMETYPE_host_name)
        return false;
    bytes = (Bytes){bytes.data + 1, bytes.length - 1};
    if (!open_vector(&bytes, 2)) return false;
    if (bytes.length && bytes.data[bytes.length - 1] == '.') bytes.length--; /* the root's dot */
    if (bytes.length > TLSEXT_MAXLEN_host_name || !hostname_is_sound(bytes)) return false;
    memcpy(name, bytes.data, bytes.length);
    for (size_t i = 0; i < bytes.length; i++) {
        if (name[i] >= 'A' && name[i] <= 'Z') name[i] |= 0x20;
    }
    name[bytes.length] = 0;
    return true;
}

/* --- all --- */

static bool read_facts(SSL *ssl, Bytes message, HelloFacts *facts) {
    facts->offers_session = offers_session(ssl);
    return hello_facts_name(ssl, facts->server_name) && read_versions(ssl, facts) &&
           read_ciphers(ssl, facts) && read_extensions(message, SSL_is_dtls(ssl), facts) &&
           read_alpn(ssl, facts) &&
           read_list(ssl, TLSEXT_TYPE_supported_groups, 2, &facts->groups) &&
           read_list(ssl, TLSEXT_TYPE_signature_algorithms, 2, &facts->signatures) &&
           ja4_write(facts, SSL_is_dtls(ssl), facts->ja4);
}

HelloFacts *hello_facts_read(SSL *ssl, Bytes message, int *alert) {
    HelloFacts *facts = OPENSSL_zalloc(sizeof *facts);
    *alert = SSL_AD_DECODE_ERROR;
    if (facts && read_facts(ssl, message, facts)) return facts;
    hello_facts_free(facts);
    return NULL;
}

void hello_facts_free(HelloFacts *facts) {
    if (!facts) return;
    OPENSSL_free(facts->versions.list);
    OPENSSL_free(facts->ciphers.list);
    OPENSSL_free(facts->groups.list);
    OPENSSL_free(facts->signatures.list);
    OPENSSL_free(facts->extensions.list);
    OPENSSL_free((void *)(uintptr_t)facts->alpn.data);
    OPENSSL_free(facts);
}

/* --- names of numbers --- */

static const struct {
    uint16_t code;
    const char *name;
} signatures[] = {
    {0x0201, "rsa_pkcs1_sha1"},
    {0x0203, "ecdsa_sha1"},
    {0x0401, "rsa_pkcs1_sha256"},
    {0x0501, "rsa_pkcs1_sha384"},
    {0x0601, "rsa_pkcs1_sha512"},
    {0x0403, "ecdsa_secp256r1_sha256"},
    {0x0503, "ecdsa_secp384r1_sha384"},
    {0x0603, "ecdsa_secp521r1_sha512"},
    {0x0804, "rsa_pss_rsae_sha256"},
    {0x0805, "rsa_pss_rsae_sha384"},
    {0x0806, "rsa_pss_rsae_sha512"},
    {0x0807, "ed25519"},
    {0x0808, "ed448"},
    {0x0809, "rsa_pss_pss_sha256"},
    {0x080a, "rsa_pss_pss_sha384"},
    {0x080b, "rsa_pss_pss_sha512"},
};

const char *hello_facts_signature(uint16_t code) {
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        if (signatures[i].code == code) return signatures[i].name;
    }
    return NULL;
}

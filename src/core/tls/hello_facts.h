/* What a ClientHello says, copied out of it: OpenSSL shows it only while its callback runs. */
#ifndef JSEC_CORE_HELLO_FACTS_H
#define JSEC_CORE_HELLO_FACTS_H

#include "core/bytes.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* Numbers of two bytes, without the reserved ones of GREASE (RFC 8701). */
typedef struct Codes {
    uint16_t *list;
    size_t count;
} Codes;

#define JA4_LENGTH 36

typedef struct HelloFacts {
    char server_name[TLSEXT_MAXLEN_host_name + 1]; /* in lower case; empty: none */
    Codes versions, ciphers, groups, signatures, extensions;
    Bytes alpn;               /* in wire format, each name after its length */
    bool offers_session;      /* to resume it */
    char ja4[JA4_LENGTH + 1]; /* the fingerprint of FoxIO's JA4 */
} HelloFacts;

/* NULL, with an alert, when the hello is malformed. Only for a callback of the ClientHello; the
 * message is the whole one, or empty (a hello of SSLv2 has no extensions). */
HelloFacts *hello_facts_read(SSL *ssl, Bytes message, int *alert);

void hello_facts_free(HelloFacts *facts);

/* Read the name that the client asks for, in lower case; empty: none. False: it is malformed. */
bool hello_facts_name(SSL *ssl, char name[TLSEXT_MAXLEN_host_name + 1]);

/* The name of a signature algorithm (RFC 8446, 4.2.3); NULL: unknown. */
const char *hello_facts_signature(uint16_t code);

#endif

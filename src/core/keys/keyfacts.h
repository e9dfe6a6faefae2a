/* What a key is: its type, size and curve. */
#ifndef JSEC_CORE_KEYFACTS_H
#define JSEC_CORE_KEYFACTS_H

#include <openssl/evp.h>

typedef struct KeyFacts {
    char type[32];  /* "rsa", "ec", "ed25519" …; "" when not known */
    char curve[64]; /* OpenSSL's name ("prime256v1"); "" for a key without one */
    int bits;       /* 0 when not known */
} KeyFacts;

/* Leaves no OpenSSL error behind. */
void keyfacts_of(const EVP_PKEY *key, KeyFacts *facts);

/* The type only, from the object of an algorithm identifier: "rsaEncryption" is "rsa". */
void keyfacts_of_algorithm(const ASN1_OBJECT *algorithm, KeyFacts *facts);

#define KEYFACTS_FINGERPRINT_SIZE 64

/* "sha256//" and the Base64 of the SHA-256 of the SubjectPublicKeyInfo, as :pins has it; "" when
 * out of memory. */
void keyfacts_fingerprint(const EVP_PKEY *key, char fingerprint[KEYFACTS_FINGERPRINT_SIZE]);

#endif

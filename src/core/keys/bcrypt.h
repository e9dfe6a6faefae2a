/* bcrypt_pbkdf, the key derivation of OpenSSH's private keys, over OpenSSL's Blowfish and
 * SHA-512. */
#ifndef JSEC_CORE_BCRYPT_H
#define JSEC_CORE_BCRYPT_H

#include "core/bytes.h"
#include "core/failure.h"

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define BCRYPT_MAX_ROUNDS 1 /* keeps the fuzzer fast */
#else
#define BCRYPT_MAX_ROUNDS 1000 /* some 15 s; OpenSSH's default is 24 */
#endif

/* Does this OpenSSL have what it takes? */
bool bcrypt_is_offered(void);

/* Derives `length` bytes, at most 1024. Slow on purpose: not on the event loop. */
bool bcrypt_derive(Bytes password, Bytes salt, uint32_t rounds, uint8_t *key, size_t length,
                   Failure *failure);

#endif

/* What a password hash costs, and its computation. */
#ifndef JSEC_CORE_PASSWORD_H
#define JSEC_CORE_PASSWORD_H

#include "core/crypto/argon2.h"
#include "core/crypto/kdf.h"

typedef enum PasswordKind { PASSWORD_ARGON2, PASSWORD_SCRYPT, PASSWORD_PBKDF2 } PasswordKind;

typedef struct Pbkdf2Cost {
    const DigestRow *digest;
    uint32_t iterations;
} Pbkdf2Cost;

/* The member of its kind counts. */
typedef struct PasswordCost {
    PasswordKind kind;
    Argon2Cost argon2;
    ScryptCost scrypt;
    Pbkdf2Cost pbkdf2;
} PasswordCost;

/* What a stored hash may ask for. */
typedef struct PasswordLimits {
    double memory;       /* bytes at a time; all passes over them together: 8 times that */
    uint32_t iterations; /* of PBKDF2 */
} PasswordLimits;

/* Within the limits? A derivation of `length` bytes takes no memory before this was asked. */
bool password_check_cost(const PasswordCost *cost, size_t length, const PasswordLimits *limits,
                         Failure *failure);

/* Writes exactly `length` bytes. */
bool password_derive(const PasswordCost *cost, Bytes password, Bytes salt, uint8_t *out,
                     size_t length, Failure *failure);

#endif

/* Stored password hashes as text: the PHC string format, and the forms of passlib and Django for
 * PBKDF2. */
#ifndef JSEC_CORE_PHC_H
#define JSEC_CORE_PHC_H

#include "core/crypto/password.h"

#define PHC_MAX_SALT 64
#define PHC_MAX_HASH 64
#define PHC_MAX_TEXT 320

typedef struct PhcHash {
    PasswordCost cost;
    uint8_t salt[PHC_MAX_SALT], hash[PHC_MAX_HASH];
    size_t salt_length, hash_length;
    bool is_foreign; /* of passlib's or Django's form */
} PhcHash;

/* Strict: numbers without leading zeros, Base64 without padding or stray bits, each parameter once,
 * nothing behind the hash. The failure shows nothing of the text. */
bool phc_read(Bytes text, PhcHash *hash, Failure *failure);

/* Both write PHC's form and a NUL, and return the length. The first ends before the salt. */
size_t phc_write_cost(const PasswordCost *cost, char text[PHC_MAX_TEXT]);
size_t phc_write(const PhcHash *hash, char text[PHC_MAX_TEXT]);

#endif

/* JSON Web Keys (RFC 7517, 7518, 8037, 8812) as members with texts; reading and writing JSON is the
 * caller's part. */
#ifndef JSEC_CORE_JWK_H
#define JSEC_CORE_JWK_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/evp.h>

typedef enum JwkMember {
    JWK_KTY,
    JWK_CRV,
    JWK_X,
    JWK_Y,
    JWK_N,
    JWK_E,
    JWK_D,
    JWK_P,
    JWK_Q,
    JWK_DP,
    JWK_DQ,
    JWK_QI,
    JWK_K,
    JWK_OTH,
    JWK_MEMBERS
} JwkMember;

extern const char *const jwk_names[JWK_MEMBERS];

/* data NULL: there is no such member. */
typedef struct Jwk {
    Bytes members[JWK_MEMBERS];
} Jwk;

/* The caller frees the result with EVP_PKEY_free. NULL on failure, whose text shows no member's
 * value. */
EVP_PKEY *jwk_read(const Jwk *jwk, bool *is_private, Failure *failure);

/* The members of a key, the private ones only when asked for. The caller frees them with
 * jwk_free. */
bool jwk_write(const EVP_PKEY *key, bool with_private, Jwk *jwk, Failure *failure);

/* Cleanse and free what jwk_write made. */
void jwk_free(Jwk *jwk);

/* RFC 7638: the digest of the required members. `kty` may be "oct", too, whose k is hashed. */
bool jwk_thumbprint(const Jwk *jwk, const EVP_MD *md, uint8_t *digest, Failure *failure);

#endif

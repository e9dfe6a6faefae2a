/* What `sign` and `verify` share with signers and verifiers. */
#ifndef JSEC_CRYPTO_SIGN_H
#define JSEC_CRYPTO_SIGN_H

#include "base/options.h"
#include "core/crypto/signature.h"

/* The options of a scheme: digest, padding and so on. */
extern const OptionSet sign_scheme_options;
SignatureScheme sign_read_scheme(const char *function, const OptionSet *set, Janet given,
                                 Bytes *password);

/* The digest of an option, NULL if none was given; raises for one without a length of its own. */
const EVP_MD *sign_digest(const char *function, const DigestRow *row);

/* Sign or verify by a key and its settled scheme; return the signature, true or false, or raise.
 * Both take over the key. A slow signature is made on a worker while the fiber waits. */
Janet sign_data(const char *function, EVP_PKEY *key, const SignatureScheme *scheme, Bytes data);
Janet sign_verify(const char *function, EVP_PKEY *key, const SignatureScheme *scheme, Bytes data,
                  Bytes signature);

#endif

/* The arguments and options of encryption, in one piece or several. */
#ifndef JSEC_CRYPTO_CIPHER_ARGUMENTS_H
#define JSEC_CRYPTO_CIPHER_ARGUMENTS_H

#include "base/options.h"
#include "core/crypto/symmetric.h"

#include <janet.h>

extern const OptionSet cipher_options;

/* Cipher, key and nonce in the first slots, additional data in `aad_slot`, then options. Raises on
 * lengths that the cipher does not take. */
SymmetricSetup cipher_arguments_read(const char *function, int32_t argc, const Janet *argv,
                                     int32_t aad_slot);

/* The tag in a slot, of setup's length; NULL data where the cipher has none. */
Bytes cipher_arguments_tag(const char *function, const SymmetricSetup *setup, int32_t argc,
                           const Janet *argv, int32_t slot);

#endif

/* Decrypts keys whose encryption needs OpenSSL's legacy provider. */
#ifndef JSEC_CORE_LEGACY_KEY_H
#define JSEC_CORE_LEGACY_KEY_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/keys/encoding.h"

/* Is there an encrypted key in the PEM or DER? */
bool legacy_is_encrypted(Bytes data);

/* The DER of the decrypted key, PKCS#8 or traditional, for pem_free. */
bool legacy_decrypt_key(Bytes data, Bytes password, PemSource *plain, Failure *failure);

#endif

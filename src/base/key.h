/* Keys as values: an object that holds a parsed key, and arguments and options that take one or the
 * text of a key. */
#ifndef JSEC_BASE_KEY_H
#define JSEC_BASE_KEY_H

#include "base/options.h"
#include "core/keys/pem.h"

#include <janet.h>
#include <openssl/evp.h>

/* A key object takes over the bytes: DER of the key, PKCS#8 or SubjectPublicKeyInfo. It cleanses
 * them when it is collected. */
Janet key_object(PemSource *der, const EVP_PKEY *key, bool is_private);

/* The DER of a key object; NULL data for any other value. The view lasts as long as the value. */
Bytes key_object_der(Janet value);

/* A string, a buffer, or the DER of a key object. The error does not show the value. */
Bytes key_argument(const char *function, const Janet *argv, int32_t slot);

/* Parser for options: Bytes of the same. */
void key_option(const OptionSite *site, Janet value, void *field);

#endif

/* A digest or HMAC in pieces, as a Janet value with :update, :copy and :finish. */
#ifndef JSEC_CRYPTO_DIGEST_OBJECT_H
#define JSEC_CRYPTO_DIGEST_OBJECT_H

#include "core/crypto/digester.h"

#include <janet.h>

/* A closed digester in an object, for the caller to open. It is cleansed when it is collected. */
Digester *digest_object_new(void);

#endif

/* Names in name constraints (RFC 5280, 4.2.1.10): "DNS:example.com", "IP:10.0.0.0/8" … */
#ifndef JSEC_CORE_SUBTREE_H
#define JSEC_CORE_SUBTREE_H

#include "core/bytes.h"
#include "core/failure.h"

#include <openssl/x509v3.h>

/* The caller frees the result with GENERAL_NAME_free; NULL on failure. */
GENERAL_NAME *subtree_parse(Bytes text, Failure *failure);

#endif

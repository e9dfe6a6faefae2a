/* Compressed certificates in TLS 1.3 (RFC 8879), with OpenSSL 3.2 and later. */
#ifndef JSEC_CORE_COMPRESSION_H
#define JSEC_CORE_COMPRESSION_H

#include "core/tls/features.h"
#include "core/tls/settings.h"

/* After the certificates are set: compress them once, for all peers that accept it; or, if the
 * settings say so, neither send nor accept compressed ones. */
void compression_set(SSL_CTX *context, const ContextSettings *settings);

/* The algorithms of the OpenSSL in use, by their names in RFC 8879. */
void compression_algorithms(FeatureVisitor visit, void *arg);

#endif

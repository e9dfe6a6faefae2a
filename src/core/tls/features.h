/* The features of this process's OpenSSL, found by trying each. */
#ifndef JSEC_CORE_FEATURES_H
#define JSEC_CORE_FEATURES_H

#include <stdbool.h>

/* Called for each name, the preferred first where there is an order. */
typedef void (*FeatureVisitor)(void *arg, const char *name);

/* Names for :min-version, :curves, :ciphers (TLS 1.2) and :ciphersuites (TLS 1.3), and the IANA's
 * names of signature algorithms. */
void features_protocols(FeatureVisitor visit, void *arg);
void features_groups(FeatureVisitor visit, void *arg);
void features_ciphers(FeatureVisitor visit, void *arg);
void features_ciphersuites(FeatureVisitor visit, void *arg);
void features_signatures(FeatureVisitor visit, void *arg);

/* Is there a group with ML-KEM (FIPS 203), which resists quantum computers? */
bool features_post_quantum(void);

#endif

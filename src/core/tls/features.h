/* What the OpenSSL of this process can do, found out by trying. */
#ifndef JSEC_CORE_FEATURES_H
#define JSEC_CORE_FEATURES_H

#include <stdbool.h>

/* Told each name, the preferred first where there is such an order. */
typedef void (*FeatureTold)(void *arg, const char *name);

void features_protocols(FeatureTold told, void *arg); /* as :min-version takes them */
void features_groups(FeatureTold told, void *arg);    /* as :curves takes them */
void features_ciphers(FeatureTold told, void *arg);   /* of TLS 1.2, as :ciphers takes them */
void features_ciphersuites(FeatureTold told,
                           void *arg);                 /* of TLS 1.3, as :ciphersuites takes them */
void features_signatures(FeatureTold told, void *arg); /* by the names of the IANA's registry */

/* Is there a group of ML-KEM (FIPS 203), which an attack by a quantum computer does not break? */
bool features_post_quantum(void);

#endif

/* Which extensions of a certificate or request break the rules (RFC 5280, 4.2). */
#ifndef JSEC_CORE_FAULTS_H
#define JSEC_CORE_FAULTS_H

#include "core/failure.h"
#include "core/pki/x509info.h"

#include <openssl/x509v3.h>

/* NULL stands for no extensions. */
typedef const STACK_OF(X509_EXTENSION) * ExtensionList;

typedef struct ExtensionFault {
    char name[128]; /* OpenSSL's, or the dotted OID */
    bool doubled;   /* it occurs a second time; else its value can't be read */
} ExtensionFault;

/* The first fault; false if there is none. An extension that does not matter for verification may
 * hold anything, but may not occur twice either. Leaves no error in OpenSSL's queue. */
bool faults_first(ExtensionList all, ExtensionFault *fault);

/* Fails with the first fault, with more than 256 extensions, or when out of memory. */
bool faults_check(ExtensionList all, Failure *failure);

/* The names of all with a fault. */
void faults_list(Pool *pool, ExtensionList all, InfoNames *names);

/* Is there a fault that OpenSSL's own check overlooks: an extension that occurs twice, bytes that
 * follow its value, or more than 256 of them? */
bool faults_overlooked(ExtensionList all);

#endif

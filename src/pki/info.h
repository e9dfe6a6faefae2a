/* The content of certificates as Janet structs. */
#ifndef JSEC_PKI_INFO_H
#define JSEC_PKI_INFO_H

#include "core/pki/attribute.h"
#include "core/pki/x509info.h"

#include <janet.h>

/* The struct of cert/parse. */
Janet info_certificate(const X509Info *info);

/* The parts that requests and keys have too. */
Janet info_asn1_version(int64_t version); /* nil: out of range */
Janet info_name(const InfoNames *names);
Janet info_alternatives(const InfoNames *names);
Janet info_extensions(const InfoExtensions *extensions);
bool info_has_fault(const InfoNames *malformed, const char *name);
Janet info_malformed(const InfoNames *names); /* nil where there are none */
Janet info_attributes(const Attribute *attributes, size_t count);
Janet info_bytes(Bytes bytes);
void info_key(JanetTable *into, const KeyFacts *facts, const char *type, const char *bits,
              const char *curve);

#endif

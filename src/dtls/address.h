/* Addresses of peers, as Janet has them: values, which compare, hash, and can be a table's key. */
#ifndef JSEC_DTLS_ADDRESS_H
#define JSEC_DTLS_ADDRESS_H

#include "net/endpoint.h"

#include <janet.h>

Janet address_new(const Endpoint *endpoint);

/* What a value names: an address object, or a tuple of host (numeric) and port. False: neither. */
bool address_endpoint(Janet value, Endpoint *endpoint);

/* [host port], as core tells names. */
Janet address_tuple(const Endpoint *endpoint);

#endif

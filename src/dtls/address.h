/* Addresses of peers as Janet values, which compare, hash, and can be a table's key. */
#ifndef JSEC_DTLS_ADDRESS_H
#define JSEC_DTLS_ADDRESS_H

#include "net/endpoint.h"

#include <janet.h>

Janet address_new(const Endpoint *endpoint);

/* Convert an address object, or a tuple of numeric host and port. False: it is neither. */
bool address_endpoint(Janet value, Endpoint *endpoint);

/* [host port], as net/localname returns it. */
Janet address_tuple(const Endpoint *endpoint);

#endif

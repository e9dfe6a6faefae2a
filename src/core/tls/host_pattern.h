/* Names of virtual hosts: a host name, or "*" for its first label. */
#ifndef JSEC_CORE_HOST_PATTERN_H
#define JSEC_CORE_HOST_PATTERN_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/hostname.h"

/* Check that a client can ask for such a host by SNI. Returns the name without a final dot. Returns
 * no data on failure, with the reason and the cure. */
Bytes host_pattern(Bytes name, Failure *failure);

#endif

/* The data types of SSH (RFC 4251, section 5), which its keys and signatures consist of. */
#ifndef JSEC_CORE_SSH_WIRE_H
#define JSEC_CORE_SSH_WIRE_H

#include "core/bytes.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <stdbool.h>

/* Remove a value from the beginning of `rest`. False when it does not fit. */
bool ssh_take_uint32(Bytes *rest, uint32_t *value);
bool ssh_take_string(Bytes *rest, Bytes *string);

/* A number above zero: big-endian, without leading zeros. */
bool ssh_take_number(Bytes *rest, Bytes *number);

/* Append a value. False when out of memory. */
bool ssh_put_uint32(BIO *into, uint32_t value);
bool ssh_put_string(BIO *into, Bytes string);
bool ssh_put_text(BIO *into, const char *text);
bool ssh_put_number(BIO *into, const BIGNUM *number);

bool ssh_is_text(Bytes bytes, const char *text);

/* What was appended. The view lasts until more is. */
Bytes ssh_written(BIO *from);

#endif

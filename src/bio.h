/* Memory BIOs as Janet values: two of them carry a TLS connection without a socket. */
#ifndef JSEC_BIO_H
#define JSEC_BIO_H

#include <janet.h>
#include <openssl/bio.h>

typedef struct Bio Bio;

/* The value's Bio, or NULL when it is something else. It lives as long as the Janet value. */
Bio *bio_of(Janet value);

/* OpenSSL's BIO for BIO_read and BIO_write, on the thread of the VM that made it; NULL once it is
 * closed. Borrowed: take a reference with BIO_up_ref to keep it. */
BIO *bio_memory(Bio *bio);

/* Call on_write(arg) after each bio/write and once when it is closed, from within these functions:
 * it may schedule fibers, but neither raise nor call back into Janet code. `owner` is kept alive by
 * the Bio. A NULL on_write takes the hook away. */
void bio_hook(Bio *bio, void (*on_write)(void *arg), void *arg, Janet owner);

/* What bio/write does after it has written: for C code that writes to bio_memory itself. */
void bio_wrote(Bio *bio);

#endif

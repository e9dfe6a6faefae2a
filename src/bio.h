/* Memory BIOs as Janet values: two of them carry a TLS connection without a socket. */
#ifndef JSEC_BIO_H
#define JSEC_BIO_H

#include <janet.h>
#include <openssl/bio.h>
#include <stdbool.h>

typedef struct Bio Bio;

/* The value's Bio, or NULL when it is something else. It lives as long as the Janet value. */
Bio *bio_of(Janet value);

/* OpenSSL's BIO for BIO_read and BIO_write, on the thread of the VM that made it; NULL once it is
 * closed. Borrowed: take a reference with BIO_up_ref to keep it. */
BIO *bio_memory(Bio *bio);

/* Call on_change(arg) after each write, and when the Bio ends or is closed. It may schedule fibers,
 * but must neither raise nor call Janet code. The Bio keeps `owner` alive. A NULL on_change removes
 * the hook. */
void bio_hook(Bio *bio, void (*on_change)(void *arg), void *arg, Janet owner);

/* After C code has written to bio_memory: call the hook, and wake the fibers in bio/wait. */
void bio_changed(Bio *bio);

/* No more input follows; what is there is still read. */
void bio_end(Bio *bio);

/* What writes to a Bio, and ends it when it is collected: fibers in bio/wait would wait for ever.
 * NULL when out of memory. A Bio has one writer, the last one. */
typedef struct BioWriter BioWriter;
BioWriter *bio_add_writer(Bio *bio);
void bio_remove_writer(BioWriter *writer);
void bio_lose_writer(BioWriter *writer); /* for finalizers, which may run after the Bio's */

bool bio_has_ended(const Bio *bio);

/* Has it ended (or was it closed), and everything been read? */
bool bio_is_drained(const Bio *bio);

#endif

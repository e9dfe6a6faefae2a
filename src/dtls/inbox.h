/* Plaintext of a server's peers that waits for recv-from, in the order of arrival. Its size is
 * limited like a kernel's socket buffer; messages beyond the limit are dropped. */
#ifndef JSEC_DTLS_INBOX_H
#define JSEC_DTLS_INBOX_H

#include <janet.h>

typedef struct Message {
    struct Message *next;
    Janet address;
    uint64_t number; /* of its arrival */
    int32_t length;
    uint8_t bytes[];
} Message;

typedef struct Inbox {
    Message *first, **last;
    size_t size; /* bytes, the messages' own fields included */
} Inbox;

void inbox_init(Inbox *inbox);

/* Copy a message to the end, unless the inbox is full. */
void inbox_add(Inbox *inbox, Janet address, uint64_t number, const uint8_t *bytes, size_t length);

/* Copy a message that a cancelled call gives back to its place, by its number. */
void inbox_return(Inbox *inbox, Janet address, uint64_t number, const uint8_t *bytes,
                  size_t length);

/* The first message, for free; the inbox is not empty. */
Message *inbox_take(Inbox *inbox);

void inbox_free(Inbox *inbox);
void inbox_mark(const Inbox *inbox);

#endif

#include "dtls/inbox.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SIZE (4 << 20)

void inbox_init(Inbox *inbox) {
    *inbox = (Inbox){.last = &inbox->first};
}

/* NULL when out of memory: the message is lost, as datagrams may be. */
static Message *new_message(Janet address, uint64_t number, const uint8_t *bytes, size_t length) {
    Message *message = malloc(sizeof *message + length);
    if (!message) return NULL;
    message->address = address;
    message->number = number;
    message->length = (int32_t)length;
    memcpy(message->bytes, bytes, length);
    return message;
}

static void insert_message(Inbox *inbox, Message **place, Message *message) {
    if (!message) return;
    message->next = *place;
    *place = message;
    if (!message->next) inbox->last = &message->next;
    inbox->size += (size_t)message->length + sizeof *message;
}

void inbox_add(Inbox *inbox, Janet address, uint64_t number, const uint8_t *bytes, size_t length) {
    if (inbox->size + length > MAX_SIZE) return;
    insert_message(inbox, inbox->last, new_message(address, number, bytes, length));
}

void inbox_return(Inbox *inbox, Janet address, uint64_t number, const uint8_t *bytes,
                  size_t length) {
    Message **place = &inbox->first;
    while (*place && (*place)->number < number) place = &(*place)->next;
    insert_message(inbox, place, new_message(address, number, bytes, length));
}

Message *inbox_take(Inbox *inbox) {
    Message *message = inbox->first;
    inbox->first = message->next;
    if (!inbox->first) inbox->last = &inbox->first;
    inbox->size -= (size_t)message->length + sizeof *message;
    return message;
}

void inbox_free(Inbox *inbox) {
    while (inbox->first) free(inbox_take(inbox));
}

void inbox_mark(const Inbox *inbox) {
    for (const Message *message = inbox->first; message; message = message->next) {
        janet_mark(message->address);
    }
}

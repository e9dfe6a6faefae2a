/* accept-loop's :reload: look at a context's files from time to time, and read those again that
 * changed. */
#ifndef JSEC_TLS_RELOADER_H
#define JSEC_TLS_RELOADER_H

#include "core/tls/context_slot.h"
#include "net/timer.h"

/* Part of its owner, all zero before reloader_start. The owner keeps the slot. */
typedef struct Reloader {
    Timer timer; /* first: the poller passes it to the callback */
    ContextSlot *slot;
    double seconds;
    Stamp stamp; /* of the files when they were last read */
    void (*failed)(struct Reloader *reloader, const Failure *failure);
} Reloader;

/* `failed` is called once for each change that could not be taken. */
void reloader_start(Reloader *reloader, ContextSlot *slot, double seconds,
                    void (*failed)(Reloader *reloader, const Failure *failure));

/* Does nothing if the reloader was not started. */
void reloader_stop(Reloader *reloader);

#endif

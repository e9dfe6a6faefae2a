#include "tls/reloader.h"

#include "net/poller.h"

#include <string.h>

static void look(Reloader *reloader) {
    Failure failure;
    Stamp now = context_slot_stamp(reloader->slot, true);
    if (!memcmp(&now, &reloader->stamp, sizeof now)) return;
    reloader->stamp = now;
    if (!context_slot_reread(reloader->slot, &failure)) reloader->failed(reloader, &failure);
}

static void run(Timer *timer) {
    Reloader *reloader = (Reloader *)timer;
    look(reloader);
    poller_set_timer(timer, reloader->seconds, run);
}

void reloader_start(Reloader *reloader, ContextSlot *slot, double seconds,
                    void (*failed)(Reloader *reloader, const Failure *failure)) {
    reloader->slot = slot;
    reloader->seconds = seconds;
    reloader->failed = failed;
    reloader->stamp = context_slot_stamp(slot, false);
    poller_set_timer(&reloader->timer, seconds, run);
}

void reloader_stop(Reloader *reloader) {
    poller_unset_timer(&reloader->timer);
}

#include "core/warm.h"

#define MOST_STREAMS 64
/* A peer is heard once a round, however many there are; of its buffers only pages that datagrams
 * reached take memory. */
#define MOST_DATAGRAMS 4096

static _Thread_local struct {
    Engine *streams[MOST_STREAMS], *datagrams[MOST_DATAGRAMS];
    unsigned int next_stream, next_datagram; /* whose place is the next one's: they go round */
} warm;

static Engine **next_place(const Engine *engine) {
    if (engine->datagram) return &warm.datagrams[warm.next_datagram++ % MOST_DATAGRAMS];
    return &warm.streams[warm.next_stream++ % MOST_STREAMS];
}

void warm_use(Engine *engine) {
    if (engine->warm) return;
    Engine **place = next_place(engine);
    if (*place) {
        (*place)->warm = NULL;
        /* Where a part of a record waits it stays, until that connection is used again. */
        engine_free_buffers(*place);
    }
    *place = engine;
    engine->warm = place;
}

void warm_forget(Engine *engine) {
    if (engine->warm) *engine->warm = NULL;
    engine->warm = NULL;
}

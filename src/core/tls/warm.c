#include "core/tls/warm.h"

#define MAX_WARM 64

static _Thread_local struct {
    Engine *engines[MAX_WARM];
    unsigned int next; /* whose place is the next one's: they go round */
} warm;

void warm_use(Engine *engine) {
    if (engine->warm) return;
    Engine **place = &warm.engines[warm.next++ % MAX_WARM];
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

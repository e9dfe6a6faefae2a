/* One direction of a network: datagrams on their way; and the clock of OpenSSL's timers. */
#ifndef LINE_H
#define LINE_H

#include "core/tls/datagram.h"

#include <stdbool.h>
#include <string.h>
#include <sys/time.h>

#define MAX_HELD 32 /* datagrams on their way; more are lost */
#define ROOM (DATAGRAM_MAX_MTU + 512)

typedef struct Line {
    uint8_t bytes[MAX_HELD][ROOM];
    size_t lengths[MAX_HELD];
    uint8_t order[MAX_HELD]; /* places of those that wait, then of those that are free */
    int held;
    bool full; /* takes nothing */
    int send_errno, receive_errno;
} Line;

/* --- lines --- */

static inline uint8_t *line_bytes(Line *line, int at) {
    return line->bytes[line->order[at]];
}

static inline size_t *line_length(Line *line, int at) {
    return &line->lengths[line->order[at]];
}

/* The place goes behind all that wait. */
static inline void line_lose(Line *line, int at) {
    uint8_t place = line->order[at];
    line->held--;
    memmove(line->order + at, line->order + at + 1, (size_t)(line->held - at));
    line->order[line->held] = place;
}

static inline void line_put(Line *line, const uint8_t *bytes, size_t length) {
    if (line->held == MAX_HELD || length > ROOM) return;
    memmove(line_bytes(line, line->held), bytes, length);
    *line_length(line, line->held++) = length;
}

static inline void line_init(Line *line) {
    line->held = line->send_errno = line->receive_errno = 0;
    line->full = false;
    for (int i = 0; i < MAX_HELD; i++) line->order[i] = (uint8_t)i;
}

/* --- the clock: OpenSSL's, of retransmissions --- */

static struct timeval now;

int gettimeofday(struct timeval *restrict tv, void *restrict tz) {
    (void)tz;
    *tv = now;
    return 0;
}

static inline void pass_time(unsigned int milliseconds) {
    now.tv_sec += milliseconds / 1000;
    now.tv_usec += milliseconds % 1000 * 1000;
    if (now.tv_usec < 1000000) return;
    now.tv_usec -= 1000000;
    now.tv_sec++;
}

#endif

#include "net/linger.h"

#include "net/poller.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#define MAX_LINGERING 256    /* sockets of a thread */
#define MAX_READS 16         /* of 4 KB, in a turn */
#define MAX_LATE (256 << 10) /* bytes of input, once the peer has all output */

typedef struct Lingering {
    Watcher watcher; /* first: the poller hands it back */
    Timer timer;
    size_t discarded;
    struct Lingering *next, **link;
} Lingering;

static JANET_THREAD_LOCAL struct {
    Lingering *oldest, **last; /* last NULL: nothing has lingered yet */
    int count;
} lingering;

typedef enum Input { INPUT_ENDED, INPUT_EMPTY, INPUT_MORE } Input;

static Input discard_input(int descriptor, size_t *discarded) {
    char input[4096];
    for (int i = 0; i < MAX_READS; i++) {
        ssize_t n = recv(descriptor, input, sizeof input, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return INPUT_EMPTY;
        if (n <= 0) return INPUT_ENDED;
        *discarded += (size_t)n;
    }
    return INPUT_MORE;
}

/* The output of a unix socket is in the peer's queue at once. */
static bool is_unix(int descriptor) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    return !getsockname(descriptor, (struct sockaddr *)&address, &size) &&
           address.ss_family == AF_UNIX;
}

/* Has the peer's kernel acknowledged all output? Then a reset can no longer take it away. */
static bool is_delivered(int descriptor) {
    if (is_unix(descriptor)) return true;
#if defined SIOCOUTQ
    int unsent;
    return !ioctl(descriptor, SIOCOUTQ, &unsent) && !unsent;
#elif defined SO_NWRITE
    int unsent;
    socklen_t size = sizeof unsent;
    return !getsockopt(descriptor, SOL_SOCKET, SO_NWRITE, &unsent, &size) && !unsent;
#else
    (void)descriptor;
    return false;
#endif
}

static void end_lingering(Lingering *self) {
    poller_unset_timer(&self->timer);
    poller_close(&self->watcher);
    *self->link = self->next;
    if (self->next) {
        self->next->link = self->link;
    } else {
        lingering.last = self->link;
    }
    lingering.count--;
    janet_free(self);
    janet_ev_dec_refcount();
}

static void expire_lingering(Timer *timer) {
    end_lingering((Lingering *)((char *)timer - offsetof(Lingering, timer)));
}

static void on_input(Watcher *watcher, unsigned ready) {
    (void)ready;
    Lingering *self = (Lingering *)watcher;
    Input input = discard_input(watcher->descriptor, &self->discarded);
    /* A peer that goes on sending learns by a reset that its data is not read. */
    bool late = self->discarded > MAX_LATE && is_delivered(watcher->descriptor);
    if (input == INPUT_ENDED || late) {
        end_lingering(self);
    } else if (input == INPUT_MORE) {
        poller_turn(watcher);
    }
}

static void add_lingering(Lingering *self) {
    if (!lingering.last) lingering.last = &lingering.oldest;
    self->link = lingering.last;
    *lingering.last = self;
    lingering.last = &self->next;
    lingering.count++;
    janet_ev_inc_refcount();
}

static bool watch_descriptor(int descriptor, double seconds) {
    Lingering *self = janet_malloc(sizeof *self);
    if (!self) return false;
    memset(self, 0, sizeof *self);
    self->watcher.ready = on_input;
    if (!poller_add(&self->watcher, descriptor)) {
        janet_free(self);
        return false;
    }
    add_lingering(self);
    if (seconds < INFINITY) poller_set_timer(&self->timer, seconds, expire_lingering);
    return true;
}

/* The socket to give up for another: the oldest that has nothing to lose, or the oldest. */
static Lingering *choose_victim(void) {
    Lingering *self = lingering.oldest;
    while (self && !is_delivered(self->watcher.descriptor)) self = self->next;
    return self ? self : lingering.oldest;
}

bool linger_discard(int descriptor) {
    size_t discarded = 0;
    return discard_input(descriptor, &discarded) == INPUT_MORE;
}

void linger_close(int descriptor, double seconds) {
    size_t discarded = 0;
    shutdown(descriptor, SHUT_WR);
    bool ended = discard_input(descriptor, &discarded) == INPUT_ENDED || seconds <= 0;
    if (!ended && lingering.count == MAX_LINGERING) end_lingering(choose_victim());
    if (ended || !watch_descriptor(descriptor, seconds)) close(descriptor);
}

void linger_make_room(void) {
    bool ended = false;
    Lingering *next;
    for (Lingering *self = lingering.oldest; self; self = next) {
        next = self->next;
        if (!is_delivered(self->watcher.descriptor)) continue;
        end_lingering(self);
        ended = true;
    }
    if (!ended && lingering.oldest) end_lingering(lingering.oldest);
}

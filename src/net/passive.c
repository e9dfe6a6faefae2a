#include "net/passive.h"

#include "base/raise.h"

#include <stdio.h>
#include <string.h>

static void get_text(const Janet *argv, int32_t n, char *text, size_t room) {
    JanetByteView view;
    if (janet_checkint(argv[n])) {
        snprintf(text, room, "%d", janet_unwrap_integer(argv[n]));
        return;
    }
    view = janet_getbytes(argv, n);
    if (view.len && memchr(view.bytes, 0, (size_t)view.len)) {
        raise_type(n, "text without NUL bytes", argv[n]);
    }
    if ((size_t)view.len >= room) raise_type(n, "shorter text", argv[n]);
    snprintf(text, room, "%.*s", (int)view.len, view.len ? (const char *)view.bytes : "");
}

void passive_get(const Janet *argv, Passive *passive) {
    get_text(argv, 0, passive->host, sizeof passive->host);
    get_text(argv, 1, passive->port, sizeof passive->port);
}

static Janet open_first(Passive *passive, Failure *failure) {
    Janet out;
    for (int i = 0; i < passive->addresses.count; i++) {
        if (passive->open(passive, passive->addresses.list + i, &out, failure)) return out;
    }
    return janet_wrap_nil();
}

static void run(Work *work) {
    Passive *self = (Passive *)work;
    work->failed =
        !resolve(self->host, self->port, self->type, false, true, &self->addresses, &work->failure);
}

static Janet result(Work *work) {
    Janet opened = open_first((Passive *)work, &work->failure);
    work->failed = janet_checktype(opened, JANET_NIL);
    return opened;
}

static void release(Work *work) {
    janet_gcunroot(((Passive *)work)->keeps);
}

void *passive_new(size_t size, const char *function, int type) {
    Passive *passive = work_new(size);
    passive->work.function = function;
    passive->work.run = run;
    passive->work.result = result;
    passive->keeps = janet_wrap_nil();
    passive->type = type;
    return passive;
}

Janet passive_open(Passive *passive) {
    Failure failure;
    const char *function = passive->work.function;
    if (!resolve(passive->host, passive->port, passive->type, true, true, &passive->addresses,
                 &failure)) {
        passive->work.release = release;
        janet_gcroot(passive->keeps);
        work_await(&passive->work);
    }
    Janet opened = open_first(passive, &failure);
    work_free(&passive->work);
    if (janet_checktype(opened, JANET_NIL)) raise_failure(function, &failure);
    return opened;
}

#define _GNU_SOURCE /* clock_gettime */
#include "net/timer.h"

#include <stddef.h>
#include <time.h>

#define FAR_AWAY 1e9 /* seconds: thirty years */

int64_t timer_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t timer_after(double seconds) {
    if (!(seconds < FAR_AWAY)) seconds = FAR_AWAY;
    return timer_now() + (int64_t)(seconds * 1e9);
}

static void hang(Timer **link, Timer *timer) {
    timer->link = link;
    *link = timer;
}

/* Two roots become one; either may be NULL. */
static Timer *merge(Timer *a, Timer *b) {
    if (!a) return b;
    if (!b) return a;
    Timer *first = b->when < a->when ? b : a, *second = first == a ? b : a;
    second->next = first->child;
    if (second->next) second->next->link = &second->next;
    hang(&first->child, second);
    return first;
}

/* The children of a root that goes: merged in pairs, then all together. */
static Timer *merge_pairs(Timer *list) {
    Timer *pairs = NULL;
    while (list) {
        Timer *a = list, *b = a->next;
        list = b ? b->next : NULL;
        a->next = NULL;
        if (b) b->next = NULL;
        Timer *pair = merge(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    Timer *root = NULL;
    while (pairs) {
        Timer *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        root = merge(root, pair);
    }
    return root;
}

void timer_heap_add(Timer **heap, Timer *timer) {
    timer->child = timer->next = NULL;
    hang(heap, merge(*heap, timer));
}

void timer_heap_remove(Timer *timer) {
    if (!timer->link) return;
    Timer **link = timer->link, *after = timer->next;
    Timer *subtree = merge_pairs(timer->child);
    /* The subtree takes the place of its old root: it is no earlier than its parent either. */
    if (subtree) {
        hang(link, subtree);
        subtree->next = after;
        if (after) after->link = &subtree->next;
    } else {
        *link = after;
        if (after) after->link = link;
    }
    timer->link = NULL;
    timer->child = timer->next = NULL;
}

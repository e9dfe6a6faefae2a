#define _GNU_SOURCE /* clock_gettime */
#include "net/timer.h"

#include <stddef.h>
#include <time.h>

#define MAX_SECONDS 1e9 /* thirty years */

int64_t timer_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t timer_after(double seconds) {
    if (!(seconds < MAX_SECONDS)) seconds = MAX_SECONDS;
    return timer_now() + (int64_t)(seconds * 1e9);
}

static void link_timer(Timer **link, Timer *timer) {
    timer->link = link;
    *link = timer;
}

/* Merge two heaps; either may be NULL. */
static Timer *merge_heaps(Timer *a, Timer *b) {
    if (!a) return b;
    if (!b) return a;
    Timer *first = b->when < a->when ? b : a, *second = first == a ? b : a;
    second->next = first->child;
    if (second->next) second->next->link = &second->next;
    link_timer(&first->child, second);
    return first;
}

/* Merge the children of a removed root: in pairs, then all pairs. */
static Timer *merge_pairs(Timer *list) {
    Timer *pairs = NULL;
    while (list) {
        Timer *a = list, *b = a->next;
        list = b ? b->next : NULL;
        a->next = NULL;
        if (b) b->next = NULL;
        Timer *pair = merge_heaps(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    Timer *root = NULL;
    while (pairs) {
        Timer *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        root = merge_heaps(root, pair);
    }
    return root;
}

void timer_heap_add(Timer **heap, Timer *timer) {
    timer->child = timer->next = NULL;
    link_timer(heap, merge_heaps(*heap, timer));
}

void timer_heap_remove(Timer *timer) {
    if (!timer->link) return;
    Timer **link = timer->link, *after = timer->next;
    Timer *subtree = merge_pairs(timer->child);
    /* The merged children replace the removed root: their timers are not earlier than the
     * parent's. */
    if (subtree) {
        link_timer(link, subtree);
        subtree->next = after;
        if (after) after->link = &subtree->next;
    } else {
        *link = after;
        if (after) after->link = link;
    }
    timer->link = NULL;
    timer->child = timer->next = NULL;
}

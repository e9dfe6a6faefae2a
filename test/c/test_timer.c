/* The heap of timers against a sorted array, at random. */
/* The file itself, first: it asks for GNU functions. It has no need of Janet, which the rest of
 * net/ has. */
#include "../../src/net/timer.c" /* NOLINT(bugprone-suspicious-include) */

#include "check.h"

#define COUNT 300

static uint64_t state = 88172645463325252u;

static uint32_t next_random(uint32_t below) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % below;
}

static Timer timers[COUNT];
static Timer *heap;

/* Links and order of a subtree; how many nodes, or -1. */
static int count_nodes(Timer *const *link, int64_t min) {
    int count = 0;
    for (; *link; link = &(*link)->next) {
        if ((*link)->link != link || (*link)->when < min) return -1;
        int below = count_nodes(&(*link)->child, (*link)->when);
        if (below < 0) return -1;
        count += 1 + below;
    }
    return count;
}

static int64_t earliest_set(void) {
    int64_t earliest = INT64_MAX;
    for (int i = 0; i < COUNT; i++) {
        if (timer_is_set(&timers[i]) && timers[i].when < earliest) earliest = timers[i].when;
    }
    return earliest;
}

static int set_count(void) {
    int count = 0;
    for (int i = 0; i < COUNT; i++) count += timer_is_set(&timers[i]);
    return count;
}

static bool agrees(void) {
    int nodes = count_nodes(&heap, INT64_MIN);
    if (nodes < 0 || nodes != set_count() || (heap && heap->next)) return false;
    return heap ? heap->when == earliest_set() : !nodes;
}

static void step(uint32_t range) {
    Timer *timer = &timers[next_random(COUNT)];
    if (timer_is_set(timer)) {
        timer_heap_remove(timer);
    } else {
        timer->when = next_random(range);
        timer_heap_add(&heap, timer);
    }
    if (heap && !next_random(4)) timer_heap_remove(heap);
}

static void test_random(uint32_t range, const char *fact) {
    bool good = true;
    for (int i = 0; i < 20000 && good; i++) {
        step(range);
        good = i % 50 || agrees();
    }
    CHECK(fact, good && agrees());
}

static void test_drained_in_order(void) {
    bool ordered = true;
    for (int i = 0; i < COUNT; i++) {
        if (timer_is_set(&timers[i])) continue;
        timers[i].when = next_random(1000);
        timer_heap_add(&heap, &timers[i]);
    }
    for (int64_t last = INT64_MIN; heap;) {
        Timer *first = heap;
        ordered = ordered && first->when >= last;
        last = first->when;
        timer_heap_remove(first);
    }
    CHECK("timers come out in order", ordered && !set_count());
}

static void test_edges(void) {
    Timer *empty = NULL;
    Timer one = {.when = 5};
    timer_heap_remove(&one);
    CHECK("removing one that is not set does nothing", !timer_is_set(&one));
    timer_heap_add(&empty, &one);
    CHECK("a heap of one holds it", empty == &one && timer_is_set(&one));
    timer_heap_remove(&one);
    timer_heap_remove(&one);
    CHECK("without its only timer the heap is empty", !empty && !timer_is_set(&one));
}

static void test_time(void) {
    int64_t now = timer_now();
    CHECK("time goes on", timer_now() >= now);
    CHECK("a second is a thousand million nanoseconds",
          timer_after(1) - now >= 1000000000 && timer_after(1) - now < 60000000000);
    CHECK("a very long time is in the future, not in the past",
          timer_after(1e300) > now + INT64_C(900000000) * 1000000000);
    CHECK("a fraction of a second counts", timer_after(0.5) - timer_now() > 400000000);
}

int main(void) {
    test_edges();
    test_random(1000000, "random timers: the heap agrees with the array");
    test_random(3, "with many at the same time as well");
    test_drained_in_order();
    test_time();
    return check_end();
}

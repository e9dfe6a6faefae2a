/* jsec's rebinding on a Janet that lays out its heap in another way: the environment variable OTHER
 * names what differs. `(on?)` is what rebind_is_on says there. */
#include <janet.h>
#include <stdlib.h>
#include <string.h>

static int differs(const char *what) {
    const char *other = getenv("OTHER");
    return other && !strcmp(other, what);
}

/* Weak arrays in the same list as all blocks. */
static JanetArray *make_weak_array(int32_t capacity) {
    return differs("weak") ? janet_array(capacity) : janet_array_weak(capacity);
}

/* Channels whose ring of values is never empty. */
static JanetChannel *make_channel(uint32_t limit) {
    JanetChannel *channel = janet_channel_make(limit);
    if (differs("channel")) janet_channel_give(channel, janet_wrap_nil());
    return channel;
}

/* Arrays with the tag of another kind, until restore_arrays: the collector frees by the tag. */
static struct {
    JanetArray *array;
    int32_t flags;
} altered[64];
static int altered_count;

static JanetArray *make_array(int32_t capacity) {
    JanetArray *array = janet_array(capacity);
    if (!differs("tag") || altered_count == 64) return array;
    altered[altered_count].array = array;
    altered[altered_count++].flags = array->gc.flags;
    array->gc.flags = janet_table(0)->gc.flags;
    return array;
}

static void restore_arrays(void) {
    while (altered_count) {
        altered_count--;
        altered[altered_count].array->gc.flags = altered[altered_count].flags;
    }
}

/* Lists that a new block does not join at the head. */
static JanetTable *make_table(int32_t capacity) {
    static JanetTable *first;
    if (!first || !differs("list")) first = janet_table(capacity);
    return first;
}

#define janet_array make_array
#define janet_array_weak make_weak_array
#define janet_channel_make make_channel
#define janet_table make_table
#include "../../src/net/heap.c"
#include "../../src/net/rebind.c"

static Janet cfun_on(int32_t argc, Janet *argv) {
    (void)argc, (void)argv;
    bool on = rebind_is_on();
    restore_arrays();
    return janet_wrap_boolean(on);
}

#undef janet_table
JANET_MODULE_ENTRY(JanetTable *env) {
    janet_def(env, "on?", janet_wrap_cfunction(cfun_on), NULL);
}

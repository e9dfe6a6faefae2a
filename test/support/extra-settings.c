/* Settings that only the test has: it compiles settings.c with a settings.def of more rows. Prints
 * a word for each fact that holds about them, "not-" and the word where it does not. */
#include "core/tls/context_slot.h"

#include <stdio.h>
#include <string.h>

static ContextSettings base;

/* The settings of this test have no virtual hosts. */
ContextSlot *context_slot_hold(ContextSlot *slot) {
    return slot;
}

void context_slot_release(ContextSlot *slot) {
    (void)slot;
}

typedef bool (*Digest)(const ContextSettings *settings, uint8_t *digest);

static int differs(Digest digest, const ContextSettings *other) {
    uint8_t a[SETTINGS_DIGEST_LENGTH], b[SETTINGS_DIGEST_LENGTH];
    if (!digest(&base, a) || !digest(other, b)) return -1;
    return memcmp(a, b, sizeof a) != 0;
}

#define TEXT(text) ((Bytes){(const uint8_t *)(text), strlen(text)})
#define IS(a, b) ((a).length == (b).length && !memcmp((a).data, (b).data, (a).length))
#define SAY(condition, word) printf("%s%s", (condition) ? " " : " not-", word)

int main(void) {
    settings_init(&base);
    SAY(base.extra_number == 42 && !base.extra_text.data, "defaults");

    ContextSettings other = base;
    other.extra_number = 43;
    SAY(differs(settings_digest, &other) == 1, "number-in-key");
    SAY(differs(settings_policy_digest, &other) == 1, "number-in-policy");
    other = base;
    other.extra_text = TEXT("text");
    SAY(differs(settings_digest, &other) == 1, "text-in-key");
    SAY(differs(settings_policy_digest, &other) == 0, "text-not-in-policy");

    ContextSettings listener = base, host = base;
    listener.extra_number = 43;
    listener.extra_text = listener.extra_secret = TEXT("listener");
    listener.certificates.count = 1;
    settings_inherit(&host, &listener);
    SAY(host.extra_number == 43, "number-inherited");
    SAY(host.extra_text.data == NULL, "text-not-inherited");
    SAY(IS(host.extra_secret, TEXT("listener")), "identity-inherited");
    host = base;
    host.extra_number = 44;
    host.extra_secret = TEXT("host");
    settings_inherit(&host, &listener);
    SAY(host.extra_number == 44 && IS(host.extra_secret, TEXT("host")), "own-kept");
    SAY(host.certificates.count == 0, "identity-whole");

    ContextSettings copy;
    SAY(settings_copy(&copy, &host) && copy.extra_number == 44 &&
            IS(copy.extra_secret, host.extra_secret) &&
            copy.extra_secret.data != host.extra_secret.data,
        "copied");
    settings_free(&copy);

    SAY(SETTING_FLAGS_extra_secret & SETTING_SHOWN_SECRET, "secret");
    SAY(SETTING_FLAGS_extra_text & SETTING_HOST_LISTENER, "refused-in-hosts");
    return 0;
}

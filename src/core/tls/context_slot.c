#include "core/tls/context_slot.h"

#include "core/tls/context.h"
#include "core/tls/context_data.h"
#include "core/tls/identity.h"
#include "core/tls/ocsp.h"
#include "core/tls/ticket.h"
#include "core/tls/trust.h"

#include <openssl/err.h>
#include <string.h>

struct ContextSlot {
    Count references;
    atomic_int is_host; /* 1: a virtual host refers to it */
    Stats *stats;
    CRYPTO_RWLOCK *lock; /* over `current` */
    SSL_CTX *current;
    /* Under the lock of changes: */
    ContextSettings settings; /* copies */
    Bytes *trusted;           /* sources of trust_add: copies */
    size_t trusted_count;
    Stamp stamp; /* of the settings when the context was made of them */
};

/* Changes happen one at a time in the whole process: a reload changes several slots, and slots
 * share virtual hosts. A handshake never takes this lock. */
static CRYPTO_RWLOCK *changes;
static CRYPTO_ONCE changes_once = CRYPTO_ONCE_STATIC_INIT;

static void make_changes(void) {
    changes = CRYPTO_THREAD_lock_new();
}

static bool begin_change(Failure *failure) {
    bool begun = CRYPTO_THREAD_run_once(&changes_once, make_changes) && changes &&
                 CRYPTO_THREAD_write_lock(changes);
    return begun || failure_openssl(failure, "context not locked");
}

static bool end_change(bool changed) {
    CRYPTO_THREAD_unlock(changes);
    return changed;
}

/* Taken before files are read: a change meanwhile makes another stamp. Without a digest a file is
 * missing, which counts as one state of it. */
static Stamp stamp_of(const ContextSettings *settings) {
    Stamp stamp = {0};
    if (!settings_digest(settings, stamp.digest)) {
        ERR_clear_error();
        stamp = (Stamp){0};
    }
    return stamp;
}

/* --- a slot --- */

static void free_trusted(ContextSlot *slot) {
    for (size_t i = 0; i < slot->trusted_count; i++) {
        OPENSSL_free((void *)(uintptr_t)slot->trusted[i].data);
    }
    OPENSSL_free(slot->trusted);
    slot->trusted = NULL;
    slot->trusted_count = 0;
}

static void free_slot(ContextSlot *slot) {
    SSL_CTX_free(slot->current);
    stats_release(slot->stats);
    settings_free(&slot->settings);
    free_trusted(slot);
    CRYPTO_THREAD_lock_free(slot->lock);
    OPENSSL_free(slot);
}

/* What a slot keeps of settings. */
static bool keep_settings(ContextSettings *copy, const ContextSettings *settings,
                          Failure *failure) {
    if (!settings_copy(copy, settings)) return failure_set(failure, "out of memory");
    identity_open_keys(copy);
    return true;
}

static bool fill_slot(ContextSlot *slot, const ContextSettings *settings, Failure *failure) {
    slot->references = 1;
    slot->lock = CRYPTO_THREAD_lock_new();
    if (!slot->lock) return failure_set(failure, "out of memory");
    if (!keep_settings(&slot->settings, settings, failure)) return false;
    slot->stamp = stamp_of(&slot->settings);
    slot->current = context_new(&slot->settings, failure);
    if (slot->current) slot->stats = stats_hold(context_data(slot->current)->stats);
    return slot->current;
}

ContextSlot *context_slot_new(const ContextSettings *settings, Failure *failure) {
    ContextSlot *slot = OPENSSL_zalloc(sizeof *slot);
    if (slot && fill_slot(slot, settings, failure)) return slot;
    if (slot) {
        free_slot(slot);
    } else {
        failure_set(failure, "out of memory");
    }
    return NULL;
}

ContextSlot *context_slot_hold(ContextSlot *slot) {
    atomic_fetch_add(&slot->references, 1);
    return slot;
}

void context_slot_release(ContextSlot *slot) {
    if (slot && atomic_fetch_sub(&slot->references, 1) == 1) free_slot(slot);
}

SSL_CTX *context_slot_get(ContextSlot *slot) {
    CRYPTO_THREAD_read_lock(slot->lock);
    SSL_CTX *context = slot->current;
    SSL_CTX_up_ref(context);
    CRYPTO_THREAD_unlock(slot->lock);
    return context;
}

bool context_slot_can_serve(ContextSlot *slot, Failure *failure) {
    SSL_CTX *context = context_slot_get(slot);
    bool can = context_data_can_serve(context, failure);
    SSL_CTX_free(context);
    return can;
}

Stats *context_slot_stats(const ContextSlot *slot) {
    return slot->stats;
}

void context_slot_mark_host(ContextSlot *slot) {
    slot->is_host = 1;
}

/* --- reloading --- */

/* A successor of the slot's context, and the stamp of what it is made of. */
typedef struct Successor {
    SSL_CTX *context;
    Stamp stamp;
} Successor;

static void put_successor(ContextSlot *slot, const Successor *successor) {
    slot->stamp = successor->stamp;
    CRYPTO_THREAD_write_lock(slot->lock);
    SSL_CTX *before = slot->current;
    slot->current = successor->context;
    CRYPTO_THREAD_unlock(slot->lock);
    SSL_CTX_free(before);
}

/* A server that could serve can do so after a reload. */
static bool check_role(const ContextSlot *slot, const SSL_CTX *made, Failure *failure) {
    Failure ignored;
    if (slot->is_host && context_data(made)->has_hosts) {
        return failure_set(failure, ":sni within :sni: the context is a virtual host's");
    }
    return !context_data_can_serve(slot->current, &ignored) ||
           context_data_can_serve(made, failure);
}

/* A staple belongs to a certificate. One that the settings give was read again. */
static bool carry_staple(const SSL_CTX *from, SSL_CTX *to, Failure *failure) {
    const Staple *staple = &context_data(from)->staple;
    X509 *before = SSL_CTX_get0_certificate(from), *now = SSL_CTX_get0_certificate(to);
    if (!staple->bytes || context_data(to)->staple.bytes) return true;
    if (!before || !now || X509_cmp(before, now)) return true;
    return ocsp_staple_context(to, (Bytes){staple->bytes, staple->length}, failure);
}

static void carry_stats(ContextSlot *slot, SSL_CTX *to) {
    ContextData *data = context_data_mutable(to);
    stats_release(data->stats);
    data->stats = stats_hold(slot->stats);
}

static bool carry_trusted(const ContextSlot *slot, SSL_CTX *to, Failure *failure) {
    for (size_t i = 0; i < slot->trusted_count; i++) {
        if (!trust_add(to, slot->trusted[i], failure)) return false;
    }
    return true;
}

static bool make_successor(ContextSlot *slot, const ContextSettings *settings, Successor *successor,
                           Failure *failure) {
    bool again = settings == &slot->settings;
    successor->stamp = stamp_of(settings);
    SSL_CTX *made = successor->context = context_new(settings, failure);
    if (!made) return false;
    carry_stats(slot, made);
    if (ticket_keys_carry(slot->current, made, again, failure) &&
        carry_staple(slot->current, made, failure) &&
        (!again || carry_trusted(slot, made, failure)) && check_role(slot, made, failure)) {
        return true;
    }
    SSL_CTX_free(made);
    return false;
}

/* The slots of the virtual hosts, then the slot itself. */
static ContextSlot *slot_at(ContextSlot *slot, size_t i) {
    const VirtualHostList *hosts = &slot->settings.hosts;
    return i < hosts->count ? hosts->list[i].slot : slot;
}

static bool reread_all(ContextSlot *slot, Failure *failure) {
    size_t count = slot->settings.hosts.count + 1, made = 0;
    Successor *list = OPENSSL_zalloc(count * sizeof *list);
    if (!list) return failure_set(failure, "out of memory");
    for (; made < count; made++) {
        ContextSlot *one = slot_at(slot, made);
        if (!make_successor(one, &one->settings, list + made, failure)) break;
    }
    for (size_t i = 0; i < made; i++) {
        if (made == count) {
            put_successor(slot_at(slot, i), list + i);
        } else {
            SSL_CTX_free(list[i].context);
        }
    }
    OPENSSL_free(list);
    return made == count;
}

bool context_slot_reread(ContextSlot *slot, Failure *failure) {
    return begin_change(failure) && end_change(reread_all(slot, failure));
}

static bool replace_settings(ContextSlot *slot, const ContextSettings *settings, Failure *failure) {
    ContextSettings wanted = *settings, copy;
    wanted.keeps_sessions = slot->settings.keeps_sessions;
    wanted.read_ahead = slot->settings.read_ahead;
    wanted.asks_hello = slot->settings.asks_hello;
    wanted.verify_function = slot->settings.verify_function;
    Successor successor;
    if (!keep_settings(&copy, &wanted, failure)) return false;
    if (!make_successor(slot, &copy, &successor, failure)) {
        settings_free(&copy);
        return false;
    }
    settings_free(&slot->settings);
    slot->settings = copy;
    free_trusted(slot);
    put_successor(slot, &successor);
    return true;
}

bool context_slot_reload(ContextSlot *slot, const ContextSettings *settings, Failure *failure) {
    return begin_change(failure) && end_change(replace_settings(slot, settings, failure));
}

static void add_stamp(Stamp *sum, const Stamp *stamp) {
    for (size_t i = 0; i < sizeof sum->digest; i++) {
        sum->digest[i] = (uint8_t)(sum->digest[i] * 31 + stamp->digest[i]);
    }
}

Stamp context_slot_stamp(ContextSlot *slot, bool now) {
    Stamp sum = {0};
    Failure ignored;
    if (!begin_change(&ignored)) return sum;
    for (size_t i = 0; i <= slot->settings.hosts.count; i++) {
        ContextSlot *one = slot_at(slot, i);
        Stamp stamp = now ? stamp_of(&one->settings) : one->stamp;
        add_stamp(&sum, &stamp);
    }
    end_change(true);
    return sum;
}

/* --- changes in place --- */

/* Remember the source, for context_slot_reread. */
static bool keep_trusted(ContextSlot *slot, Bytes certificate) {
    size_t count = slot->trusted_count;
    Bytes *list = OPENSSL_realloc(slot->trusted, (count + 1) * sizeof *list);
    if (!list) return false;
    slot->trusted = list;
    if (!bytes_copy(list + count, certificate)) return false;
    slot->trusted_count++;
    return true;
}

static bool trust_one(ContextSlot *slot, Bytes certificate, Failure *failure) {
    return trust_add(slot->current, certificate, failure) &&
           (keep_trusted(slot, certificate) || failure_set(failure, "out of memory"));
}

bool context_slot_trust(ContextSlot *slot, Bytes certificate, Failure *failure) {
    return begin_change(failure) && end_change(trust_one(slot, certificate, failure));
}

bool context_slot_set_ticket_keys(ContextSlot *slot, const BytesList *keys, Failure *failure) {
    return begin_change(failure) &&
           end_change(context_set_ticket_keys(slot->current, keys, failure) &&
                      ticket_keys_mark_rotated(slot->current));
}

bool context_slot_staple(ContextSlot *slot, Bytes response, Failure *failure) {
    return begin_change(failure) &&
           end_change(ocsp_staple_context(slot->current, response, failure));
}

#include "core/pki/pkcs12.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#define MAX_CHAIN_LENGTH 32

typedef struct Sorter {
    Pkcs12 *bundle;
    bool *used;  /* for each bag: it is a key's certificate */
    bool *above; /* it is in a chain */
    Failure *failure;
} Sorter;

static bool have_same_id(const Pkcs12Bag *a, const Pkcs12Bag *b) {
    return a->id && b->id && a->id_length == b->id_length && !memcmp(a->id, b->id, a->id_length);
}

/* The first certificate of the key that no other key has, one with the same id before others. */
static bool find_certificate(Sorter *sorter, Pkcs12Entry *entry) {
    const Pkcs12 *bundle = sorter->bundle;
    bool any_unread = false;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < bundle->count; i++) {
            const Pkcs12Bag *bag = bundle->bags + i;
            if (!bag->certificate || sorter->used[i]) continue;
            if (have_same_id(bag, entry->key) != (round == 0)) continue;
            if (X509_check_private_key(bag->certificate, entry->key->key) == 1) {
                entry->certificate = bag;
                sorter->used[i] = true;
                return true;
            }
            any_unread = any_unread || !X509_get0_pubkey(bag->certificate);
            if (failure_of_memory(sorter->failure)) return false;
        }
    }
    /* OpenSSL gives no reason; it may be a lack of memory. */
    return !any_unread ||
           failure_set(sorter->failure, "bundle not opened: it is unknown which certificate is the "
                                        "key's, since the public key of one is not readable");
}

static bool holds(const Pkcs12Entry *entry, const Pkcs12Bag *bag) {
    if (entry->certificate == bag) return true;
    for (size_t i = 0; i < entry->chain_length; i++) {
        if (entry->chain[i] == bag) return true;
    }
    return false;
}

static const Pkcs12Bag *find_issuer(const Sorter *sorter, const Pkcs12Entry *entry,
                                    X509 *certificate) {
    const Pkcs12 *bundle = sorter->bundle;
    for (size_t i = 0; i < bundle->count; i++) {
        const Pkcs12Bag *bag = bundle->bags + i;
        if (!bag->certificate || holds(entry, bag)) continue;
        if (X509_check_issued(bag->certificate, certificate) != X509_V_OK) continue;
        sorter->above[i] = true;
        return bag;
    }
    return NULL;
}

static bool add_chain(Sorter *sorter, Pkcs12Entry *entry) {
    const Pkcs12Bag *last = entry->certificate;
    if (!last) return true;
    entry->chain = OPENSSL_zalloc(MAX_CHAIN_LENGTH * sizeof(const Pkcs12Bag *));
    if (!entry->chain) return failure_set(sorter->failure, "out of memory");
    while (last && entry->chain_length < MAX_CHAIN_LENGTH) {
        bool is_root = X509_check_issued(last->certificate, last->certificate) == X509_V_OK;
        last = is_root ? NULL : find_issuer(sorter, entry, last->certificate);
        if (last) entry->chain[entry->chain_length++] = last;
    }
    return true;
}

static bool add_key_entries(Sorter *sorter) {
    Pkcs12 *bundle = sorter->bundle;
    for (size_t i = 0; i < bundle->count; i++) {
        if (!bundle->bags[i].key) continue;
        Pkcs12Entry *entry = bundle->entries + bundle->entry_count++;
        entry->key = bundle->bags + i;
        if (!find_certificate(sorter, entry)) return false;
    }
    for (size_t i = 0; i < bundle->entry_count; i++) {
        if (!add_chain(sorter, bundle->entries + i)) return false;
    }
    return true;
}

/* Java names the certificates of a chain by their subjects. */
static bool has_own_name(const Pkcs12Bag *bag) {
    BIO *bio = bag->name ? BIO_new(BIO_s_mem()) : NULL;
    char *subject;
    if (!bio) return bag->name;
    X509_NAME_print_ex(bio, X509_get_subject_name(bag->certificate), 0,
                       XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    long length = BIO_get_mem_data(bio, &subject);
    bool same = (size_t)length == strlen(bag->name) && !memcmp(subject, bag->name, (size_t)length);
    BIO_free(bio);
    return !same;
}

/* A store may hold a certificate once for each chain. */
static bool is_above(const Sorter *sorter, const Pkcs12Bag *bag) {
    for (size_t i = 0; i < sorter->bundle->count; i++) {
        const Pkcs12Bag *other = sorter->bundle->bags + i;
        if (sorter->above[i] && !X509_cmp(other->certificate, bag->certificate)) return true;
    }
    return false;
}

static void add_certificate_entries(Sorter *sorter) {
    Pkcs12 *bundle = sorter->bundle;
    for (size_t i = 0; i < bundle->count; i++) {
        const Pkcs12Bag *bag = bundle->bags + i;
        if (!bag->certificate || sorter->used[i]) continue;
        if (is_above(sorter, bag) && !has_own_name(bag)) continue;
        bundle->entries[bundle->entry_count++].certificate = bag;
    }
}

bool pkcs12_sort(Pkcs12 *bundle, Failure *failure) {
    size_t count = bundle->count + 1; /* never 0 */
    bundle->entries = OPENSSL_zalloc(count * sizeof *bundle->entries);
    Sorter sorter = {bundle, OPENSSL_zalloc(count * sizeof(bool)),
                     OPENSSL_zalloc(count * sizeof(bool)), failure};
    bool sorted = bundle->entries && sorter.used && sorter.above;
    if (!sorted) failure_set(failure, "out of memory");
    sorted = sorted && add_key_entries(&sorter);
    if (sorted) add_certificate_entries(&sorter);
    OPENSSL_free(sorter.used);
    OPENSSL_free(sorter.above);
    ERR_clear_error();
    return sorted;
}

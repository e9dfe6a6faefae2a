#include "core/tls/versions.h"

typedef struct Range {
    int min, max; /* max 0: the newest */
} Range;

/* DTLS counts its versions downwards. */
static bool is_older(int version, int than) {
    return version >> 8 == DTLS1_VERSION_MAJOR ? version > than : version < than;
}

static bool is_empty(const Range *range) {
    return range->max && is_older(range->max, range->min);
}

/* Older versions use SHA-1 and MD5 in their signatures. */
static int oldest_sound_version(const ContextSettings *settings) {
    return settings->datagram ? DTLS1_2_VERSION : TLS1_2_VERSION;
}

/* `system` is the range of openssl.cnf; 0: none. */
static Range choose_range(const ContextSettings *settings, const Range *system) {
    Range range = {settings->min_version, settings->max_version};
    if (!range.max) range.max = system->max;
    if (range.min) return range;
    int sound = oldest_sound_version(settings);
    range.min = system->min && is_older(sound, system->min) ? system->min : sound;
    /* If no minimum is set, an old :max-version lowers the minimum to itself. */
    if (settings->max_version && !system->min && is_empty(&range)) range.min = range.max;
    return range;
}

static bool refuse_empty(const ContextSettings *settings, Failure *failure) {
    if (settings->min_version && settings->max_version) {
        return failure_set(failure, ":min-version is above :max-version");
    }
    if (settings->min_version) {
        return failure_set(failure, ":min-version is above MaxProtocol of openssl.cnf: give "
                                    ":max-version too");
    }
    if (settings->max_version) {
        return failure_set(failure, ":max-version is below MinProtocol of openssl.cnf: give "
                                    ":min-version too");
    }
    return failure_set(failure, "openssl.cnf leaves no protocol version: its MaxProtocol is below "
                                "its MinProtocol, or below TLS 1.2 and DTLS 1.2");
}

static const char *name_version(int version) {
    switch (version) {
    case TLS1_VERSION: return "TLS 1.0";
    case TLS1_1_VERSION: return "TLS 1.1";
    default: return "DTLS 1.0";
    }
}

/* OpenSSL negotiates no old version above security level 0, so a range of old versions alone would
 * make a context without any connection. In a longer range the old ones do no harm. */
static bool check_level(const SSL_CTX *context, const ContextSettings *settings, int max,
                        Failure *failure) {
    bool old = max && is_older(max, oldest_sound_version(settings));
    if (!old || !SSL_CTX_get_security_level(context)) return true;
    return failure_set(failure,
                       "%s rests on SHA-1 and MD5: if a peer needs it all the same, give "
                       ":security-level 0 with it",
                       name_version(max));
}

bool versions_set(SSL_CTX *context, ContextData *data, const ContextSettings *settings,
                  Failure *failure) {
    /* OpenSSL has read openssl.cnf when it made the context. */
    const Range system = {(int)SSL_CTX_get_min_proto_version(context),
                          (int)SSL_CTX_get_max_proto_version(context)};
    Range range = choose_range(settings, &system);
    if (is_empty(&range)) return refuse_empty(settings, failure);
    if (!check_level(context, settings, range.max, failure)) return false;
    data->min_version = range.min;
    data->max_version = range.max;
    return (SSL_CTX_set_min_proto_version(context, range.min) &&
            SSL_CTX_set_max_proto_version(context, range.max)) ||
           failure_openssl(failure, "protocol version not in this OpenSSL");
}

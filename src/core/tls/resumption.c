#include "core/tls/resumption.h"

#include "core/calendar.h"

#include <string.h>
#include <time.h>

#define NEVER INT64_MAX

/* Seconds since the epoch. */
typedef struct Life {
    int64_t start;   /* the full handshake */
    int64_t expires; /* the first certificate of the peer's chain; or NEVER */
} Life;

/* --- in the session, as its application data: two big-endian numbers --- */

#define LIFE_LENGTH 16

static void put_number(uint8_t *at, int64_t number) {
    for (int i = 0; i < 8; i++) at[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
}

static int64_t get_number(const uint8_t *at) {
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) number = number << 8 | at[i];
    return (int64_t)number;
}

static bool store_life(SSL_SESSION *session, const Life *life) {
    uint8_t bytes[LIFE_LENGTH];
    put_number(bytes, life->start);
    put_number(bytes + 8, life->expires);
    return SSL_SESSION_set1_ticket_appdata(session, bytes, sizeof bytes);
}

static bool load_life(SSL_SESSION *session, Life *life) {
    void *bytes;
    size_t length;
    if (!SSL_SESSION_get0_ticket_appdata(session, &bytes, &length) || length != LIFE_LENGTH) {
        return false;
    }
    *life = (Life){get_number(bytes), get_number((const uint8_t *)bytes + 8)};
    return true;
}

/* --- limits --- */

static int64_t first_expiry(const STACK_OF(X509) * chain) {
    int64_t first = NEVER;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        struct tm tm;
        const ASN1_TIME *end = X509_get0_notAfter(sk_X509_value(chain, i));
        int64_t seconds = ASN1_TIME_to_tm(end, &tm) ? calendar_seconds(&tm) : 0;
        if (seconds < first) first = seconds;
    }
    return first;
}

static int64_t last_second(const Life *life, const SSL_CTX *context) {
    int64_t end = life->start + SSL_CTX_get_timeout(context);
    return end < life->expires ? end : life->expires;
}

/* A session without a life is another library's, or an older version's. */
static bool is_over(SSL_SESSION *session, const SSL_CTX *context) {
    Life life;
    return !load_life(session, &life) || time(NULL) > last_second(&life, context);
}

/* OpenSSL's own limit. It also holds for the sessions in a server's cache, which no callback sees.
 * At least 1: OpenSSL can't write a session of 0 seconds into a ticket. */
static void set_timeout(SSL_SESSION *session, int64_t end) {
    int64_t seconds = end - SSL_SESSION_get_time(session);
    SSL_SESSION_set_timeout(session, seconds > 1 ? (long)seconds : 1);
}

bool resumption_start_life(SSL *ssl, const STACK_OF(X509) * verified) {
    SSL_SESSION *session = SSL_get_session(ssl);
    Life life = {time(NULL), first_expiry(verified)};
    int64_t end = (int64_t)SSL_SESSION_get_time(session) + SSL_SESSION_get_timeout(session);
    if (life.expires < end) set_timeout(session, life.expires);
    return store_life(session, &life);
}

void resumption_check_offer(SSL *ssl) {
    SSL_SESSION *session = SSL_is_server(ssl) ? NULL : SSL_get_session(ssl);
    if (session && is_over(session, SSL_get_SSL_CTX(ssl))) SSL_set_session(ssl, NULL);
}

/* --- a server's callbacks --- */

/* Before a session is sealed into a ticket. TLS 1.3 has just set the session's time to now. TLS 1.2
 * leaves time and timeout as they are; threads may share its session, so it is not changed
 * either. */
static int on_seal(SSL *ssl, void *context) {
    SSL_SESSION *session = SSL_get_session(ssl);
    Life life = {SSL_SESSION_get_time(session), NEVER};
    if (SSL_session_reused(ssl) && SSL_version(ssl) != TLS1_3_VERSION) return 1;
    bool known = load_life(session, &life);
    set_timeout(session, last_second(&life, context));
    return known || store_life(session, &life);
}

/* RFC 6066, 3: a session is not resumed under another name. OpenSSL leaves that to its caller, and
 * would report the first name. In TLS 1.3 each handshake has its own name. */
static bool asks_for_other_name(SSL *ssl, const SSL_SESSION *session) {
    const char *name = SSL_SESSION_get0_hostname(session);
    const unsigned char *bytes;
    size_t length, header = 5; /* of a list of one name */
    if (SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION) return false;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &length)) return name;
    return !name || length != header + strlen(name) ||
           memcmp(bytes + header, name, length - header) != 0;
}

static SSL_TICKET_RETURN on_open(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
                                 size_t length, SSL_TICKET_STATUS status, void *context) {
    (void)key_name, (void)length;
    bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    if (!opened || is_over(session, context) || asks_for_other_name(ssl, session)) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* OpenSSL stores the server name in a session only if a callback acknowledges the name. */
static int accept_server_name(SSL *ssl, int *alert, void *context) {
    (void)ssl, (void)alert, (void)context;
    return SSL_TLSEXT_ERR_OK;
}

void resumption_limit(SSL_CTX *context) {
    SSL_CTX_set_session_ticket_cb(context, on_seal, on_open, context);
    SSL_CTX_set_tlsext_servername_callback(context, accept_server_name);
}

/* The limit for DTLS: one socket, peers by address, one call to receive all pending datagrams and
 * one to send all.
 *   dtls_limit echo CERT KEY        until its standard input ends
 *   dtls_limit plain CERT KEY       the same without DTLS */
#define _GNU_SOURCE /* recvmmsg */
#include "common.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 64
#define ROOM 2048 /* bytes of a datagram */
#define MTU 1200
#define BUCKETS 4096
#define COOKIE 16

typedef struct Peer {
    SSL *ssl;
    struct sockaddr_in address;
    struct Peer *next; /* of its bucket */
} Peer;

/* Datagrams of one direction, for recvmmsg and sendmmsg. */
typedef struct Batch {
    struct mmsghdr headers[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in addresses[BATCH];
    uint8_t bytes[BATCH][ROOM];
    unsigned count;
} Batch;

static SSL_CTX *context;
static int descriptor;
static Batch in, out;
static Peer *buckets[BUCKETS];
static const uint8_t *current; /* the datagram at hand, for the BIO */
static size_t current_length;

static void prepare(Batch *batch) {
    for (int i = 0; i < BATCH; i++) {
        batch->parts[i] = (struct iovec){batch->bytes[i], ROOM};
        batch->headers[i].msg_hdr = (struct msghdr){.msg_name = &batch->addresses[i],
                                                    .msg_namelen = sizeof batch->addresses[i],
                                                    .msg_iov = &batch->parts[i],
                                                    .msg_iovlen = 1};
    }
}

static void send_all(void) {
    unsigned sent = 0;
    while (sent < out.count) {
        int n = sendmmsg(descriptor, out.headers + sent, out.count - sent, 0);
        sent += n > 0 ? (unsigned)n : 1; /* drop a datagram that can't be sent */
    }
    out.count = 0;
}

/* --- a peer's BIO --- */

static int bio_write(BIO *bio, const char *bytes, size_t length, size_t *written) {
    const Peer *peer = BIO_get_data(bio);
    if (length > ROOM) return 0;
    if (out.count == BATCH) send_all();
    memcpy(out.bytes[out.count], bytes, length);
    out.parts[out.count].iov_len = length;
    out.addresses[out.count++] = peer->address;
    *written = length;
    return 1;
}

static int bio_read(BIO *bio, char *bytes, size_t room, size_t *got) {
    BIO_clear_retry_flags(bio);
    *got = current_length < room ? current_length : room;
    if (!current_length) BIO_set_retry_read(bio);
    memcpy(bytes, current, *got);
    current_length = 0;
    return *got > 0;
}

static long bio_ctrl(BIO *bio, int command, long value, void *pointer) {
    (void)bio, (void)value, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static BIO *new_bio(Peer *peer) {
    static BIO_METHOD *method;
    if (!method) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "limit");
        BIO_meth_set_write_ex(method, bio_write);
        BIO_meth_set_read_ex(method, bio_read);
        BIO_meth_set_ctrl(method, bio_ctrl);
        BIO_meth_set_create(method, bio_create);
    }
    BIO *bio = BIO_new(method);
    BIO_set_data(bio, peer);
    return bio;
}

/* --- peers --- */

static Peer **bucket_of(const struct sockaddr_in *address) {
    return &buckets[(address->sin_port ^ address->sin_addr.s_addr) % BUCKETS];
}

static Peer *new_peer(const struct sockaddr_in *address) {
    Peer *peer = calloc(1, sizeof *peer);
    if (!peer) die("memory");
    peer->address = *address;
    peer->ssl = SSL_new(context);
    BIO *bio = new_bio(peer);
    SSL_set_bio(peer->ssl, bio, bio);
    SSL_set_accept_state(peer->ssl);
    DTLS_set_link_mtu(peer->ssl, MTU);
    peer->next = *bucket_of(address);
    return *bucket_of(address) = peer;
}

static Peer *find(const struct sockaddr_in *address) {
    Peer *peer = *bucket_of(address);
    while (peer && (peer->address.sin_port != address->sin_port ||
                    peer->address.sin_addr.s_addr != address->sin_addr.s_addr)) {
        peer = peer->next;
    }
    return peer ? peer : new_peer(address);
}

static void drop(Peer *peer) {
    Peer **link = bucket_of(&peer->address);
    while (*link != peer) link = &(*link)->next;
    *link = peer->next;
    SSL_free(peer->ssl);
    free(peer);
}

static void echo(Peer *peer) {
    uint8_t data[ROOM];
    int n;
    forget_errors();
    while ((n = SSL_read(peer->ssl, data, sizeof data)) > 0) {
        SSL_write(peer->ssl, data, n);
        if (!SSL_has_pending(peer->ssl)) return; /* usually one record a datagram */
    }
    int error = SSL_get_error(peer->ssl, n);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) drop(peer);
}

static bool plain;

static void give_back(int i) {
    out.parts[out.count].iov_len = current_length;
    out.addresses[out.count] = in.addresses[i];
    memcpy(out.bytes[out.count++], current, current_length);
}

static void take_all(void) {
    int count;
    do {
        for (int i = 0; i < BATCH; i++) in.headers[i].msg_hdr.msg_namelen = sizeof *in.addresses;
        count = recvmmsg(descriptor, in.headers, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++) {
            current = in.bytes[i];
            current_length = in.headers[i].msg_len;
            if (plain) {
                give_back(i);
            } else {
                echo(find(&in.addresses[i]));
            }
        }
        send_all();
    } while (count == BATCH);
}

/* --- the server --- */

static uint8_t cookie[COOKIE]; /* the same for all peers: security is not measured */

static int make_cookie(SSL *ssl, unsigned char *made, unsigned int *length) {
    (void)ssl;
    memcpy(made, cookie, COOKIE);
    *length = COOKIE;
    return 1;
}

static int check_cookie(SSL *ssl, const unsigned char *shown, unsigned int length) {
    (void)ssl;
    return length == COOKIE && !memcmp(shown, cookie, COOKIE);
}

int main(int argc, char **argv) {
    if (argc < 4) die("usage: dtls_limit echo|plain CERT KEY");
    plain = !strcmp(argv[1], "plain");
    context = SSL_CTX_new(DTLS_server_method());
    use_certificate(context, argv[2], argv[3]);
    SSL_CTX_set_options(context,
                        SSL_OP_COOKIE_EXCHANGE | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_cookie_generate_cb(context, make_cookie);
    SSL_CTX_set_cookie_verify_cb(context, check_cookie);
    RAND_bytes(cookie, COOKIE);
    prepare(&in);
    prepare(&out);
    int queue = epoll_create1(EPOLL_CLOEXEC);
    descriptor = listen_udp();
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &descriptor};
    epoll_ctl(queue, EPOLL_CTL_ADD, descriptor, &event);
    watch_input(queue);
    while (epoll_wait(queue, &event, 1, -1) != 1 || event.data.ptr) take_all();
    return 0;
}

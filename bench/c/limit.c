/* The limit: OpenSSL on one core, bare and tuned. As a server, until its standard input ends:
 *   limit MODE CERT KEY [plain]     echo; sink: read; source: write 256 KB repeatedly; byte: 1 byte
 * As a client:
 *   limit client PORT CA COUNT      connect, verify, 1 byte, close
 * "plain" is untuned OpenSSL: its own socket BIO and buffers, and one send for each record. */
#define _GNU_SOURCE /* accept4 */
#include "common.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD (16 << 10)
#define CHUNK (256 << 10)
#define GATHERED (CHUNK + (64 << 10))
#define READ_AHEAD (64 << 10)
#define BATCH 256
#define MOST_WARM 64 /* the last used connections keep OpenSSL's buffers */

typedef enum Mode { MODE_ECHO, MODE_SINK, MODE_SOURCE, MODE_BYTE } Mode;

typedef struct Connection {
    SSL *ssl;
    int descriptor;
    bool established, readable, writable, said, warm;
    uint8_t *pending; /* sealed, not yet accepted by the socket */
    size_t pending_length;
} Connection;

static Mode mode;
static bool plain;
static char host[] = "localhost";
static SSL_CTX *context;
static int queue;
static uint8_t plaintext[CHUNK];
static struct {
    size_t length;
    uint8_t bytes[GATHERED];
} gathered; /* output of the running step */

/* --- the socket: tried only after an edge; one send for all output of a step --- */

static size_t send_some(Connection *connection, const uint8_t *bytes, size_t length) {
    if (!connection->writable) return 0;
    ssize_t sent = send(connection->descriptor, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) connection->readable = true; /* a read reports it */
    if (sent < (ssize_t)length) connection->writable = false;
    return sent < 0 ? 0 : (size_t)sent;
}

static void keep(Connection *connection, const uint8_t *bytes, size_t length) {
    connection->pending = realloc(connection->pending, connection->pending_length + length);
    if (!connection->pending) die("memory");
    memcpy(connection->pending + connection->pending_length, bytes, length);
    connection->pending_length += length;
}

static void flush_gathered(Connection *connection) {
    size_t sent = 0;
    if (!gathered.length) return;
    if (!connection->pending_length) sent = send_some(connection, gathered.bytes, gathered.length);
    if (sent < gathered.length) keep(connection, gathered.bytes + sent, gathered.length - sent);
    gathered.length = 0;
}

static void flush_pending(Connection *connection) {
    size_t sent = send_some(connection, connection->pending, connection->pending_length);
    connection->pending_length -= sent;
    memmove(connection->pending, connection->pending + sent, connection->pending_length);
    if (connection->pending_length) return;
    free(connection->pending);
    connection->pending = NULL;
}

static int bio_write(BIO *bio, const char *bytes, size_t length, size_t *written) {
    if (length > GATHERED - gathered.length) flush_gathered(BIO_get_data(bio));
    memcpy(gathered.bytes + gathered.length, bytes, length);
    gathered.length += length;
    *written = length;
    return 1;
}

static int bio_read(BIO *bio, char *bytes, size_t room, size_t *got) {
    Connection *connection = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got = 0;
    ssize_t n = -1;
    if (connection->readable) n = recv(connection->descriptor, bytes, room, 0);
    if (n < 0 && connection->readable && errno != EAGAIN) return 0;
    if (n < (ssize_t)room && n != 0) connection->readable = false;
    if (n < 0) BIO_set_retry_read(bio);
    if (n > 0) *got = (size_t)n;
    return n > 0;
}

static long bio_ctrl(BIO *bio, int command, long value, void *pointer) {
    (void)bio, (void)value, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static BIO *new_bio(Connection *connection) {
    static BIO_METHOD *method;
    if (!method) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "limit");
        BIO_meth_set_write_ex(method, bio_write);
        BIO_meth_set_read_ex(method, bio_read);
        BIO_meth_set_ctrl(method, bio_ctrl);
        BIO_meth_set_create(method, bio_create);
    }
    BIO *bio = BIO_new(method);
    BIO_set_data(bio, connection);
    return bio;
}

/* --- buffers --- */

static Connection *warm[MOST_WARM];

static void use(Connection *connection) {
    static unsigned next;
    if (connection->warm || plain) return;
    Connection **place = &warm[next++ % MOST_WARM];
    if (*place) {
        (*place)->warm = false;
        SSL_free_buffers((*place)->ssl);
    }
    *place = connection;
    connection->warm = true;
}

static void forget(const Connection *connection) {
    for (int i = 0; connection->warm && i < MOST_WARM; i++) {
        if (warm[i] == connection) warm[i] = NULL;
    }
}

/* --- a connection's step --- */

typedef enum Outcome { WAITS, ENDS } Outcome;

static Outcome outcome(Connection *connection, int returned) {
    int error = SSL_get_error(connection->ssl, returned);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? WAITS : ENDS;
}

static Outcome give_byte(Connection *connection) {
    if (!connection->said) SSL_write(connection->ssl, "!", 1);
    connection->said = true;
    return outcome(connection, SSL_read(connection->ssl, plaintext, RECORD));
}

static Outcome pour(Connection *connection) {
    int n = 1;
    while (n > 0 && !connection->pending_length && connection->writable) {
        forget_errors();
        n = SSL_write(connection->ssl, plaintext, CHUNK);
        flush_gathered(connection);
    }
    if (n <= 0) return outcome(connection, n);
    /* The client sends no more data: readable means its end. */
    return connection->readable ? outcome(connection, SSL_read(connection->ssl, plaintext, 1))
                                : WAITS;
}

static Outcome take(Connection *connection) {
    while (connection->readable || SSL_has_pending(connection->ssl)) {
        forget_errors();
        int n = SSL_read(connection->ssl, plaintext, RECORD);
        if (n <= 0) return outcome(connection, n);
        if (mode == MODE_SINK) continue;
        int written = SSL_write(connection->ssl, plaintext, n);
        if (written <= 0) return outcome(connection, written);
    }
    return WAITS;
}

static Outcome step(Connection *connection) {
    forget_errors();
    use(connection);
    if (!connection->established) {
        int done = SSL_do_handshake(connection->ssl);
        if (done != 1) return outcome(connection, done);
        connection->established = true;
    }
    if (mode == MODE_BYTE) return give_byte(connection);
    if (mode == MODE_SOURCE) return pour(connection);
    return take(connection);
}

static void end(Connection *connection) {
    forget_errors();
    if (connection->established) SSL_shutdown(connection->ssl);
    flush_gathered(connection);
    forget(connection);
    SSL_free(connection->ssl);
    close(connection->descriptor);
    free(connection->pending);
    free(connection);
}

static void advance(Connection *connection, uint32_t events) {
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) connection->readable = true;
    if (events & EPOLLOUT) connection->writable = true;
    if (connection->pending_length) flush_pending(connection);
    if (step(connection) == ENDS) {
        end(connection);
    } else {
        flush_gathered(connection);
    }
}

static void begin(int descriptor) {
    int on = 1;
    Connection *connection = calloc(1, sizeof *connection);
    if (!connection) die("memory");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->descriptor = descriptor;
    connection->ssl = SSL_new(context);
    if (plain) {
        SSL_set_fd(connection->ssl, descriptor);
    } else {
        BIO *bio = new_bio(connection);
        SSL_set_bio(connection->ssl, bio, bio);
    }
    SSL_set_accept_state(connection->ssl);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = connection};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, descriptor, &event)) die("epoll_ctl");
} /* NOLINT(clang-analyzer-unix.Malloc): the queue holds it */

/* --- the server --- */

static void accept_all(int listener) {
    int descriptor;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        begin(descriptor);
    }
}

static void serve(void) {
    static int listener;
    struct epoll_event events[BATCH], event = {.events = EPOLLIN | EPOLLET, .data.ptr = &listener};
    queue = epoll_create1(EPOLL_CLOEXEC);
    listener = listen_tcp();
    epoll_ctl(queue, EPOLL_CTL_ADD, listener, &event);
    watch_input(queue);
    for (;;) {
        int count = epoll_wait(queue, events, BATCH, -1);
        for (int i = 0; i < count; i++) {
            if (!events[i].data.ptr) return;
            if (events[i].data.ptr == &listener) {
                accept_all(listener);
            } else {
                advance(events[i].data.ptr, events[i].events);
            }
        }
    }
}

static void tune(void) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (plain) return;
    SSL_CTX_clear_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
}

/* --- the client --- */

static void visit(int port) {
    char byte;
    struct timeval patience = {.tv_sec = 10};
    int descriptor = connect_tcp(port);
    SSL *ssl = SSL_new(context);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    SSL_set_fd(ssl, descriptor);
    SSL_set_tlsext_host_name(ssl, host);
    SSL_set1_host(ssl, host);
    if (SSL_connect(ssl) != 1 || SSL_read(ssl, &byte, 1) != 1) die("no verified byte");
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(descriptor);
}

static void be_client(int port, const char *ca, long count) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_read_ahead(context, 1); /* 4 reads for each connection, or 16 */
    if (SSL_CTX_load_verify_locations(context, ca, NULL) != 1) die("%s", ca);
    for (long i = 0; i < count / 10; i++) visit(port);
    int64_t start = cpu_of(getpid());
    for (long i = 0; i < count; i++) visit(port);
    printf("{:units %ld :cpu %lld}\n", count, (long long)(cpu_of(getpid()) - start));
}

int main(int argc, char **argv) {
    static const char *const modes[] = {"echo", "sink", "source", "byte"};
    if (argc > 4 && !strcmp(argv[1], "client")) {
        be_client((int)number(argv[2]), argv[3], number(argv[4]));
        return 0;
    }
    if (argc < 4) die("usage: limit MODE CERT KEY [plain]");
    while (mode <= MODE_BYTE && strcmp(argv[1], modes[mode])) mode++;
    if (mode > MODE_BYTE) die("no such mode: %s", argv[1]);
    plain = argc > 4;
    context = SSL_CTX_new(TLS_server_method());
    tune();
    use_certificate(context, argv[2], argv[3]);
    serve();
    return 0;
}

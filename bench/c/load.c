/* The load generator for TLS and DTLS servers: it measures the CPU time that a server uses for a
 * number of units of work, and prints {:units N :cpu NANOSECONDS ...}, in some modes with the wait
 * of each unit in nanoseconds.
 *   load MODE PORT PID COUNT [name=number ...]
 *     full, resumed  COUNT handshakes, `at-once` at a time, each connection closed after it
 *     echo           COUNT messages of `size` both ways on `connections`, beside `idle` others
 *     sink           COUNT bytes to the server, in writes of `size`
 *     source         COUNT bytes from the server
 *     hold           COUNT connections held: kilobytes of each, idle, then after an echo of `size`
 *     climb          COUNT connections held: CPU time of the second and of the last tenth of them,
 *                    and the wait for echoes on some of them, one at a time
 * datagrams=1 uses DTLS; a missing answer is requested again, and counted. With plain=1 as well,
 * the echo uses UDP alone. */
#include "common.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_SIZE (256 << 10)
#define MOST_HELD 65536
#define BATCH 256
#define SETTLE 1000    /* milliseconds for a server to settle its memory */
#define PATIENCE 60000 /* milliseconds without an event until the run fails */
#define RESEND 200     /* milliseconds after which a datagram counts as lost */

typedef struct Connection Connection;

/* The next step of a connection after an event; step itself makes the handshake. */
typedef void Step(Connection *connection);

struct Connection {
    SSL *ssl;
    int descriptor;
    Step *step;
    size_t left;     /* of the running message, to read */
    bool unsent;     /* repeat its write */
    int64_t started; /* when it was sent */
};

static struct {
    long count, size, connections, idle, at_once, datagrams, plain;
} wanted = {.size = 64, .connections = 64, .at_once = 32};

static int port, queue;
static pid_t server;
static char host[] = "localhost";
static SSL_CTX *context;
static SSL_SESSION *session;
static uint8_t data[MOST_SIZE];

/* The units of work. A tenth of them comes first and is not counted. */
static struct {
    long warm_up, started, done;
    int64_t cpu, clock, *waits;
    long lost;
    bool over;
} work;

static void begin_work(long units) {
    work.warm_up = units / 10;
    work.started = work.done = 0;
    work.over = false;
    work.waits = calloc((size_t)units + 1, sizeof *work.waits);
    if (!work.waits) die("memory");
    work.cpu = cpu_of(server);
    work.clock = now();
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_waits(int64_t *waits, long count) {
    qsort(waits, (size_t)count, sizeof *waits, compare);
    printf(" :p50 %lld :p99 %lld", (long long)waits[count / 2],
           (long long)waits[count - 1 - count / 100]);
}

static void end_work(void) {
    long units = work.done - work.warm_up;
    printf("{:units %ld :cpu %lld :clock %lld", units, (long long)(cpu_of(server) - work.cpu),
           (long long)(now() - work.clock));
    print_waits(work.waits, units);
    printf(" :lost %ld}\n", work.lost);
    work.over = true;
}

static bool may_start_unit(void) {
    if (work.started >= wanted.count + work.warm_up) return false;
    work.started++;
    return true;
}

static void unit_done(int64_t waited) {
    if (work.over) return;
    work.done++;
    if (work.done > work.warm_up) work.waits[work.done - work.warm_up - 1] = waited;
    if (work.done == work.warm_up) {
        work.cpu = cpu_of(server);
        work.clock = now();
    }
    if (work.done == wanted.count + work.warm_up) end_work();
}

/* --- connections --- */

static Connection *all[MOST_HELD]; /* the held connections */
static long open_count, shaken_count;

static void watch(Connection *connection, int change, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(queue, change, connection->descriptor, &event)) die("epoll_ctl");
}

static void use_datagrams(Connection *connection) {
    BIO *bio = BIO_new_dgram(connection->descriptor, BIO_NOCLOSE);
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (getpeername(connection->descriptor, (struct sockaddr *)&peer, &size)) die("getpeername");
    BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer);
    SSL_set_bio(connection->ssl, bio, bio);
    DTLS_set_link_mtu(connection->ssl, 1200);
}

static Connection *open_connection(Step *step) {
    Connection *connection = calloc(1, sizeof *connection);
    if (!connection) die("memory");
    connection->step = step;
    connection->descriptor = wanted.datagrams ? connect_udp(port) : connect_tcp(port);
    unblock(connection->descriptor);
    watch(connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLET);
    if (wanted.plain) return connection;
    connection->ssl = SSL_new(context);
    if (wanted.datagrams) {
        use_datagrams(connection);
    } else {
        SSL_set_fd(connection->ssl, connection->descriptor);
    }
    SSL_set_connect_state(connection->ssl);
    SSL_set_tlsext_host_name(connection->ssl, host);
    if (session) SSL_set_session(connection->ssl, session);
    return connection;
}

static void close_connection(Connection *connection) {
    close(connection->descriptor);
    SSL_free(connection->ssl);
    free(connection);
}

/* Does the last call wait for the socket? Any other failure ends the run. */
static bool waits(Connection *connection, int returned, const char *what) {
    if (wanted.plain && errno == EAGAIN) return true;
    int error = SSL_get_error(connection->ssl, returned);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) die("%s failed", what);
    return true;
}

static bool shaken(Connection *connection) {
    if (wanted.plain || SSL_is_init_finished(connection->ssl)) return true;
    ERR_clear_error();
    int done = SSL_do_handshake(connection->ssl);
    return done == 1 || !waits(connection, done, "handshake");
}

static void write_message(Connection *connection);

/* Lost datagrams: OpenSSL repeats handshakes, messages are sent again here. */
static void send_again(void) {
    for (long i = 0; i < open_count; i++) {
        if (!wanted.plain && !SSL_is_init_finished(all[i]->ssl)) {
            DTLSv1_handle_timeout(all[i]->ssl);
        } else if (all[i]->left) {
            work.lost++;
            write_message(all[i]);
        }
    }
}

static void take_events(int patience) {
    struct epoll_event events[BATCH];
    int count = epoll_wait(queue, events, BATCH, wanted.datagrams ? RESEND : patience);
    if (!count && wanted.datagrams) send_again();
    if (!count && patience == PATIENCE && !wanted.datagrams) die("nothing happens any more");
    for (int i = 0; i < count; i++) {
        Connection *connection = events[i].data.ptr;
        connection->step(connection);
    }
}

/* --- handshakes: a connection is closed by our close_notify and the server's close --- */

static void visit(Connection *connection);

static void begin_visit(void) {
    if (!may_start_unit()) return;
    int64_t start = now();
    open_connection(visit)->started = start;
} /* NOLINT(clang-analyzer-unix.Malloc): the queue holds it */

static void end_visit(Connection *connection) {
    int64_t waited = now() - connection->started;
    if (session && !SSL_session_reused(connection->ssl)) die("the session was not resumed");
    close_connection(connection);
    unit_done(waited);
    begin_visit();
}

static void visit(Connection *connection) {
    if (!shaken(connection)) return;
    if (!(SSL_get_shutdown(connection->ssl) & SSL_SENT_SHUTDOWN)) SSL_shutdown(connection->ssl);
    ERR_clear_error();
    int n = SSL_read(connection->ssl, data, 1);
    int error = SSL_get_error(connection->ssl, n);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) end_visit(connection);
}

static void shake_hands(void) {
    begin_work(wanted.count);
    for (long i = 0; i < wanted.at_once; i++) begin_visit();
    while (!work.over) take_events(PATIENCE);
}

/* Tickets come with the server's first data, here with the end of a connection. */
static int keep_session(SSL *ssl, SSL_SESSION *fresh) {
    (void)ssl;
    if (session) return 0;
    session = fresh;
    return 1;
}

static void fetch_session(Connection *connection) {
    if (!shaken(connection)) return;
    SSL_shutdown(connection->ssl);
    ERR_clear_error();
    SSL_read(connection->ssl, data, 1);
}

static void resume(void) {
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    Connection *first = open_connection(fetch_session);
    while (!session) take_events(PATIENCE);
    close_connection(first);
    /* With its cache on, OpenSSL resumes a session only once. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    shake_hands();
}

/* --- many connections --- */

static void stand(Connection *connection) {
    (void)connection;
}

static void arrive(Connection *connection) {
    if (!shaken(connection)) return;
    connection->step = stand;
    shaken_count++;
}

/* Open connections up to that number. */
static void open_all(long count) {
    if (count > MOST_HELD) die("too many connections");
    while (shaken_count < count) {
        while (open_count < count && open_count - shaken_count < wanted.at_once) {
            all[open_count++] = open_connection(arrive);
        }
        take_events(PATIENCE);
    }
}

/* --- echo --- */

static int write_some(Connection *connection) {
    size_t size = (size_t)wanted.size;
    if (wanted.plain) return (int)send(connection->descriptor, data, size, 0);
    ERR_clear_error();
    return SSL_write(connection->ssl, data, (int)size);
}

static int read_some(Connection *connection) {
    if (wanted.plain) return (int)recv(connection->descriptor, data, sizeof data, 0);
    ERR_clear_error();
    return SSL_read(connection->ssl, data, sizeof data);
}

static void write_message(Connection *connection) {
    int n = write_some(connection);
    connection->unsent = n <= 0 && waits(connection, n, "write");
}

static void send_message(Connection *connection) {
    if (!may_start_unit()) return;
    connection->started = now();
    connection->left = (size_t)wanted.size;
    write_message(connection);
}

static void take_answer(Connection *connection) {
    int n;
    if (connection->unsent) write_message(connection);
    while ((n = read_some(connection)) > 0) {
        if ((size_t)n > connection->left) continue; /* a second answer to a repeated message */
        connection->left -= (size_t)n;
        if (connection->left) continue;
        unit_done(now() - connection->started);
        send_message(connection);
    }
    waits(connection, n, "read");
}

static void echo(void) {
    open_all(wanted.connections + wanted.idle);
    begin_work(wanted.count);
    /* Idle ones first, so that a linear search would be slow. */
    for (long i = wanted.idle; i < wanted.connections + wanted.idle; i++) {
        all[i]->step = take_answer;
        send_message(all[i]);
    }
    while (!work.over) take_events(PATIENCE);
}

/* --- bulk --- */

static void pour(Connection *connection) {
    int n = 1;
    while (n > 0 && !work.over) {
        ERR_clear_error();
        n = SSL_write(connection->ssl, data, (int)wanted.size);
        if (n > 0) unit_done(0);
    }
    if (n <= 0) waits(connection, n, "write");
}

static void drain(Connection *connection) {
    static long taken;
    int n = 1;
    while (n > 0 && !work.over) {
        ERR_clear_error();
        n = SSL_read(connection->ssl, data, sizeof data);
        if (n > 0) taken += n;
        for (; taken >= wanted.size && !work.over; taken -= wanted.size) unit_done(0);
    }
    if (n <= 0) waits(connection, n, "read");
}

/* Units are writes; report bytes. */
static void bulk(Step *step) {
    wanted.count /= wanted.size;
    open_all(1);
    Connection *connection = all[0];
    begin_work(wanted.count);
    connection->step = step;
    step(connection);
    while (!work.over) take_events(PATIENCE);
}

/* --- memory --- */

static void settle(void) {
    int64_t until = now() + SETTLE * INT64_C(1000000);
    int64_t left;
    while ((left = until - now()) > 0) take_events((int)(left / 1000000) + 1);
}

static long exchanged;

static void take_once(Connection *connection) {
    int n;
    if (connection->unsent) write_message(connection);
    while ((n = read_some(connection)) > 0) {
        if ((size_t)n > connection->left) continue;
        connection->left -= (size_t)n;
        if (!connection->left) exchanged++;
    }
    waits(connection, n, "read");
}

/* How long the answer took. */
static int64_t exchange(Connection *connection) {
    long before = exchanged;
    int64_t start = now();
    connection->step = take_once;
    connection->left = (size_t)wanted.size;
    write_message(connection);
    while (exchanged == before) take_events(PATIENCE);
    return now() - start;
}

/* One message at a time, on each `stride`th held connection. */
static void exchange_all(long stride) {
    static int64_t waits[MOST_HELD];
    long count = 0;
    for (long i = 0; i < open_count; i += stride) waits[count++] = exchange(all[i]);
    print_waits(waits, count);
}

static void hold(void) {
    open_all(1);
    settle();
    long base = memory_of(server);
    open_all(wanted.count + 1);
    settle();
    printf("{:units %ld :idle %ld", wanted.count, memory_of(server) - base);
    exchange_all(1);
    settle();
    printf(" :used %ld}\n", memory_of(server) - base);
}

static int64_t climb_to(long count) {
    int64_t start = cpu_of(server);
    open_all(count);
    return cpu_of(server) - start;
}

static void climb(void) {
    long tenth = wanted.count / 10;
    climb_to(tenth); /* warm up */
    long base = memory_of(server);
    int64_t first = climb_to(2 * tenth);
    climb_to(9 * tenth);
    int64_t last = climb_to(wanted.count);
    long held = memory_of(server) - base;
    printf("{:units %ld :first %lld :last %lld :held %ld", tenth, (long long)first, (long long)last,
           held / 9);
    exchange_all(10);
    printf("}\n");
}

/* --- arguments --- */

static void set_wish(const char *argument) {
    static const struct {
        const char *name;
        long *field;
    } wishes[] = {{"size=", &wanted.size},           {"connections=", &wanted.connections},
                  {"idle=", &wanted.idle},           {"at-once=", &wanted.at_once},
                  {"datagrams=", &wanted.datagrams}, {"plain=", &wanted.plain}};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        size_t length = strlen(wishes[i].name);
        if (strncmp(argument, wishes[i].name, length) != 0) continue;
        *wishes[i].field = number(argument + length);
        return;
    }
    die("no such wish: %s", argument);
}

static void run(const char *mode) {
    if (!strcmp(mode, "full")) {
        shake_hands();
    } else if (!strcmp(mode, "resumed")) {
        resume();
    } else if (!strcmp(mode, "echo")) {
        echo();
    } else if (!strcmp(mode, "sink")) {
        bulk(pour);
    } else if (!strcmp(mode, "source")) {
        bulk(drain);
    } else if (!strcmp(mode, "hold")) {
        hold();
    } else if (!strcmp(mode, "climb")) {
        climb();
    } else {
        die("no such mode: %s", mode);
    }
}

int main(int argc, char **argv) {
    if (argc < 5) die("usage: load MODE PORT PID COUNT [name=number ...]");
    port = (int)number(argv[2]);
    server = (pid_t)number(argv[3]);
    wanted.count = number(argv[4]);
    for (int i = 5; i < argc; i++) set_wish(argv[i]);
    if (wanted.size < 1 || wanted.size > MOST_SIZE) die("size");
    queue = epoll_create1(EPOLL_CLOEXEC);
    context = SSL_CTX_new(wanted.datagrams ? DTLS_client_method() : TLS_client_method());
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 64 << 10);
    run(argv[1]);
    bool ends = wanted.datagrams && !wanted.plain;
    for (long i = 0; ends && i < open_count; i++) SSL_shutdown(all[i]->ssl);
    return 0;
}

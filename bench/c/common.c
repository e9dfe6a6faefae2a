#define _GNU_SOURCE /* clock_getcpuclockid */
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096
#define DATAGRAM_ROOM (4 << 20) /* bytes that a UDP socket may hold */

_Noreturn void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, " (errno: %s)\n", strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int64_t read_clock(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time)) die("no such clock");
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t now(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t cpu_of(pid_t pid) {
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock)) die("process %d is gone", (int)pid);
    return read_clock(clock);
}

long memory_of(pid_t pid) {
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof line, file)) die("%s", path);
    fclose(file);
    char *resident = strchr(line, ' '); /* the second number */
    return strtol(resident ? resident : line, NULL, 10) * (sysconf(_SC_PAGESIZE) >> 10);
}

long number(const char *text) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || end == text) die("not a number: %s", text);
    return value;
}

/* --- sockets --- */

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void set(int descriptor, int level, int option, int value) {
    if (setsockopt(descriptor, level, option, &value, sizeof value)) die("setsockopt");
}

static int bound(int type) {
    int descriptor = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(0);
    if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, sizeof address))
        die("bind");
    return descriptor;
}

static void tell_port(int descriptor) {
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &size)) die("getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

int listen_tcp(void) {
    int descriptor = bound(SOCK_STREAM);
    if (listen(descriptor, BACKLOG)) die("listen");
    tell_port(descriptor);
    return descriptor;
}

int listen_udp(void) {
    int descriptor = bound(SOCK_DGRAM);
    set(descriptor, SOL_SOCKET, SO_RCVBUF, DATAGRAM_ROOM);
    tell_port(descriptor);
    return descriptor;
}

/* Loopback connects at once: there is nothing to wait for. */
static int connected(int type, int port) {
    struct sockaddr_in address = loopback(port);
    int descriptor = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&address, sizeof address)) {
        die("connect to port %d", port);
    }
    return descriptor;
}

void unblock(int descriptor) {
    if (fcntl(descriptor, F_SETFL, O_NONBLOCK)) die("fcntl");
}

int connect_tcp(int port) {
    int descriptor = connected(SOCK_STREAM, port);
    set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    return descriptor;
}

int connect_udp(int port) {
    return connected(SOCK_DGRAM, port);
}

void watch_input(int queue) {
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, STDIN_FILENO, &event)) die("standard input is no pipe");
}

void use_certificate(SSL_CTX *context, const char *certificate, const char *key) {
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        die("%s, %s", certificate, key);
    }
}

void forget_errors(void) {
    if (ERR_peek_error()) ERR_clear_error();
}

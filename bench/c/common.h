/* Shared by the programs of the benchmark. Each is one thread. On any error it exits with a line on
 * standard error: the figures of a failing run would mislead. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Nanoseconds: of the clock, and of CPU that a process has used so far, all its threads. */
int64_t now(void);
int64_t cpu_of(pid_t pid);

/* Kilobytes of memory that a process holds. */
long memory_of(pid_t pid);

/* An argument that is to be a number. */
long number(const char *text);

/* Sockets on 127.0.0.1. A server's socket does not block. Its port is printed, as the sign that the
 * server is ready. */
int listen_tcp(void);
int listen_udp(void);
int connect_tcp(int port);
int connect_udp(int port);
void unblock(int descriptor);

/* Exit when the parent closes our standard input. It is watched by epoll, as the event with a NULL
 * pointer. */
void watch_input(int queue);

void use_certificate(SSL_CTX *context, const char *certificate, const char *key);

/* ERR_clear_error walks the whole queue, full or empty. */
void forget_errors(void);

#endif

/* What the programs of the bench share. Each is one thread, and ends with a line on standard error
 * where anything goes wrong: a bench that limps tells no truth. */
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

/* Sockets on 127.0.0.1. A server's do not block, and its port is printed: so it says that it is ready. */
int listen_tcp(void);
int listen_udp(void);
int connect_tcp(int port);
int connect_udp(int port);
void unblock(int descriptor);

/* Let this process end when whoever started it closes its standard input; for epoll, whose event
 * with a NULL pointer it is. */
void watch_input(int queue);

void use_certificate(SSL_CTX *context, const char *certificate, const char *key);

/* ERR_clear_error walks the whole queue, full or empty. */
void forget_errors(void);

#endif

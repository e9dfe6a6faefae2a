/* Sockets: creating, describing and detaching them, and core's net functions on our descriptors. */
#ifndef JSEC_NET_SOCKET_H
#define JSEC_NET_SOCKET_H

#include <janet.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Send each record without delay; no effect unless it is a TCP socket. */
void socket_set_nodelay(int descriptor);

/* Closing the descriptor resets the TCP connection: what the kernel has not sent yet is dropped,
 * and the peer gets an error. No effect on unix sockets. */
void socket_set_reset(int descriptor);

/* Does another socket listen on that TCP address, also by sharing its port, or on all addresses? */
bool socket_has_listener(const struct sockaddr *address, socklen_t length);

/* Close a core stream so that its peer sees an error; no effect on a closed one. */
void socket_abort(JanetStream *stream);

void socket_set_blocking(int descriptor);

/* A non-blocking, close-on-exec socket; -1 with errno. */
int socket_new(int family, int type);
int socket_accept(int listener, struct sockaddr_storage *peer);

/* Append the peer's address as text: "192.0.2.1:443", "[2001:db8::1]:443", a unix socket's path.
 * `name`, unless NULL, replaces the IP address. Appends nothing without a peer. */
void socket_describe_peer(int descriptor, const char *name, JanetBuffer *into);

/* Call the core function of that name, such as "net/peername", with a core stream of our descriptor
 * as its first argument. Results and errors are core's own. Where core returns the stream, argv[0]
 * is returned. */
Janet socket_call_core(const char *name, int descriptor, int32_t argc, const Janet *argv);

/* Take the descriptor out of a core stream and close the stream; the caller owns the descriptor.
 * Raises unless it is an open, connected socket of that type (SOCK_STREAM, SOCK_DGRAM), and while
 * another fiber reads or writes it. */
int socket_detach(JanetStream *stream, int type, const char *function);

#endif

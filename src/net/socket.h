/* Sockets: the small settings, and the functions of core's net module on descriptors of ours. */
#ifndef JSEC_NET_SOCKET_H
#define JSEC_NET_SOCKET_H

#include <janet.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Each record is sent when it is sealed; nothing where it is no TCP socket. */
void socket_set_nodelay(int descriptor);

/* Closing the descriptor resets the TCP connection: what the kernel has not sent yet is dropped, and
 * the peer gets an error. No effect on unix sockets. */
void socket_set_reset(int descriptor);

/* Non-blocking, closed on exec. -1 with errno. */
int socket_new(int family, int type);
int socket_accept(int listener);

/* Who is at the other end, for a person: "192.0.2.1:443", "[2001:db8::1]:443", a unix socket's path.
 * Where `name` is given it stands in place of the address. Empty where there is nobody. */
void socket_describe_peer(int descriptor, const char *name, JanetBuffer *into);

/* Call core's function of that name ("net/peername") with a core stream of our descriptor as its
 * first argument: the same results and the same errors, from the same code. Raises what it
 * raises. argv[0] is put in place of the core stream if that is what it returns. */
Janet socket_call_core(const char *name, int descriptor, int32_t argc, const Janet *argv);

/* Take the descriptor out of a core stream, which is closed by that, without closing it. Raises
 * unless it is an open, connected socket of that type (SOCK_STREAM, SOCK_DGRAM) that nobody else
 * reads or writes. */
int socket_detach(JanetStream *stream, int type, const char *function);

#endif

/* listen-fds: listeners that systemd, or another parent, opened for this process:
 * sd_listen_fds(3). */
#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "net/listener.h"
#include "register.h"
#include "tls/accept.h"
#include "tls/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST 3
#define MAX_PASSED 1024

/* By their order. Two streams would close one descriptor twice. */
static atomic_int taken[MAX_PASSED];

static long read_number(const char *function, const char *name, const char *text, long max) {
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || end == text || *end || number < 0 || number > max)
        raise_format(function, "the environment's %s is not a number, or too large", name);
    return number;
}

/* The variables also reach children of the process that they are for. */
static int count_passed(const char *function) {
    const char *count = getenv("LISTEN_FDS");
    const char *process = getenv("LISTEN_PID");
    if (!count || !process) return 0;
    if (read_number(function, "LISTEN_PID", process, LONG_MAX) != (long)getpid()) return 0;
    return (int)read_number(function, "LISTEN_FDS", count, MAX_PASSED);
}

/* The n-th name of LISTEN_FDNAMES, which are separated by colons. */
static Bytes name_of(int n) {
    const char *names = getenv("LISTEN_FDNAMES");
    for (; names && n; n--) {
        names = strchr(names, ':');
        if (names) names++;
    }
    return (Bytes){(const uint8_t *)names, names ? strcspn(names, ":") : 0};
}

static bool is_called(int n, Bytes wanted) {
    Bytes name = name_of(n);
    if (!wanted.data) return true;
    return name.data && name.length == wanted.length &&
           !memcmp(name.data, wanted.data, name.length);
}

static bool has_value(int descriptor, int option, int wanted) {
    int value;
    socklen_t size = sizeof value;
    return !getsockopt(descriptor, SOL_SOCKET, option, &value, &size) && value == wanted;
}

static bool is_listener(int descriptor) {
    return has_value(descriptor, SO_TYPE, SOCK_STREAM) && has_value(descriptor, SO_ACCEPTCONN, 1);
}

static void prepare_descriptor(const char *function, int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFD, FD_CLOEXEC) ||
        fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)) {
        raise_format(function, "descriptor %d: %s", descriptor, strerror(errno));
    }
}

/* Descriptors of other kinds belong to other code. */
static bool take_descriptor(const char *function, int n) {
    int descriptor = FIRST + n;
    if (atomic_load(&taken[n])) return false; /* perhaps closed meanwhile */
    if (fcntl(descriptor, F_GETFD) < 0) {
        raise_format(function, "descriptor %d was announced and not passed", descriptor);
    }
    if (!is_listener(descriptor) || atomic_exchange(&taken[n], 1)) return false;
    prepare_descriptor(function, descriptor);
    return true;
}

static Janet make_listener(int descriptor, const JanetMethod *methods, ServerOptions *options) {
    JanetStream *stream =
        janet_stream(descriptor, JANET_STREAM_ACCEPTABLE | JANET_STREAM_SOCKET, methods);
    tls_listener_make(stream, options);
    return janet_wrap_abstract(stream);
}

static Bytes get_name(const char *function, const Janet *argv, int32_t argc) {
    if (argc < 1 || janet_checktype(argv[0], JANET_NIL)) return (Bytes){NULL, 0};
    JanetByteView view = args_view(function, argv, 0);
    return (Bytes){view.bytes, (size_t)view.len};
}

static ServerOptions *get_server(const char *function, const Janet *argv, int32_t argc) {
    ConnectionOptions connection;
    if (argc < 2 || janet_checktype(argv[1], JANET_NIL)) return NULL;
    Context *context = tls_choose(function, &tls_server_set, argv, argc, 1, &connection);
    accept_check(function, context);
    return server_options_new(context, &connection);
}

FUNCTION(
    tls_listen_fds, "tls/listen-fds", "&opt name opts",
    "Take the listeners that the parent opened and passed to this process, as systemd does for a "
    "socket unit: those of `LISTEN_FDS`, when `LISTEN_PID` is this process. They stay open in "
    "the parent when the program restarts, so that no client is refused meanwhile, and a port "
    "below 1024 needs no rights of the program.\n\n"
    "With `name`, take those that `LISTEN_FDNAMES` calls so: `FileDescriptorName=` of a socket "
    "unit, by default the unit's name. `opts` is a table or struct of the options of a TLS server, "
    "or a context, as for `tls/listen`; without, the listeners are for `tls/accept` and "
    "`tls/accept-loop` with options of their own.\n\n"
    "Returns an array of listeners, in the order in which they were passed; it is empty when "
    "none was passed, so that a program can call `tls/listen` then. Each descriptor is taken "
    "once, and closed in children. Sockets of other kinds, such as those for datagrams, are "
    "left. Raises when the variables are malformed or an announced descriptor is not there, and "
    "when options of a server lack what a server needs. See sd_listen_fds(3).\n\n"
    "Options:",
    &tls_server_set) {
    args_arity(function, argc, 0, 2);
    Bytes name = get_name(function, argv, argc);
    ServerOptions *options = get_server(function, argv, argc);
    int count = count_passed(function);
    JanetArray *listeners = janet_array(count);
    const JanetMethod *methods = count ? listener_core_methods() : NULL;
    for (int n = 0; n < count; n++) {
        if (!is_called(n, name) || !take_descriptor(function, n)) continue;
        janet_array_push(listeners, make_listener(FIRST + n, methods, options));
    }
    return janet_wrap_array(listeners);
}

static const Function *const functions[] = {
    &function_tls_listen_fds,
    NULL,
};

void tls_inherited_register(JanetTable *env) {
    module_register(env, functions);
}

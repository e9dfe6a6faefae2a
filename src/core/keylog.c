#define _GNU_SOURCE /* O_CLOEXEC */
#include "core/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int open_log(const char *path) {
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

/* One write a line, appended: connections and processes may share the file. */
static void on_line(const SSL *ssl, const char *line) {
    const ContextTraits *traits = context_traits(SSL_get_SSL_CTX(ssl));
    if (!traits->keylog) return;
    int log = open_log(traits->keylog);
    if (log < 0) return;
    struct iovec parts[] = {{(void *)(uintptr_t)line, strlen(line)}, {(void *)(uintptr_t) "\n", 1}};
    ssize_t written = writev(log, parts, 2);
    (void)written; /* a full disk must not end the connection */
    close(log);
}

bool keylog_set(SSL_CTX *context, ContextTraits *traits, Bytes path, Failure *failure) {
    if (!path.data) return true;
    traits->keylog = OPENSSL_strndup((const char *)path.data, path.length);
    int log = traits->keylog ? open_log(traits->keylog) : -1;
    if (log < 0) {
        return failure_set(failure, ":keylog: %s: %s", (const char *)path.data, strerror(errno));
    }
    close(log);
    SSL_CTX_set_keylog_callback(context, on_line);
    return true;
}

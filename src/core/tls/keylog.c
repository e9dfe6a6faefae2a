#define _GNU_SOURCE /* O_CLOEXEC */
#include "core/tls/keylog.h"

#include "core/shown.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int open_log(const char *path) {
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

/* A full disk may have cut a line in the middle. The next write then ends it first, or both lines
 * would be lost. One flag serves all logs: an empty line does no harm. */
static atomic_int torn;

/* Connections and processes may share the file, so each line is one appending write. A line that
 * can't be written is lost; the connection goes on. */
static void write_line(const SSL *ssl, const char *line) {
    const ContextData *data = context_data(SSL_get_SSL_CTX(ssl));
    if (!data->keylog) return;
    int log = open_log(data->keylog);
    if (log < 0) return;
    char end[] = "\n";
    size_t length = strlen(line);
    int before = atomic_exchange(&torn, 0);
    struct iovec parts[] = {{end, (size_t)before}, {(void *)(uintptr_t)line, length}, {end, 1}};
    ssize_t written = writev(log, parts, 3);
    bool whole = written == (ssize_t)length + 1 + before;
    if (!whole && (written > before || (before && written <= 0))) atomic_store(&torn, 1);
    close(log);
}

bool keylog_set(SSL_CTX *context, ContextData *data, Bytes path, Failure *failure) {
    if (!path.data) return true;
    data->keylog = OPENSSL_strndup((const char *)path.data, path.length);
    int log = data->keylog ? open_log(data->keylog) : -1;
    if (log < 0) {
        Shown shown;
        return failure_set(failure, ":keylog: %s: %s", shown_path(path, &shown), strerror(errno));
    }
    close(log);
    SSL_CTX_set_keylog_callback(context, write_line);
    return true;
}

#include "core/failure.h"

#include "core/printable.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Texts quote names of peers and bytes of files. The second copy also allows a text to quote
 * `failure` itself. */
__attribute__((format(printf, 2, 0))) static void format_text(Failure *failure, const char *format,
                                                              va_list args) {
    char text[sizeof failure->text];
    vsnprintf(text, sizeof text, format, args);
    printable_copy(failure->text, sizeof failure->text, text, strlen(text), "\\x");
}

bool failure_set(Failure *failure, const char *format, ...) {
    va_list args;
    va_start(args, format);
    format_text(failure, format, args);
    va_end(args);
    return false;
}

static void append(Failure *failure, const char *separator, const char *text) {
    size_t used = strlen(failure->text);
    char joined[sizeof failure->text];
    snprintf(joined, sizeof joined, "%s%s", separator, text);
    printable_copy(failure->text + used, sizeof failure->text - used, joined, strlen(joined),
                   "\\x");
}

bool failure_prefix(Failure *failure, const char *what, ...) {
    const Failure reason = *failure;
    va_list args;
    va_start(args, what);
    format_text(failure, what, args);
    va_end(args);
    append(failure, ": ", reason.text);
    return false;
}

/* The reason of one error in the queue; a system error carries an errno instead. */
static const char *reason_of(unsigned long code, char *buffer, size_t size) {
    const char *reason = ERR_reason_error_string(code);
    if (reason && *reason) return reason;
    if (ERR_SYSTEM_ERROR(code)) return strerror(ERR_GET_REASON(code));
    snprintf(buffer, size, "OpenSSL error %08lX", code);
    return buffer;
}

bool failure_openssl(Failure *failure, const char *what, ...) {
    va_list args;
    va_start(args, what);
    format_text(failure, what, args);
    va_end(args);

    char buffer[32], last[256] = "";
    int reasons = 0, flags;
    unsigned long code;
    const char *data;
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags))) {
        const char *reason = reason_of(code, buffer, sizeof buffer);
        /* OpenSSL often repeats a reason at each level that it passes: show it once. */
        if (reasons == 3 || !strcmp(reason, last)) continue;
        append(failure, ": ", reason);
        if ((flags & ERR_TXT_STRING) && data && *data) {
            append(failure, " (", data);
            append(failure, ")", "");
        }
        snprintf(last, sizeof last, "%s", reason);
        reasons++;
    }
    if (!reasons) append(failure, ": ", "OpenSSL gave no reason");
    return false;
}

bool failure_of_memory(Failure *failure) {
    bool ran_out = false;
    unsigned long code;
    while ((code = ERR_get_error())) {
        ran_out = ran_out || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    }
    return ran_out && !failure_set(failure, "out of memory");
}

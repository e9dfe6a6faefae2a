#include "core/tls/host_pattern.h"

#include "core/shown.h"
#include "core/tls/idn.h"
#include "core/tls/verify.h"

#include <string.h>

static bool is_ascii(Bytes name) {
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] > 0x7f) return false;
    }
    return true;
}

static bool is_address(Bytes name) {
    char text[64];
    if (name.length >= sizeof text) return false;
    memcpy(text, name.data, name.length);
    text[name.length] = 0;
    return verify_is_address(text);
}

/* The part that has to be a host name: what follows "*.". */
static Bytes strip_wildcard(Bytes name) {
    bool wildcard = name.length > 2 && name.data[0] == '*' && name.data[1] == '.';
    return wildcard ? (Bytes){name.data + 2, name.length - 2} : name;
}

static bool explain_idn(Bytes name, const char *shown, Failure *failure) {
    char ascii[MAX_HOST_NAME + 1];
    if (name.length > MAX_SHOWN || !idn_to_ascii(name, ascii, sizeof ascii)) {
        return failure_set(failure,
                           "%s is not a host name: clients send its ASCII form, "
                           "\"xn--…\"",
                           shown);
    }
    return failure_set(failure, "%s matches no host: clients send its ASCII form, \"%s\"", shown,
                       ascii);
}

static bool has_port_or_path(Bytes name) {
    return memchr(name.data, '/', name.length) || memchr(name.data, ':', name.length);
}

static bool has_star(Bytes name) {
    return memchr(name.data, '*', name.length);
}

static bool begins_with_dot(Bytes name) {
    return name.length > 1 && *name.data == '.';
}

/* Why no host can have the name, and the cure: the first that applies. */
static const struct {
    bool (*applies)(Bytes name);
    const char *why;
} reasons[] = {
    {is_address, "clients send no IP address as a name, :default serves them"},
    {has_port_or_path, "a name has no scheme, port or path"},
    {has_star, "\"*\" is the whole first label, as in \"*.a.example\", and :default is any host"},
    {begins_with_dot, "with \"*\" before it, it serves the hosts of a domain"},
};

static bool explain(Bytes name, Failure *failure) {
    Shown buffer;
    const char *shown = shown_name(name, &buffer);
    if (!is_ascii(name)) return explain_idn(name, shown, failure);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (!reasons[i].applies(name)) continue;
        return failure_set(failure, "%s matches no host: %s", shown, reasons[i].why);
    }
    return failure_set(failure, "%s is not a host name", shown);
}

Bytes host_pattern(Bytes name, Failure *failure) {
    Bytes whole = name;
    if (name.length > 1 && name.data[name.length - 1] == '.') name.length--;
    Bytes host = strip_wildcard(name);
    bool sound = name.length <= MAX_HOST_NAME && hostname_is_sound(host) && !is_address(host);
    if (sound) return name;
    explain(whole, failure);
    return (Bytes){NULL, 0};
}

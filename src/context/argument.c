#include "context/argument.h"

#include "base/raise.h"
#include "context/rows.h"
#include "core/tls/context_cache.h"
#include "core/tls/context_data.h"
#include "core/tls/host_pattern.h"

#include <string.h>
#include <strings.h>

static Context *as_context(const ContextKind *kind, Janet value) {
    return janet_checkabstract(value, kind->type);
}

static void merge_names(const char *function, ContextOptions *options) {
    if (!options->sni.data) return;
    if (options->connection.hostname.data) {
        raise_format(function, "options :hostname and :sni say the same: give one of them");
    }
    options->connection.hostname = options->sni;
}

static bool keeps_sessions(const Context *context) {
    SSL_CTX *now = context_slot_get(context->slot);
    bool keeps = context_data(now)->keeps_sessions;
    SSL_CTX_free(now);
    return keeps;
}

static Context *read_beside(const char *function, const ContextKind *kind, Janet table,
                            ContextOptions *options) {
    Context *context = as_context(kind, options->context);
    if (!context) {
        raise_format(function, "bad option :context, expected a %s context, got %s", kind->protocol,
                     raise_shown(options->context));
    }
    options->connection = context->connection;
    options->context = janet_wrap_nil();
    options_read(function, kind->beside, table, options);
    if (options->sni.data) options->connection.hostname = options->sni;
    bool wants_sessions = !janet_checktype(options->connection.on_session, JANET_NIL);
    if (wants_sessions && !keeps_sessions(context)) {
        raise_format(function, ":on-session beside a context that was made without it: the "
                               "context keeps no sessions");
    }
    return context;
}

/* --- options into a context --- */

static void read_staple(ContextOptions *options) {
    if (janet_checktypes(options->staple, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        options->settings.staple = value_bytes(options->staple);
    } else {
        options->connection.questions.staple = options->staple;
        options->settings.staple_on_demand = janet_checktype(options->staple, JANET_FUNCTION);
    }
}

/* Settings that follow from the options. Virtual hosts come later, since they inherit. */
static void derive_settings(const char *function, const ContextKind *kind,
                            ContextOptions *options) {
    merge_names(function, options);
    options->settings.datagram = kind->datagram;
    options->settings.read_ahead = (size_t)options->connection.settings.buffer_size;
    options->settings.keeps_sessions = !janet_checktype(options->connection.on_session, JANET_NIL);
    options->settings.asks_hello = !janet_checktype(options->connection.questions.hello, JANET_NIL);
    options->settings.signers = options->signer.functions;
    options->settings.signer_publics = options->signer.publics;
    options->connection.questions.signers = options->signer.held;
    const Janet *verify = &options->connection.questions.verify;
    bool judges = !janet_checktype(*verify, JANET_NIL);
    options->settings.verify_function = judges ? questions_identity(*verify) : 0;
    read_staple(options);
}

static Context *make_context(const char *function, const ContextKind *kind,
                             ContextOptions *options) {
    Failure failure;
    Context *made = janet_abstract(kind->type, sizeof *made);
    memset(made, 0, sizeof *made);
    made->connection.on_session = janet_wrap_nil();
    made->connection.questions = options->connection.questions;
    made->slot = context_cached(&options->settings, &failure);
    if (!made->slot) raise_failure(function, &failure);
    return made;
}

/* --- virtual hosts --- */

static void refuse_option(const char *function, Janet table, const OptionRow *row,
                          const char *where) {
    if (janet_checktype(janet_get(table, janet_ckeywordv(row->name)), JANET_NIL)) return;
    raise_format(function, "option :%s in %s", row->name, where);
}

void argument_refuse_listeners(const char *function, const ContextKind *kind, Janet table,
                               const char *where) {
    const OptionRow *row;
    for (size_t i = 0; (row = options_row(kind->context_set, i)); i++) {
        if (row->tags & SETTING_HOST_LISTENER) refuse_option(function, table, row, where);
    }
    for (size_t i = 0; (row = options_row(kind->beside, i)); i++) {
        refuse_option(function, table, row, where);
    }
}

static Context *host_from_options(const char *function, const ContextKind *kind, Janet value,
                                  const ContextSettings *listener) {
    ContextOptions options;
    if (!options_given(value)) {
        raise_format(function, "bad option :sni, expected options or a %s context, got %s",
                     kind->protocol, raise_shown(value));
    }
    argument_refuse_listeners(function, kind, value,
                              ":sni: it is the listener's, give it beside :sni");
    context_options_init(&options);
    options_read(function, kind->context_set, value, &options);
    derive_settings(function, kind, &options);
    settings_inherit(&options.settings, listener);
    return make_context(function, kind, &options);
}

static Context *host_context(const char *function, const ContextKind *kind, Janet value,
                             const ContextSettings *listener) {
    Context *context = as_context(kind, value);
    if (!context) context = host_from_options(function, kind, value, listener);
    if (!janet_checktype(context->connection.questions.staple, JANET_NIL)) {
        raise_format(function,
                     "a function as :ocsp-response in :sni: give it beside :sni, or bytes");
    }
    const Questions *questions = &context->connection.questions;
    bool judges = !janet_checktype(questions->verify, JANET_NIL);
    if (judges || !janet_checktype(questions->hello, JANET_NIL)) {
        raise_format(function, "option :%s in :sni: it is the listener's, give it beside :sni",
                     judges ? "on-verify" : "on-hello");
    }
    return context;
}

static Bytes host_name(const char *function, Janet key) {
    Failure failure;
    if (janet_keyeq(key, "default")) return (Bytes){(const uint8_t *)"", 0};
    Bytes given = {NULL, 0};
    if (janet_checktype(key, JANET_STRING)) given = value_bytes(key);
    if (!given.length || memchr(given.data, 0, given.length)) {
        raise_format(function, "bad option :sni, expected host names or :default, got %s",
                     raise_shown(key));
    }
    Bytes name = host_pattern(given, &failure);
    if (!name.data) raise_format(function, "bad option :sni, %s", failure.text);
    return name;
}

/* "a.example" and "A.example." are one host, and the order of a table is not defined. */
static void refuse_doubled_host(const char *function, const JanetBuffer *hosts, Bytes name) {
    const VirtualHost *list = (const VirtualHost *)(const void *)hosts->data;
    size_t count = (size_t)hosts->count / sizeof *list;
    for (size_t i = 0; i < count; i++) {
        if (list[i].name.length != name.length ||
            strncasecmp((const char *)list[i].name.data, (const char *)name.data, name.length)) {
            continue;
        }
        raise_format(function, "bad option :sni, two keys name the host \"%s\"",
                     (const char *)janet_string(name.data, (int32_t)name.length));
    }
}

/* The host's object, since a reload of it may bring another function. */
static void hold_signers(ContextOptions *options, Context *host) {
    Janet *held = &options->connection.questions.signers;
    if (janet_checktype(host->connection.questions.signers, JANET_NIL)) return;
    *held = signer_join(*held, janet_wrap_abstract(host));
}

/* The array is in a Janet buffer, which lasts as long as the running C function. */
static void read_hosts(const char *function, const ContextKind *kind, ContextOptions *options) {
    JanetDictView view;
    JanetBuffer *array = janet_buffer(256);
    if (!janet_dictionary_view(options->hosts, &view.kvs, &view.len, &view.cap)) return;
    for (int32_t i = 0; i < view.cap; i++) {
        const JanetKV *kv = view.kvs + i;
        if (janet_checktype(kv->key, JANET_NIL)) continue;
        VirtualHost host = {.name = host_name(function, kv->key)};
        refuse_doubled_host(function, array, host.name);
        Context *context = host_context(function, kind, kv->value, &options->settings);
        host.slot = context->slot;
        hold_signers(options, context);
        janet_buffer_push_bytes(array, (const uint8_t *)&host, sizeof host);
    }
    options->settings.hosts =
        (VirtualHostList){(const VirtualHost *)(const void *)array->data, (size_t)view.len};
}

/* --- arguments --- */

void argument_finish(const char *function, const ContextKind *kind, ContextOptions *options) {
    derive_settings(function, kind, options);
    read_hosts(function, kind, options);
}

static Context *finish_and_make(const char *function, const ContextKind *kind,
                                ContextOptions *options) {
    argument_finish(function, kind, options);
    return make_context(function, kind, options);
}

Context *argument_context(const char *function, const ContextKind *kind, const Janet *argv,
                          int32_t argc, int32_t n, ContextOptions *options) {
    Janet given = n < argc ? argv[n] : janet_wrap_nil();
    Context *context = as_context(kind, given);
    if (context) {
        options->connection = context->connection;
        return context;
    }
    if (!options_given(given)) raise_type(function, n, kind->wanted, given);
    options_read(function, kind->set, given, options);
    bool beside = !janet_checktype(options->context, JANET_NIL);
    return beside ? read_beside(function, kind, given, options)
                  : finish_and_make(function, kind, options);
}

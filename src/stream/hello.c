/* A ClientHello as a struct for the program, and the program's answer. */
#include "base/raise.h"
#include "context/argument.h"
#include "core/tls/context_data.h"
#include "core/tls/context_slot.h"
#include "stream/asker.h"
#include "stream/stream.h"

#include <openssl/ssl.h>
#include <string.h>

/* --- the hello --- */

typedef const char *NameOf(SSL *ssl, uint16_t code);

static const char *version_name(SSL *ssl, uint16_t code) {
    (void)ssl;
    switch (code) {
    case TLS1_3_VERSION: return "TLSv1.3";
    case TLS1_2_VERSION: return "TLSv1.2";
    case TLS1_1_VERSION: return "TLSv1.1";
    case TLS1_VERSION: return "TLSv1";
    case DTLS1_2_VERSION: return "DTLSv1.2";
    case DTLS1_VERSION: return "DTLSv1";
    default: return NULL;
    }
}

static const char *cipher_name(SSL *ssl, uint16_t code) {
    const unsigned char bytes[] = {(unsigned char)(code >> 8), (unsigned char)code};
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, bytes);
    return cipher ? SSL_CIPHER_standard_name(cipher) : NULL;
}

static const char *group_name(SSL *ssl, uint16_t code) {
    return SSL_group_to_name(ssl, TLSEXT_nid_unknown | code);
}

static const char *signature_name(SSL *ssl, uint16_t code) {
    (void)ssl;
    return hello_facts_signature(code);
}

/* What has no name stays a number. */
static Janet name_codes(SSL *ssl, Codes codes, NameOf *name_of) {
    Janet *tuple = janet_tuple_begin((int32_t)codes.count);
    for (size_t i = 0; i < codes.count; i++) {
        const char *name = name_of ? name_of(ssl, codes.list[i]) : NULL;
        tuple[i] = name ? janet_cstringv(name) : janet_wrap_integer(codes.list[i]);
    }
    return janet_wrap_tuple(janet_tuple_end(tuple));
}

/* Clients of one kind send the same lists, whose names would take most of the time. */
#define MAX_KNOWN 8
#define MAX_CODES 128

typedef enum ListKind { VERSIONS, CIPHERS, GROUPS, SIGNATURES, EXTENSIONS, LIST_KINDS } ListKind;

static _Thread_local struct {
    JanetArray *tuples; /* of all lists, for the collector */
    struct {
        size_t counts[MAX_KNOWN];
        uint16_t codes[MAX_KNOWN][MAX_CODES];
        size_t next; /* index of the next place to use, in a ring */
    } kinds[LIST_KINDS];
} known;

static Janet *known_tuple(ListKind kind, size_t place) {
    return known.tuples->data + (size_t)kind * MAX_KNOWN + place;
}

static void prepare_known(void) {
    if (known.tuples) return;
    known.tuples = janet_array(LIST_KINDS * MAX_KNOWN);
    janet_array_setcount(known.tuples, LIST_KINDS * MAX_KNOWN);
    janet_gcroot(janet_wrap_array(known.tuples));
}

static bool is_known(ListKind kind, size_t place, Codes codes) {
    return known.kinds[kind].counts[place] == codes.count &&
           !memcmp(known.kinds[kind].codes[place], codes.list, codes.count * sizeof *codes.list);
}

static Janet describe_codes(SSL *ssl, ListKind kind, Codes codes, NameOf *name_of) {
    if (!codes.count || codes.count > MAX_CODES) return name_codes(ssl, codes, name_of);
    prepare_known();
    for (size_t place = 0; place < MAX_KNOWN; place++) {
        if (is_known(kind, place, codes)) return *known_tuple(kind, place);
    }
    Janet tuple = name_codes(ssl, codes, name_of);
    size_t place = known.kinds[kind].next++ % MAX_KNOWN;
    known.kinds[kind].counts[place] = codes.count;
    memcpy(known.kinds[kind].codes[place], codes.list, codes.count * sizeof *codes.list);
    return *known_tuple(kind, place) = tuple;
}

static Janet describe_alpn(Bytes alpn) {
    JanetArray *names = janet_array(4);
    for (size_t at = 0; at < alpn.length; at += 1 + (size_t)alpn.data[at]) {
        janet_array_push(names, janet_stringv(alpn.data + at + 1, alpn.data[at]));
    }
    return janet_wrap_tuple(janet_tuple_n(names->data, names->count));
}

static void put(JanetTable *table, const char *name, Janet value) {
    janet_table_put(table, janet_ckeywordv(name), value);
}

Janet hello_describe(const Asker *asker) {
    const HelloFacts *facts = asker->engine->hello.facts;
    SSL *ssl = asker->engine->ssl;
    Endpoint peer;
    JanetTable *table = janet_table(16);
    if (facts->server_name[0]) put(table, "server-name", janet_cstringv(facts->server_name));
    put(table, "alpn", describe_alpn(facts->alpn));
    put(table, "versions", describe_codes(ssl, VERSIONS, facts->versions, version_name));
    put(table, "ciphers", describe_codes(ssl, CIPHERS, facts->ciphers, cipher_name));
    put(table, "groups", describe_codes(ssl, GROUPS, facts->groups, group_name));
    put(table, "signature-algorithms",
        describe_codes(ssl, SIGNATURES, facts->signatures, signature_name));
    put(table, "extensions", describe_codes(ssl, EXTENSIONS, facts->extensions, NULL));
    put(table, "session?", janet_wrap_boolean(facts->offers_session));
    put(table, "ja4", janet_cstringv(facts->ja4));
    if (asker->kind->find_peer(asker, &peer)) put(table, "peername", failure_peername(&peer));
    return janet_wrap_struct(janet_table_to_struct(table));
}

/* --- the answer --- */

static const struct {
    const char *name;
    int alert;
} alerts[] = {
    {"unrecognized-name", SSL_AD_UNRECOGNIZED_NAME},
    {"access-denied", SSL_AD_ACCESS_DENIED},
    {"handshake-failure", SSL_AD_HANDSHAKE_FAILURE},
    {"insufficient-security", SSL_AD_INSUFFICIENT_SECURITY},
    {"protocol-version", SSL_AD_PROTOCOL_VERSION},
    {"no-application-protocol", SSL_AD_NO_APPLICATION_PROTOCOL},
    {"internal-error", SSL_AD_INTERNAL_ERROR},
};

static const char caller[] = "bad answer";

static int find_alert(Janet name) {
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++) {
        if (janet_keyeq(name, alerts[i].name)) return alerts[i].alert;
    }
    raise_format(caller, "no alert has this name: %s", raise_shown(name));
}

static void refuse(Asker *asker, int alert) {
    hello_question_refuse(&asker->engine->hello, alert,
                          "handshake failed: :on-hello refused the client");
}

/* Virtual hosts and functions belong to the listener's context. */
static bool check_context(const SSL_CTX *context, Failure *failure) {
    const ContextData *data = context_data(context);
    if (data->has_hosts || data->asks_hello || data->staple_on_demand || data->verify_function) {
        return failure_set(failure, "the context has :sni, :on-hello, :on-verify or a function as "
                                    ":ocsp-response, which are the listener's");
    }
    return context_data_can_serve(context, failure);
}

/* A context, or options that make one; equal ones share it. */
static void choose(Asker *asker, Janet answer) {
    Failure failure;
    ContextOptions options;
    context_options_init(&options);
    if (options_given(answer))
        argument_refuse_listeners(caller, asker->contexts, answer,
                                  "an answer: it is the listener's, give it to the listener");
    Context *given = argument_context(caller, asker->contexts, &answer, 1, 0, &options);
    SSL_CTX *context = context_slot_get(given->slot);
    bool serves = check_context(context, &failure);
    if (serves) hello_question_choose(&asker->engine->hello, context);
    SSL_CTX_free(context);
    if (!serves) raise_failure(caller, &failure);
    asker->chosen = janet_wrap_abstract(given);
}

static Janet alert_of(Janet answer) {
    if (!janet_checktypes(answer, JANET_TFLAG_DICTIONARY)) return janet_wrap_nil();
    return janet_get(answer, janet_ckeywordv("alert"));
}

void hello_answer(Asker *asker, Janet answer) {
    Janet alert = alert_of(answer);
    if (!janet_truthy(answer)) {
        refuse(asker, SSL_AD_UNRECOGNIZED_NAME);
    } else if (!janet_checktype(alert, JANET_NIL)) {
        refuse(asker, find_alert(alert));
    } else if (!janet_checktype(answer, JANET_BOOLEAN)) {
        choose(asker, answer);
    }
}

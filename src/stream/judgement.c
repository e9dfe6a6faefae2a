/* The certificate of a peer as a struct for the program, and the program's judgement. */
#include "base/raise.h"
#include "core/hostname.h"
#include "stream/asker.h"
#include "stream/info.h"

#include <openssl/x509v3.h>
#include <string.h>

static void put(JanetTable *table, const char *name, Janet value) {
    janet_table_put(table, janet_ckeywordv(name), value);
}

static Janet describe_chain(STACK_OF(X509) * chain) {
    int count = sk_X509_num(chain);
    JanetArray *list = janet_array(count);
    for (int i = 0; i < count; i++) {
        janet_array_push(list, info_certificate_data(sk_X509_value(chain, i)));
    }
    return janet_wrap_tuple(janet_tuple_n(list->data, list->count));
}

/* What is known of the verification's error already says "certificate verify failed". */
static Janet describe_reason(const Verdict *verdict) {
    static const char prefix[] = "certificate verify failed: ";
    const char *reason = verdict->reason;
    if (!reason) return janet_wrap_nil();
    return janet_cstringv(strncmp(reason, prefix, sizeof prefix - 1) ? reason
                                                                     : reason + sizeof prefix - 1);
}

/* The name or address that the certificate is verified against. */
static Janet verified_name(SSL *ssl) {
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    const char *name = X509_VERIFY_PARAM_get0_host(param, 0);
    char *address = name ? NULL : X509_VERIFY_PARAM_get1_ip_asc(param);
    Janet text = name ? janet_cstringv(name) : address ? janet_cstringv(address) : janet_wrap_nil();
    OPENSSL_free(address);
    return text;
}

/* The name that the client asks for comes from the wire. */
static Janet requested_name(const SSL *ssl) {
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    Bytes bytes = {(const uint8_t *)name, name ? strlen(name) : 0};
    if (!bytes.length || !hostname_is_sound(bytes)) return janet_wrap_nil();
    uint8_t *lower = janet_string_begin((int32_t)bytes.length);
    for (size_t i = 0; i < bytes.length; i++) {
        lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (uint8_t)(name[i] | 0x20) : (uint8_t)name[i];
    }
    return janet_wrap_string(janet_string_end(lower));
}

Janet judgement_describe(const Asker *asker) {
    const Verdict *verdict = &asker->engine->verdict;
    SSL *ssl = asker->engine->ssl;
    bool server = SSL_is_server(ssl);
    Endpoint peer;
    JanetTable *table = janet_table(8);
    put(table, "chain", describe_chain(verdict->chain));
    put(table, "ok", janet_wrap_boolean(verdict->sound));
    put(table, "reason", describe_reason(verdict));
    put(table, "host", server ? requested_name(ssl) : verified_name(ssl));
    put(table, "role", janet_ckeywordv(server ? "server" : "client"));
    if (asker->kind->find_peer(asker, &peer)) put(table, "peername", failure_peername(&peer));
    return janet_wrap_struct(janet_table_to_struct(table));
}

#define MAX_REASON 300

static const char caller[] = "bad answer";

/* Its text is empty where the answer has no words. */
static bool is_refusal(Janet answer, Failure *words) {
    JanetByteView view = {NULL, 0};
    if (janet_checktypes(answer, JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        janet_bytes_view(answer, &view.bytes, &view.len);
    } else if (!janet_checktype(answer, JANET_BOOLEAN)) {
        return false;
    }
    failure_set(words, "%.*s", view.len < MAX_REASON ? (int)view.len : MAX_REASON,
                view.bytes ? (const char *)view.bytes : "");
    return true;
}

void judgement_answer(Asker *asker, Janet answer) {
    static const char no_words[] = ":on-verify refused the peer";
    Failure words;
    if (janet_checktype(answer, JANET_NIL) || janet_equals(answer, janet_wrap_true())) return;
    if (!is_refusal(answer, &words)) {
        raise_format(caller, "expected true, nil or a reason as string, got %s",
                     raise_shown(answer));
    }
    verdict_refuse(&asker->engine->verdict, *words.text ? words.text : no_words, false);
}

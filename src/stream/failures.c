/* Errors of a stream that its peer or the network caused: their texts, and the facts about them. */
#include "base/raise.h"
#include "stream/stream_internal.h"

/* --- facts --- */

Janet failure_peername(const Endpoint *peer) {
    char host[ENDPOINT_TEXT];
    endpoint_host(peer, host);
    Janet pair[] = {janet_cstringv(host), janet_wrap_integer(peer->port)};
    return janet_wrap_tuple(janet_tuple_n(pair, 2));
}

Janet failure_facts(const Endpoint *peer, bool established, const char *server_name) {
    JanetTable *facts = janet_table(3);
    const char *stage = established ? "connection" : "handshake";
    janet_table_put(facts, janet_ckeywordv("stage"), janet_ckeywordv(stage));
    if (peer->family) janet_table_put(facts, janet_ckeywordv("peername"), failure_peername(peer));
    if (server_name)
        janet_table_put(facts, janet_ckeywordv("server-name"), janet_cstringv(server_name));
    return janet_wrap_struct(janet_table_to_struct(facts));
}

static Janet make_facts(const Stream *stream) {
    const char *name = engine_server_name(&stream->engine);
    bool before = stream->state == STREAM_HANDSHAKING || stream->state == STREAM_FAILED;
    return failure_facts(&stream->peer, !before, name);
}

Janet stream_facts(const Stream *stream) {
    return stream->facts;
}

/* --- errors --- */

bool stream_caused(const Stream *stream, Janet error) {
    const JanetArray *errors = stream->errors;
    if (stream->timed_out && janet_equals(error, janet_cstringv("timeout"))) return true;
    for (int32_t i = 0; errors && i < errors->count; i++) {
        if (janet_equals(errors->data[i], error)) return true;
    }
    return false;
}

/* The facts are those of the last error. They are taken now, since a close frees the engine. */
void stream_note_error(Stream *stream, Janet error) {
    if (!stream->accepted || stream_caused(stream, error)) return;
    if (!stream->errors) stream->errors = janet_array(1);
    janet_array_push(stream->errors, error);
    stream->facts = make_facts(stream);
}

/* Unlike a failed engine, a stream can go on after a timeout: its next call forgets it, so that a
 * timeout of something else is not taken for this one. */
void stream_note_timeout(Stream *stream) {
    if (!stream->accepted) return;
    stream->timed_out = true;
    stream->facts = make_facts(stream);
}

void stream_accepted_from(Stream *stream, const Endpoint *peer) {
    stream->accepted = true;
    stream->peer = *peer;
}

const char *stream_function(const Stream *stream, const char *format) {
    return (const char *)janet_formatc(format, stream->kind->prefix);
}

static Janet compose_error(const Stream *stream, const char *function) {
    int errnum;
    const char *why = engine_explain(&stream->engine, &errnum);
    if (errnum) return janet_cstringv(why);
    return janet_wrap_string(janet_formatc("%s: %s", stream_function(stream, function), why));
}

Janet stream_error(Stream *stream, const char *function) {
    Janet error = compose_error(stream, function);
    stream_note_error(stream, error);
    return error;
}

void stream_check_datagram(const char *function, size_t length) {
    if (length <= SSL3_RT_MAX_PLAIN_LENGTH) return;
    raise_format(function, "%d bytes are more than a record of DTLS holds: expected %d at most",
                 (int)length, SSL3_RT_MAX_PLAIN_LENGTH);
}

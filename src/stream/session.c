/* Sessions of a stream, and renewing its keys. */
#include "core/tls/session.h"

#include "base/args.h"
#include "base/call.h"
#include "base/raise.h"
#include "context/context.h"
#include "core/tls/ocsp.h"
#include "stream/info.h"
#include "stream/stream_internal.h"

static Janet take_string(uint8_t *bytes, size_t length) {
    Janet string =
        bytes ? janet_wrap_string(janet_string(bytes, (int32_t)length)) : janet_wrap_nil();
    OPENSSL_clear_free(bytes, length); /* a session is a secret */
    return string;
}

void stream_report_sessions(Stream *stream) {
    SSL_SESSION *session;
    while ((session = engine_take_session(&stream->engine))) {
        size_t length = 0;
        uint8_t *bytes = session_export(stream->engine.ssl, session, &length);
        SSL_SESSION_free(session);
        if (!bytes || janet_checktype(stream->on_session, JANET_NIL)) {
            OPENSSL_clear_free(bytes, length);
            continue;
        }
        JanetFiber *fiber = call_fiber(stream->on_session, take_string(bytes, length));
        janet_schedule(fiber, janet_wrap_nil());
    }
}

Janet cfun_shared_get_session(int32_t argc, Janet *argv) {
    args_arity(NULL, argc, 1, 1);
    Stream *stream = stream_get(argv, 0);
    const char *function = "%s-stream/get-session";
    SSL *ssl = info_negotiated(argv, function);
    if (SSL_is_server(ssl))
        raise_format(stream_function(stream, function),
                     "a server has no session to resume: its clients do");
    /* TLS 1.3 tickets come between the handshake and the data: a peek at the data reads them. */
    engine_peek(&stream->engine);
    stream_report_sessions(stream);
    size_t length = 0;
    uint8_t *bytes = session_export(ssl, NULL, &length);
    return take_string(bytes, length);
}

STREAM_METHOD(shared_set_session) {
    args_arity(caller, argc, 2, 2);
    Stream *stream = stream_get_open(argv, 0);
    const char *function = stream_function(stream, "%s-stream/set-session");
    if (!janet_checktypes(argv[1], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
        raise_secret(caller, 1, "string or buffer", argv[1]);
    }
    JanetByteView data = args_view(caller, argv, 1);
    if (stream->started || stream->state != STREAM_HANDSHAKING) {
        raise_format(function, "the handshake has begun: give :session to connect, or put the "
                               "handshake off with :handshake false");
    }
    Failure failure;
    SSL *ssl = stream->engine.ssl;
    if (SSL_is_server(ssl)) raise_format(function, "a server resumes what its clients offer");
    if (!session_import(ssl, (Bytes){data.bytes, (size_t)data.len}, &failure)) {
        raise_failure(function, &failure);
    }
    return argv[0];
}

/* --- new keys --- */

static Janet renew_keys(Stream *stream, const char *function, Janet self,
                        EngineStatus (*call)(Engine *engine)) {
    if (call(&stream->engine) == ENGINE_FAILED) janet_panicv(stream_error(stream, function));
    stream_advance(stream);
    return self;
}

Janet cfun_stream_key_update(int32_t argc, Janet *argv) {
    static const char function[] = "tls-stream/key-update";
    args_arity(function, argc, 1, 1);
    SSL *ssl = info_negotiated(argv, "%s-stream/key-update");
    if (SSL_version(ssl) != TLS1_3_VERSION) {
        raise_format(function, "TLS 1.3 has key updates, and this is %s", SSL_get_version(ssl));
    }
    return renew_keys(stream_get(argv, 0), function, argv[0], engine_key_update);
}

Janet cfun_stream_renegotiate(int32_t argc, Janet *argv) {
    static const char function[] = "tls-stream/renegotiate";
    args_arity(function, argc, 1, 1);
    SSL *ssl = info_negotiated(argv, "%s-stream/renegotiate");
    if (SSL_version(ssl) == TLS1_3_VERSION) {
        raise_format(function, "TLS 1.3 has no renegotiation: use key-update");
    }
    if (SSL_get_options(ssl) & SSL_OP_NO_RENEGOTIATION) {
        raise_format(function, "renegotiation is off: give :renegotiation true");
    }
    return renew_keys(stream_get(argv, 0), function, argv[0], engine_renegotiate);
}

/* --- stapling --- */

static bool staple_response(const Janet *argv, Bytes response, const char *function,
                            Failure *failure) {
    const Context *context = context_object(argv[0]);
    if (context) return context_slot_staple(context->slot, response, failure);
    Stream *stream = stream_get_open(argv, 0);
    if (!SSL_is_server(stream->engine.ssl)) raise_format(function, "stapling is the server's");
    if (stream->started || stream->state != STREAM_HANDSHAKING) {
        raise_format(function,
                     "the handshake has begun: staple before it, with :handshake false, or in "
                     "the context");
    }
    return ocsp_staple(stream->engine.ssl, response, failure);
}

Janet cfun_stream_set_ocsp_response(int32_t argc, Janet *argv) {
    static const char function[] = "tls-stream/set-ocsp-response";
    args_arity(function, argc, 2, 2);
    Failure failure;
    Bytes response = {NULL, 0};
    if (!janet_checktype(argv[1], JANET_NIL)) {
        if (!janet_checktypes(argv[1], JANET_TFLAG_STRING | JANET_TFLAG_BUFFER)) {
            raise_type(function, 1, "string, buffer or nil", argv[1]);
        }
        JanetByteView view = args_view(function, argv, 1);
        response = (Bytes){view.bytes ? view.bytes : (const uint8_t *)"", (size_t)view.len};
    }
    if (!staple_response(argv, response, function, &failure)) raise_failure(function, &failure);
    return argv[0];
}

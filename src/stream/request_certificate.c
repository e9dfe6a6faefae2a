/* request-certificate: a server asks for the client's certificate after the handshake. The answer
 * comes among the client's data, so a read takes it in: of a reader or, without one, of this call,
 * which keeps the data that came before it for the next reader. */
#include "base/args.h"
#include "base/options.h"
#include "base/raise.h"
#include "core/keys/pem.h"
#include "core/tls/post_handshake.h"
#include "stream/info.h"
#include "stream/stream_internal.h"

#include <math.h>
#include <openssl/crypto.h>

#define MAX_KEPT (64 << 10) /* bytes before the answer that no fiber reads */

typedef struct CertificateRequest {
    Request request;
    Stream *stream;
} CertificateRequest;

static const char function_name[] = "tls-stream/request-certificate";

/* --- the answer --- */

static Outcome return_certificate(const Stream *stream) {
    size_t length;
    const X509 *certificate = SSL_get0_peer_certificate(stream->engine.ssl);
    if (!certificate) return call_returns(janet_wrap_nil());
    char *pem = pem_of_certificate(certificate, &length);
    if (!pem) return call_raises(janet_cstringv("out of memory"));
    Janet text = janet_stringv((const uint8_t *)pem, (int32_t)length);
    OPENSSL_free(pem);
    return call_returns(text);
}

/* Take in what has come. False: there is no more, or no room for it. */
static bool take_input(Stream *stream) {
    int32_t kept = stream->returned ? stream->returned->count : 0;
    if (request_first_waiting(&stream->readers) || kept >= MAX_KEPT) return false;
    return stream_keep_data(stream, MAX_KEPT - kept);
}

static Outcome try_answer(Stream *stream) {
    Engine *engine = &stream->engine;
    while (engine->requests && !engine->failure && take_input(stream)) continue;
    if (engine->failure) return call_raises(stream_error(stream, function_name));
    if (!engine->requests) return return_certificate(stream);
    if (engine->transport_eof || engine_peer_closed(engine)) {
        return call_raises(janet_cstringv(
            "tls-stream/request-certificate: the client ended before it showed a certificate"));
    }
    return call_waits();
}

/* --- waiting --- */

static void cancel_request(Request *request) {
    request_dequeue(&((CertificateRequest *)request)->stream->requesters, request);
}

static void mark_request(Request *request) {
    janet_mark(janet_wrap_abstract(((CertificateRequest *)request)->stream));
}

static void note_timeout(const Request *request) {
    stream_note_timeout(((const CertificateRequest *)request)->stream);
}

static const RequestKind kind = {
    .cancelled = cancel_request,
    .mark = mark_request,
    .timed_out = note_timeout,
};

void stream_serve_requesters(Stream *stream) {
    Request *request;
    while ((request = request_first_waiting(&stream->requesters))) {
        if (!stream_finish(stream, request, &stream->requesters, try_answer(stream))) return;
    }
}

void stream_fail_requesters(Stream *stream, const char *error) {
    Request *request;
    while ((request = request_first_waiting(&stream->requesters))) {
        request_fail(request, &stream->requesters, janet_cstringv(error));
    }
}

/* --- the call --- */

typedef struct RequestOptions {
    double timeout;
    bool optional;
} RequestOptions;

static const OptionRow rows[] = {
    OPTION("optional", option_boolean, RequestOptions, optional,
           "Go on with a client that has no certificate: return nil. No effect in a context with "
           "`:verify true`. Default `false`."),
    OPTION("timeout", option_seconds, RequestOptions, timeout,
           "Seconds to wait for the answer. Default: no limit."),
};
const OptionSet request_certificate_options = OPTION_SET(rows);

static void send_request(Stream *stream, bool optional) {
    Failure failure;
    /* After a timeout the answer may still come. */
    if (stream->engine.requests) return;
    if (!post_handshake_request(&stream->engine, optional, &failure)) {
        raise_failure(function_name, &failure);
    }
}

Janet cfun_stream_request_certificate(int32_t argc, Janet *argv) {
    RequestOptions options = {.timeout = INFINITY};
    args_arity(function_name, argc, 1, 2);
    info_negotiated(argv, "%s-stream/request-certificate");
    options_read(function_name, &request_certificate_options, args_options(argv, argc, 1),
                 &options);
    Stream *stream = stream_get(argv, 0);
    send_request(stream, options.optional);
    CertificateRequest *request = request_new(sizeof *request, 0, &kind);
    request->stream = stream;
    request_enqueue(&stream->requesters, &request->request);
    poller_turn(&stream->watcher);
    request_park(&request->request, options.timeout);
}

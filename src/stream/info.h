/* Facts about a connection. */
#ifndef JSEC_STREAM_INFO_H
#define JSEC_STREAM_INFO_H

#include "stream/stream.h"

/* A connection whose handshake is done. */
typedef struct Negotiated {
    SSL *ssl;
    int64_t took; /* nanoseconds of the handshake; negative: not measured */
    Janet proxy;  /* see proxy_describe */
} Negotiated;

Janet info_version(const Negotiated *it);
Janet info_cipher(const Negotiated *it);
Janet info_cipher_bits(const Negotiated *it);
Janet info_handshake_time(const Negotiated *it);
Janet info_session_reused(const Negotiated *it);
Janet info_verify_result(const Negotiated *it);
Janet info_connection(const Negotiated *it);
/* A certificate as cert/parse shows it. Raises when it is unreadable. */
Janet info_certificate_data(X509 *certificate);

/* The optional argument n chooses the form. */
Janet info_peer_certificate(const char *function, const Negotiated *it, int32_t argc,
                            const Janet *argv, int32_t n);
Janet info_peer_chain(const char *function, const Negotiated *it, int32_t argc, const Janet *argv,
                      int32_t n);

/* The connection of the stream in argument 0. Raises before its handshake is done; `function` as
 * stream_error takes it. */
Negotiated info_of(const Janet *argv, const char *function);
SSL *info_negotiated(const Janet *argv, const char *function);

/* --- methods --- */

Janet cfun_stream_version(int32_t argc, Janet *argv);
Janet cfun_stream_cipher(int32_t argc, Janet *argv);
Janet cfun_stream_cipher_bits(int32_t argc, Janet *argv);
Janet cfun_stream_handshake_time(int32_t argc, Janet *argv);
Janet cfun_stream_connection_info(int32_t argc, Janet *argv);
Janet cfun_stream_peer_certificate(int32_t argc, Janet *argv);
Janet cfun_stream_peer_chain(int32_t argc, Janet *argv);
Janet cfun_stream_verify_result(int32_t argc, Janet *argv);
Janet cfun_stream_session_reused(int32_t argc, Janet *argv);

/* In request_certificate.c. */
extern const OptionSet request_certificate_options;
Janet cfun_stream_request_certificate(int32_t argc, Janet *argv);

/* In session.c. */
Janet cfun_shared_get_session(int32_t argc, Janet *argv);
STREAM_METHOD_OF(shared_set_session);
Janet cfun_stream_set_ocsp_response(int32_t argc, Janet *argv);
Janet cfun_stream_key_update(int32_t argc, Janet *argv);
Janet cfun_stream_renegotiate(int32_t argc, Janet *argv);

#endif

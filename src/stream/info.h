/* What a TLS stream can tell of its connection. */
#ifndef JSEC_STREAM_INFO_H
#define JSEC_STREAM_INFO_H

#include "stream/stream.h"

/* The connection of argument 0, whose handshake is done; raises otherwise. */
SSL *info_negotiated(const Janet *argv, const char *function);

Janet cfun_stream_version(int32_t argc, Janet *argv);
Janet cfun_stream_cipher(int32_t argc, Janet *argv);
Janet cfun_stream_cipher_bits(int32_t argc, Janet *argv);
Janet cfun_stream_handshake_time(int32_t argc, Janet *argv);
Janet cfun_stream_connection_info(int32_t argc, Janet *argv);
Janet cfun_stream_peer_certificate(int32_t argc, Janet *argv);
Janet cfun_stream_peer_chain(int32_t argc, Janet *argv);
Janet cfun_stream_verify_result(int32_t argc, Janet *argv);

/* In session.c. */
Janet cfun_stream_session_reused(int32_t argc, Janet *argv);
Janet cfun_stream_get_session(int32_t argc, Janet *argv);
Janet cfun_stream_set_session(int32_t argc, Janet *argv);
Janet cfun_stream_set_ocsp_response(int32_t argc, Janet *argv);
Janet cfun_stream_key_update(int32_t argc, Janet *argv);
Janet cfun_stream_renegotiate(int32_t argc, Janet *argv);

#endif

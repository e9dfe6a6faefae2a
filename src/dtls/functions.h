/* Functions that clients and servers have in common: of a client they tell of its connection, of a
 * server of that with the peer whose address is the next argument. */
#ifndef JSEC_DTLS_FUNCTIONS_H
#define JSEC_DTLS_FUNCTIONS_H

#include "stream/info.h"

Janet cfun_dtls_version(int32_t argc, Janet *argv);
Janet cfun_dtls_cipher(int32_t argc, Janet *argv);
Janet cfun_dtls_cipher_bits(int32_t argc, Janet *argv);
Janet cfun_dtls_handshake_time(int32_t argc, Janet *argv);
Janet cfun_dtls_connection_info(int32_t argc, Janet *argv);
Janet cfun_dtls_peer_certificate(int32_t argc, Janet *argv);
Janet cfun_dtls_peer_chain(int32_t argc, Janet *argv);
Janet cfun_dtls_verify_result(int32_t argc, Janet *argv);
Janet cfun_dtls_session_reused(int32_t argc, Janet *argv);

#define DTLS_INFO_METHODS                                                                          \
    {"version", cfun_dtls_version}, {"cipher", cfun_dtls_cipher},                                  \
        {"cipher-bits", cfun_dtls_cipher_bits}, {"handshake-time", cfun_dtls_handshake_time},      \
        {"connection-info", cfun_dtls_connection_info},                                            \
        {"peer-certificate", cfun_dtls_peer_certificate}, {"peer-chain", cfun_dtls_peer_chain},    \
        {"verify-result", cfun_dtls_verify_result}, {                                              \
        "session-reused?", cfun_dtls_session_reused                                                \
    }

/* Call a stream's method where argument 0 is a client of DTLS; raises otherwise. */
Janet dtls_client_call(JanetCFunction method, int32_t argc, Janet *argv);

#endif

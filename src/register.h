/* Every file that binds functions, by the prefix of its name. */
#ifndef JSEC_REGISTER_H
#define JSEC_REGISTER_H

#include <janet.h>

#define REGISTER_FILES(X)                                                                          \
    X(generic)                                                                                     \
    X(tls_context)                                                                                 \
    X(tls_connect)                                                                                 \
    X(tls_listen)                                                                                  \
    X(tls_accept)                                                                                  \
    X(tls_accept_loop)                                                                             \
    X(tls_inherited)                                                                               \
    X(tls_drain)                                                                                   \
    X(tls_wrap)                                                                                    \
    X(tls_abort)                                                                                   \
    X(tls_stats)                                                                                   \
    X(tls_features)                                                                                \
    X(asker)                                                                                       \
    X(tls_stream)                                                                                  \
    X(dtls_context)                                                                                \
    X(dtls_client)                                                                                 \
    X(dtls_server)                                                                                 \
    X(dtls_address)                                                                                \
    X(digest)                                                                                      \
    X(digest_object)                                                                               \
    X(digest_file)                                                                                 \
    X(random)                                                                                      \
    X(base32)                                                                                      \
    X(hex)                                                                                         \
    X(base64)                                                                                      \
    X(key)                                                                                         \
    X(jwk)                                                                                         \
    X(raw)                                                                                         \
    X(generate)                                                                                    \
    X(sign)                                                                                        \
    X(recover)                                                                                     \
    X(hpke)                                                                                        \
    X(hpke_object)                                                                                 \
    X(kem)                                                                                         \
    X(sign_object)                                                                                 \
    X(ssh)                                                                                         \
    X(kdf)                                                                                         \
    X(password)                                                                                    \
    X(derive)                                                                                      \
    X(cipher)                                                                                      \
    X(cipher_object)                                                                               \
    X(keywrap)                                                                                     \
    X(rsa)                                                                                         \
    X(ec)                                                                                          \
    X(bio)                                                                                         \
    X(cert)                                                                                        \
    X(cert_parse)                                                                                  \
    X(chain)                                                                                       \
    X(convert)                                                                                     \
    X(csr)                                                                                         \
    X(crl)                                                                                         \
    X(ca_folder)                                                                                   \
    X(pkcs12)                                                                                      \
    X(cms)                                                                                         \
    X(cms_encrypt)

#define REGISTER_PROTOTYPE(file) void file##_register(JanetTable *env);
REGISTER_FILES(REGISTER_PROTOTYPE)
#undef REGISTER_PROTOTYPE

#endif

/* tls/reload and dtls/reload: another SSL_CTX for a context object. */
#ifndef JSEC_CONTEXT_RELOAD_H
#define JSEC_CONTEXT_RELOAD_H

#include "context/context.h"

/* `options` hold the defaults; they may be the first member of something larger. */
Janet entry_reload(const char *function, const ContextKind *kind, int32_t argc, const Janet *argv,
                   ContextOptions *options);

#endif

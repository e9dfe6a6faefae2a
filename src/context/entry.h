/* The public functions on contexts, for each protocol. */
#ifndef JSEC_CONTEXT_ENTRY_H
#define JSEC_CONTEXT_ENTRY_H

#include "context/context.h"

/* `options` hold the defaults; they may be the first member of something larger. */
Janet entry_new_context(const char *function, const ContextKind *kind, int32_t argc,
                        const Janet *argv, ContextOptions *options);
Janet entry_trust_cert(const char *function, const ContextKind *kind, int32_t argc,
                       const Janet *argv);
Janet entry_set_ticket_keys(const char *function, const ContextKind *kind, int32_t argc,
                            const Janet *argv);

#endif

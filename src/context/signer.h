/* The option :signer: functions that sign with keys that live elsewhere. */
#ifndef JSEC_CONTEXT_SIGNER_H
#define JSEC_CONTEXT_SIGNER_H

#include "base/options.h"
#include "context/questions.h"
#include "core/tls/settings.h"

typedef struct SignerOptions {
    SignerList functions;
    BytesList publics;
    Janet held; /* as Questions have them */
} SignerOptions;

/* SignerOptions: a table of :sign and :public, or an array of them. */
void parse_signers(const OptionSite *site, Janet value, void *field);

/* The function of that address. nil: it is none of these. */
Janet signer_find(const Questions *questions, const void *address);

/* Both lists as one; either may be nil. */
Janet signer_join(Janet held, Janet more);

#endif

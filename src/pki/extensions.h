/* Options for extensions that only some certificates and requests have. */
#ifndef JSEC_PKI_EXTENSIONS_H
#define JSEC_PKI_EXTENSIONS_H

#include "core/pki/extensions.h"
#include "pki/options.h"

/* A part of the sets whose struct begins with SubjectOptions. */
extern const OptionSet pki_extension_options;

/* Read the options into `extensions`. The caller frees it, on failure too. */
bool extensions_load(const ExtensionOptions *options, Extensions *extensions, Failure *failure);

#endif

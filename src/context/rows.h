/* The options that TLS and DTLS share, as parts of their sets. All fill a ContextOptions. */
#ifndef JSEC_CONTEXT_ROWS_H
#define JSEC_CONTEXT_ROWS_H

#include "context/options.h"

/* The row of a setting, with the flags that settings.def gives it. */
#define SETTING_OPTION_WITH(name, parser, detail, field, doc)                                      \
    {                                                                                              \
        name, parser, #parser, offsetof(ContextOptions, settings.field), detail, doc,              \
            (SETTING_FLAGS_##field & SETTING_SHOWN_SECRET) != 0, SETTING_FLAGS_##field             \
    }
#define SETTING_OPTION(name, parser, field, doc) SETTING_OPTION_WITH(name, parser, NULL, field, doc)

/* The row of a setting whose value is parsed into another field first. */
#define SETTING_OPTION_AT(name, parser, setting, field, doc)                                       \
    {                                                                                              \
        name, parser, #parser, offsetof(ContextOptions, field), NULL, doc,                         \
            (SETTING_FLAGS_##setting & SETTING_SHOWN_SECRET) != 0, SETTING_FLAGS_##setting         \
    }

extern const OptionSet rows_identity;   /* certificate and key */
extern const OptionSet rows_trust;      /* verification of the peer */
extern const OptionSet rows_questions;  /* functions that handshakes wait for */
extern const OptionSet rows_store;      /* sessions of a server */
extern const OptionSet rows_extension;  /* OCSP, key log, ALPN */
extern const OptionSet rows_strength;   /* of :security, and outside of it; without versions */
extern const OptionSet rows_connection; /* of one connection: may also stand beside a context */

#endif

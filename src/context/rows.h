/* The options that TLS and DTLS have in common, as parts of their sets; all fill a ContextOptions. */
#ifndef JSEC_CONTEXT_ROWS_H
#define JSEC_CONTEXT_ROWS_H

#include "context/options.h"

/* A row for a setting, which brings its flags along (settings.def). */
#define SETTING_OPTION_WITH(name, parser, detail, field, doc)                                      \
    {                                                                                              \
        name, parser, offsetof(ContextOptions, settings.field), detail, doc,                       \
            (SETTING_FLAGS_##field & SETTING_SHOWN_SECRET) != 0, SETTING_FLAGS_##field             \
    }
#define SETTING_OPTION(name, parser, field, doc) SETTING_OPTION_WITH(name, parser, NULL, field, doc)

/* A row for a setting whose value is parsed into another field first. */
#define SETTING_OPTION_AT(name, parser, setting, field, doc)                                       \
    {                                                                                              \
        name, parser, offsetof(ContextOptions, field), NULL, doc,                                  \
            (SETTING_FLAGS_##setting & SETTING_SHOWN_SECRET) != 0, SETTING_FLAGS_##setting         \
    }

extern const OptionSet rows_identity;  /* who we are */
extern const OptionSet rows_trust;     /* whom we take the other side for */
extern const OptionSet rows_store;     /* a server's sessions */
extern const OptionSet rows_extension; /* what else a handshake settles */
extern const OptionSet
    rows_strength; /* of :security, and accepted beside it; versions are each protocol's own */
extern const OptionSet rows_connection; /* of a connection: may be given beside a context as well */

#endif

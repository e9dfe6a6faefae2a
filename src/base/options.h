/* Options: one row per option gives its name, its parser, its field and its documentation.
 *
 *   typedef struct { double timeout; Bytes cert; } Opts;
 *   static const OptionRow rows[] = {
 *       OPTION("timeout", option_seconds, Opts, timeout, "Seconds for the whole call."),
 *       OPTION("cert", option_text, Opts, cert, "Certificate: path or PEM."),
 *   };
 *   static const OptionSet set = OPTION_SET(rows);
 *   Opts opts = {.timeout = INFINITY};                   // defaults first
 *   options_read("tls/connect", &set, argv[2], &opts);   // raises on anything not understood
 *
 * Several rows may share a field: aliases. Giving two of them at once raises.
 *
 * Options that several functions share are a set of their own, a part of the functions' sets; all
 * of them then fill the same struct, or structs that begin with the same member:
 *
 *   static const OptionSet *const parts[] = {&shared, NULL};
 *   static const OptionSet set = OPTION_SET_WITH(rows, parts); */
#ifndef JSEC_BASE_OPTIONS_H
#define JSEC_BASE_OPTIONS_H

#include "base/value.h"

#include <janet.h>
#include <stdbool.h>

typedef struct OptionRow OptionRow;

/* Where a value is being read, for error texts. */
typedef struct OptionSite {
    const char *function;
    const OptionRow *row;
} OptionSite;

/* Turns a value into its field, or raises through option_refuse. */
typedef void (*OptionParser)(const OptionSite *site, Janet value, void *field);

struct OptionRow {
    const char *name;
    OptionParser parse;
    size_t offset;
    const void *detail; /* of the parser: words, a range, a nested set */
    const char *doc;
    bool secret;   /* a key, a password: no error text shows its value */
    unsigned tags; /* what else the owner of the rows says of it */
};

typedef struct OptionSet {
    const OptionRow *rows;
    size_t count;                         /* 64 at most, those of the parts included */
    const char *where;                    /* appended where an option is unknown; NULL: nothing */
    const struct OptionSet *const *parts; /* sets whose rows belong to it too, with their own
                                             parts; ended by NULL; or NULL */
} OptionSet;

#define OPTION(name, parser, type, field, doc)                                                     \
    { name, parser, offsetof(type, field), NULL, doc, false, 0 }
#define OPTION_WITH(name, parser, detail, type, field, doc)                                        \
    { name, parser, offsetof(type, field), detail, doc, false, 0 }
#define OPTION_SECRET(name, parser, type, field, doc)                                              \
    { name, parser, offsetof(type, field), NULL, doc, true, 0 }
#define OPTION_SET(rows)                                                                           \
    { rows, sizeof(rows) / sizeof *(rows), NULL, NULL }
#define OPTION_SET_WITH(rows, parts)                                                               \
    { rows, sizeof(rows) / sizeof *(rows), NULL, parts }
#define OPTION_SET_OF(parts)                                                                       \
    { NULL, 0, NULL, parts }

typedef struct OptionRange {
    double min, max;
} OptionRange;

void option_boolean(const OptionSite *site, Janet value, void *field); /* bool */
void option_bytes(const OptionSite *site, Janet value, void *field);   /* Bytes; string, buffer */
void option_text(const OptionSite *site, Janet value, void *field);    /* Bytes, no NUL inside, */
/* NUL-terminated */
void option_name(const OptionSite *site, Janet value, void *field);    /* as text; keywords too */
void option_seconds(const OptionSite *site, Janet value, void *field); /* double, not negative */
void option_integer(const OptionSite *site, Janet value, void *field); /* int32_t; OptionRange */
/* As option_text, without a copy that would stay in memory: not NUL-terminated. */
void option_secret(const OptionSite *site, Janet value, void *field);
void option_word(const OptionSite *site, Janet value, void *field); /* int; OptionWord[], */
                                                                    /* ended by a NULL name */
void option_function(const OptionSite *site, Janet value,
                     void *field);                                    /* Janet; of one argument, */
                                                                      /* for call_fiber */
void option_any(const OptionSite *site, Janet value, void *field);    /* Janet */
void option_nested(const OptionSite *site, Janet value, void *field); /* an OptionSet that */
                                                                      /* fills the same struct; */
                                                                      /* one a set at most */

/* "<function>: bad option :name, expected X, got V"; of a secret row, V is the value's type. */
JANET_NO_RETURN void option_refuse(const OptionSite *site, const char *expected, Janet got);

/* Read a table or struct of options (nil: none) into a struct that holds the defaults already.
 * Unknown names, values of a wrong type or range and doubled aliases raise. Views handed out
 * point into Janet values: they last as long as those and the running C function do. */
void options_read(const char *function, const OptionSet *set, Janet options, void *into);

/* Is it a table, a struct or nil? */
bool options_given(Janet options);

/* The set's row of that number, parts after its own; NULL: there are no more. */
const OptionRow *options_row(const OptionSet *set, size_t index);

/* The documentation of a set, a line an option, for docstrings. */
void options_document(const OptionSet *set, JanetBuffer *into);

#endif

/* Options: one row per option gives its name, its parser, its field and its documentation.
 *
 *   typedef struct { double timeout; Bytes cert; } Opts;
 *   static const OptionRow rows[] = {
 *       OPTION("timeout", option_seconds, Opts, timeout, "Seconds for the whole call."),
 *       OPTION("cert", option_text, Opts, cert, "Certificate: path or PEM."),
 *   };
 *   static const OptionSet set = OPTION_SET(rows);
 *   Opts opts = {.timeout = INFINITY};                   // defaults first
 *   options_read("tls/connect", &set, argv[2], &opts);   // raises on unknown options and values
 *
 * Several rows may share a field: aliases. Giving two of them at once raises.
 *
 * Options that several functions share are a set of their own, which is a part of the functions'
 * sets. All of these fill the same struct, or structs that begin with the same member:
 *
 *   static const OptionSet *const parts[] = {&shared, NULL};
 *   static const OptionSet set = OPTION_SET_WITH(rows, parts); */
#ifndef JSEC_BASE_OPTIONS_H
#define JSEC_BASE_OPTIONS_H

#include "base/value.h"

#include <janet.h>
#include <stdbool.h>

typedef struct OptionRow OptionRow;

/* The function and option whose value is read, for error texts. */
typedef struct OptionSite {
    const char *function;
    const OptionRow *row;
} OptionSite;

/* Turns a value into its field, or raises through option_refuse. */
typedef void (*OptionParser)(const OptionSite *site, Janet value, void *field);

struct OptionRow {
    const char *name;
    OptionParser parse;
    const char *kind; /* the parser's name, which stands for the type in documentation */
    size_t offset;
    const void *detail; /* for the parser: words, a range, a nested set */
    const char *doc;
    bool secret;   /* a key, a password: no error text shows its value */
    unsigned tags; /* for the code that defines the rows */
};

/* Options under a heading of the documentation: their names, separated by spaces. */
typedef struct OptionGroup {
    const char *heading, *names;
} OptionGroup;

/* How a set is documented, and which of its options a function refuses. */
typedef struct OptionLayout {
    const OptionGroup *groups; /* ended by a NULL heading */
    const char *refused;       /* names, separated by spaces; NULL: none */
    const char *role;          /* of these: "servers" */
} OptionLayout;

typedef struct OptionSet {
    const OptionRow *rows;
    size_t count;                         /* of its own; with the parts, at most 64 */
    const char *where;                    /* follows the name of an unknown option; or NULL */
    const struct OptionSet *const *parts; /* further sets, ended by NULL; or NULL */
    const OptionLayout *layout;           /* NULL: no headings, and all are accepted */
} OptionSet;

#define OPTION(name, parser, type, field, doc)                                                     \
    { name, parser, #parser, offsetof(type, field), NULL, doc, false, 0 }
#define OPTION_WITH(name, parser, detail, type, field, doc)                                        \
    { name, parser, #parser, offsetof(type, field), detail, doc, false, 0 }
#define OPTION_SECRET(name, parser, type, field, doc)                                              \
    { name, parser, #parser, offsetof(type, field), NULL, doc, true, 0 }
#define OPTION_SET(rows)                                                                           \
    { rows, sizeof(rows) / sizeof *(rows), NULL, NULL, NULL }
#define OPTION_SET_WITH(rows, parts)                                                               \
    { rows, sizeof(rows) / sizeof *(rows), NULL, parts, NULL }
#define OPTION_SET_LAID_OUT(parts, layout)                                                         \
    { NULL, 0, NULL, parts, layout }
#define OPTION_SET_OF(parts)                                                                       \
    { NULL, 0, NULL, parts, NULL }

typedef struct OptionRange {
    double min, max;
} OptionRange;

/* bool */
void option_boolean(const OptionSite *site, Janet value, void *field);

/* Bytes of a string or buffer. */
void option_bytes(const OptionSite *site, Janet value, void *field);

/* The same without NUL bytes, but with one after its end. option_name accepts keywords as well. */
void option_text(const OptionSite *site, Janet value, void *field);
void option_name(const OptionSite *site, Janet value, void *field);

/* As option_text, but never a copy, which would stay in memory. There is no NUL after its end. */
void option_secret(const OptionSite *site, Janet value, void *field);

/* double, not negative. */
void option_seconds(const OptionSite *site, Janet value, void *field);

/* double: bytes of memory. */
void option_memory(const OptionSite *site, Janet value, void *field);

/* int32_t; the detail is an OptionRange, or NULL. */
void option_integer(const OptionSite *site, Janet value, void *field);

/* int; the detail is an array of OptionWord, ended by a NULL name. */
void option_word(const OptionSite *site, Janet value, void *field);

/* Janet: a function of one argument, or of one or two, for call_fiber. */
void option_function(const OptionSite *site, Janet value, void *field);
void option_function_of_two(const OptionSite *site, Janet value, void *field);

/* Janet: a function that can be called with two arguments. */
void option_function_of_both(const OptionSite *site, Janet value, void *field);

/* Janet */
void option_any(const OptionSite *site, Janet value, void *field);

/* A table; the detail is an OptionSet that fills the same struct. At most one in a set. */
void option_nested(const OptionSite *site, Janet value, void *field);

/* "<function>: bad option :name, expected X, got V"; of a secret row, V is the value's type. */
JANET_NO_RETURN void option_refuse(const OptionSite *site, const char *expected, Janet got);

/* Read a table or struct of options (nil: none) into a struct that already has the defaults.
 * Unknown names, values of a wrong type or range, and two names of one field raise. Views point
 * into the Janet values: they last as long as these do and the C function runs. */
void options_read(const char *function, const OptionSet *set, Janet options, void *into);

/* Is it a table, a struct or nil? */
bool options_given(Janet options);

/* The table or struct whose options count where these have none; nil: there is none. */
Janet options_prototype(Janet options);

/* The row with that number, counting the set's own rows first; NULL after the last. */
const OptionRow *options_row(const OptionSet *set, size_t index);

/* The documentation of a set for docstrings, one line for each option. */
void options_document(const OptionSet *set, JanetBuffer *into);

#endif

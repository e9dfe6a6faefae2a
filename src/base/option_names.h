/* Names of options and of their types: for documentation, and for the cure in an error. */
#ifndef JSEC_BASE_OPTION_NAMES_H
#define JSEC_BASE_OPTION_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Is the name among these, which spaces separate? */
bool option_names_have(const char *names, const char *name, size_t length);

/* The type of value that a parser of that name takes, in words; "" where the documentation of the
 * option says it. */
const char *option_type(const char *parser);

/* Another library's name of an option. */
typedef struct OptionAlias {
    const char *foreign; /* in lower case, letters and digits only */
    const char *option;  /* the name here */
    const char *value;   /* the value to give, after a space, or "" */
} OptionAlias;

/* The next alias of that name after `previous`, NULL: the first. Dashes, underscores and the case
 * of letters do not matter. NULL: there is none. */
const OptionAlias *option_alias(const char *name, size_t length, const OptionAlias *previous);

#endif

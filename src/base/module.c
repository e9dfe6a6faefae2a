#include "base/module.h"

#include <string.h>

#define MAX_FUNCTIONS 256

/* The functions of this thread's VM, for the texts of errors. */
static JANET_THREAD_LOCAL const Function *known[MAX_FUNCTIONS];
static JANET_THREAD_LOCAL size_t known_count;

static void remember(const Function *function) {
    for (size_t i = 0; i < known_count; i++) {
        if (known[i] == function) return; /* a second VM of the thread */
    }
    if (known_count < MAX_FUNCTIONS) known[known_count++] = function;
}

static const Function *find_function(const char *name) {
    for (size_t i = 0; i < known_count; i++) {
        if (!strcmp(known[i]->name, name)) return known[i];
    }
    return NULL;
}

const char *module_signature(const char *name) {
    const Function *function = find_function(name);
    if (!function) return name;
    return (const char *)janet_formatc("%s%s%s", name, *function->parameters ? " " : "",
                                       function->parameters);
}

const char *module_parameter(const char *name, int32_t slot, size_t *length) {
    const Function *function = find_function(name);
    const char *word = function ? function->parameters : "";
    for (;; word += *length + (word[*length] == ' ')) {
        *length = strcspn(word, " )");
        if (!*length) return NULL;
        if (!strncmp(word, "&opt", *length)) continue;
        if (!slot--) return word;
    }
}

void module_arity(const char *name, int32_t *min, int32_t *max) {
    const Function *function = find_function(name);
    const char *optional = function ? strstr(function->parameters, "&opt") : NULL;
    *min = *max = 0;
    size_t length;
    for (const char *word; (word = module_parameter(name, *max, &length)); ++*max) {
        if (!optional || word < optional) ++*min;
    }
}

static void bind_function(JanetTable *env, const char *name, JanetCFunction function,
                          JanetBuffer *doc) {
    janet_buffer_push_u8(doc, 0);
    const JanetRegExt one[] = {{name, function, (const char *)doc->data, NULL, 0},
                               {NULL, NULL, NULL, NULL, 0}};
    janet_cfuns_ext(env, NULL, one);
}

void module_register(JanetTable *env, const Function *const *functions) {
    for (const Function *row; (row = *functions); functions++) {
        remember(row);
        JanetBuffer *doc = janet_buffer(1024);
        janet_formatb(doc, "(%s%s%s)\n\n%s", row->name, *row->parameters ? " " : "",
                      row->parameters, row->text);
        if (row->options) {
            janet_buffer_push_u8(doc, '\n');
            options_document(row->options, doc);
        }
        bind_function(env, row->name, row->function, doc);
    }
}

#include "base/module.h"

static void bind_function(JanetTable *env, const char *name, JanetCFunction function,
                          JanetBuffer *doc) {
    janet_buffer_push_u8(doc, 0);
    const JanetRegExt one[] = {{name, function, (const char *)doc->data, NULL, 0},
                               {NULL, NULL, NULL, NULL, 0}};
    janet_cfuns_ext(env, NULL, one);
}

void module_register(JanetTable *env, const Function *const *functions) {
    for (const Function *row; (row = *functions); functions++) {
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

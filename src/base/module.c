#include "base/module.h"

void module_functions(JanetTable *env, const FunctionRow *rows) {
    for (const FunctionRow *row = rows; row->name; row++) {
        JanetBuffer *doc = janet_buffer(1024);
        janet_buffer_push_cstring(doc, row->doc);
        if (row->options) options_document(row->options, doc);
        janet_buffer_push_u8(doc, 0);
        const JanetRegExt one[] = {{row->name, row->function, (const char *)doc->data, NULL, 0},
                                   {NULL, NULL, NULL, NULL, 0}};
        janet_cfuns_ext(env, NULL, one);
    }
}

/* Context objects: what new-context returns. */
#ifndef JSEC_CONTEXT_CONTEXT_H
#define JSEC_CONTEXT_CONTEXT_H

#include "context/options.h"
#include "core/tls/context_slot.h"

/* A protocol's contexts and the options that make them. */
typedef struct ContextKind {
    const JanetAbstractType *type; /* of its context objects */
    const OptionSet *set;          /* the entry point's options */
    const OptionSet *context_set;  /* options that make a context; all in ContextOptions */
    const OptionSet *beside;       /* options that may be given beside a context */
    const char *protocol;          /* in errors: "TLS" */
    const char *wanted;            /* likewise: "options or TLS context" */
    bool datagram;
} ContextKind;

/* A context object: a slot with an SSL_CTX, and the connection options that were given with it. */
typedef struct Context {
    ContextSlot *slot;
    ConnectionOptions connection; /* its names are copies, freed with the object */
} Context;

/* The context object that a value is, of either protocol; NULL: none. */
Context *context_object(Janet value);

/* Callbacks for a protocol's abstract type of contexts. */
int context_object_gc(void *pointer, size_t size);
int context_object_mark(void *pointer, size_t size);
void context_object_tostring(void *pointer, JanetBuffer *buffer);
JANET_NO_RETURN void context_object_marshal(void *pointer, JanetMarshalContext *context);
JANET_NO_RETURN void *context_object_unmarshal(JanetMarshalContext *context);
#define CONTEXT_OBJECT_TYPE(type_name)                                                             \
    {                                                                                              \
        .name = (type_name), .gc = context_object_gc, .gcmark = context_object_mark,               \
        .marshal = context_object_marshal, .unmarshal = context_object_unmarshal,                  \
        .tostring = context_object_tostring                                                        \
    }

#endif

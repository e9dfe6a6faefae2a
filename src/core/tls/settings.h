/* The settings of a context: what a program can choose, before there is an SSL_CTX. settings.def
 * has a row for each; everything here is made of the rows. */
#ifndef JSEC_CORE_SETTINGS_H
#define JSEC_CORE_SETTINGS_H

#include "core/bytes.h"
#include "core/failure.h"
#include "core/tls/verify.h"

#include <math.h>
#include <openssl/ssl.h>

#define MAX_LISTED 8
#define SETTINGS_DIGEST_LENGTH 32
#define PIN_LENGTH 32 /* SHA-256 of a SubjectPublicKeyInfo */

typedef struct BytesList {
    Bytes list[MAX_LISTED];
    size_t count;
} BytesList;

/* Functions that sign, one for each certificate, by an address that the driver knows. */
typedef struct SignerList {
    const void *list[MAX_LISTED];
    size_t count;
} SignerList;

/* A client's OCSP stapling: off, asked for, or required. */
typedef enum OcspMode { OCSP_IGNORE, OCSP_ASK, OCSP_REQUIRE } OcspMode;

/* The names of CAs that a server sends to its clients. Unset: those it trusts. */
typedef enum ClientCaNames { NAMES_UNSET, NAMES_NONE, NAMES_TRUSTED, NAMES_GIVEN } ClientCaNames;

typedef struct ContextSlot ContextSlot; /* context_slot.h */

typedef struct VirtualHost {
    Bytes name; /* "a.example", "*.a.example"; empty: the default */
    ContextSlot *slot;
} VirtualHost;

typedef struct VirtualHostList {
    const VirtualHost *list;
    size_t count;
} VirtualHostList;

typedef struct ContextSettings {
#define SETTING(kind, type, name, default, session, host, shown) type name;
#include "core/tls/settings.def"
#undef SETTING
} ContextSettings;

/* The words of the rows, as flags. */
enum {
    SETTING_SESSION_BOUND = 1 << 0,
    SETTING_SESSION_STORED = 1 << 1,
    SETTING_SESSION_FREE = 1 << 2,
    SETTING_HOST_HOST = 1 << 3,
    SETTING_HOST_IDENTITY = 1 << 4,
    SETTING_HOST_ANCHORS = 1 << 5,
    SETTING_HOST_LISTENER = 1 << 6,
    SETTING_SHOWN_SHOWN = 1 << 7,
    SETTING_SHOWN_SECRET = 1 << 8,
};

/* SETTING_FLAGS_verify and so on, for the options that fill the settings. */
enum {
#define SETTING(kind, type, name, default, session, host, shown)                                   \
    SETTING_FLAGS_##name = SETTING_SESSION_##session | SETTING_HOST_##host | SETTING_SHOWN_##shown,
#include "core/tls/settings.def"
#undef SETTING
};

/* Defaults. */
void settings_init(ContextSettings *settings);

/* Copy a source or a text, with a NUL after it. */
bool bytes_copy(Bytes *copy, Bytes bytes);

/* A copy that owns all it refers to, for settings_free, which cleanses the secrets. False when out
 * of memory. */
bool settings_copy(ContextSettings *copy, const ContextSettings *settings);
void settings_free(ContextSettings *copy);

/* Cleanse and free the bytes of a copy, which then owns `data`. */
void settings_replace(Bytes *bytes, uint8_t *data, size_t length);

/* A digest of all settings, for the context cache: files count by path, inode, size and times,
 * content by content. False when a file is missing, for example. */
bool settings_digest(const ContextSettings *settings, uint8_t *digest);

/* A digest of the settings that decide which peers are admitted, except the trust store's settings
 * (session_policy.h adds its content). */
bool settings_policy_digest(const ContextSettings *settings, uint8_t *digest);

/* Fill in the settings that a virtual host lacks and may inherit from its listener. */
void settings_inherit(ContextSettings *host, const ContextSettings *listener);

#endif

#include "base/option_names.h"

#include <string.h>

bool option_names_have(const char *names, const char *name, size_t length) {
    for (size_t n; (n = strcspn(names, " ")); names += n + (names[n] == ' ')) {
        if (n == length && !memcmp(names, name, n)) return true;
    }
    return false;
}

/* --- types --- */

static const struct {
    const char *parser, *type;
} types[] = {
    {"option_boolean", "Boolean"},
    {"parse_switch", "Boolean"},
    {"option_integer", "Integer"},
    {"option_seconds", "Number of seconds"},
    {"option_text", "String or buffer"},
    {"option_bytes", "String or buffer"},
    {"option_secret", "String or buffer"},
    {"option_name", "Keyword or string"},
    {"option_word", "Keyword or string"},
    {"option_function", "Function of one argument"},
    {"option_nested", "Table or struct"},
    {"parse_source", "String or buffer"},
    {"parse_session", "String or buffer"},
    {"parse_verify", "Boolean or `:optional`"},
    {"parse_ocsp", "Boolean or `:require`"},
    {"parse_purpose", "Keyword"},
    {"parse_truncation", "Keyword"},
    {"parse_time", "Number"},
    {"parse_retransmit", "Number of seconds"},
    {"parse_pins", "Array"},
    {"parse_alpn", "Array"},
    {"parse_blobs", "Array"},
    {"parse_sni", "Table or struct"},
    {"parse_keylog", "String or `true`"},
    {"parse_staple", "String, buffer or function"},
    {"parse_client_ca_names", "Boolean, string or array"},
    {"parse_keys", "String, buffer, key or array"},
    {"key_option", "String, buffer or key"},
    {"args_option_digest", "Keyword or string"},
    {"args_option_signature_digest", "Keyword or string"},
    {"pki_option_certificates", "String, buffer or array"},
    {"pki_option_names", "String or array"},
    {"option_subtrees", "String or array"},
    {"pki_option_days", "Number"},
    {"pki_option_date", "Number or string"},
    {"parse_sources", "String, buffer or array"},
};

const char *option_type(const char *parser) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!strcmp(types[i].parser, parser)) return types[i].type;
    }
    return "";
}

/* --- aliases --- */

/* Names of Python's ssl and requests, Node, Go, curl, OpenSSL and nginx; and names that other
 * functions here have. An error suggests the first whose option the function takes. */
static const OptionAlias aliases[] = {
    {"rejectunauthorized", "verify", ""},
    {"insecure", "verify", " false"},
    {"insecureskipverify", "verify", " false"},
    {"verifymode", "verify", ""},
    {"verifypeer", "verify", ""},
    {"sslverify", "verify", ""},
    {"verifycert", "verify", ""},
    {"requestcert", "verify", " :optional"},
    {"clientauth", "verify", " true"},
    {"mtls", "verify", " true"},
    {"servername", "hostname", ""},
    {"serverhostname", "hostname", ""},
    {"sni", "hostname", ""},
    {"host", "hostname", ""},
    {"hostname", "host", ""},
    {"checkhostname", "verify-hostname", ""},
    {"verifyhost", "verify-hostname", ""},
    {"verifyname", "verify-hostname", ""},
    {"roots", "ca-file", ""},
    {"rootcas", "ca-file", ""},
    {"cas", "ca-file", ""},
    {"cacert", "ca-file", ""},
    {"cacerts", "ca-file", ""},
    {"cabundle", "ca-file", ""},
    {"trust", "trusted-cert", ""},
    {"trust", "roots", ""},
    {"trusted", "trusted-cert", ""},
    {"truststore", "ca-file", ""},
    {"cafile", "roots", ""},
    {"trustedcert", "roots", ""},
    {"capath", "ca-path", ""},
    {"cadir", "ca-path", ""},
    {"certfile", "cert", ""},
    {"certificate", "cert", ""},
    {"certificates", "cert", ""},
    {"certchain", "cert", ""},
    {"chain", "cert", ""},
    {"chain", "intermediates", ""},
    {"keyfile", "key", ""},
    {"privatekey", "key", ""},
    {"passphrase", "password", ""},
    {"keypassword", "password", ""},
    {"alpnprotocols", "alpn", ""},
    {"nextprotos", "alpn", ""},
    {"protocols", "alpn", ""},
    {"minversion", "min-version", ""},
    {"minimumversion", "min-version", ""},
    {"tlsversion", "min-version", ""},
    {"version", "min-version", ""},
    {"maxversion", "max-version", ""},
    {"ciphersuite", "ciphersuites", ""},
    {"cipherlist", "ciphers", ""},
    {"groups", "curves", ""},
    {"ecdhcurve", "curves", ""},
    {"crls", "crl", ""},
    {"crl", "crls", ""},
    {"pin", "pins", ""},
    {"pinnedpubkey", "pins", ""},
    {"keylogfile", "keylog", ""},
    {"keylogwriter", "keylog", ""},
    {"connecttimeout", "timeout", ""},
    {"timeoutms", "timeout", ""},
    {"nodelay", "tcp-nodelay", ""},
    {"ocspstapling", "ocsp", ""},
    {"cn", "common-name", ""},
    {"subject", "common-name", ""},
    {"names", "san", ""},
    {"altnames", "san", ""},
    {"dnsnames", "san", ""},
    {"days", "days-valid", ""},
    {"validity", "days-valid", ""},
};

/* The next letter or digit of a name in lower case; 0 at its end. */
static int next_letter(const char **name, const char *end) {
    while (*name < end) {
        int c = (unsigned char)*(*name)++;
        if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) return c;
    }
    return 0;
}

static bool is_alike(const char *foreign, const char *name, size_t length) {
    const char *end = name + length;
    for (; *foreign; foreign++) {
        if (next_letter(&name, end) != *foreign) return false;
    }
    return !next_letter(&name, end);
}

const OptionAlias *option_alias(const char *name, size_t length, const OptionAlias *previous) {
    const OptionAlias *end = aliases + sizeof aliases / sizeof *aliases;
    for (const OptionAlias *alias = previous ? previous + 1 : aliases; alias < end; alias++) {
        if (is_alike(alias->foreign, name, length)) return alias;
    }
    return NULL;
}

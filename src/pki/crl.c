/* Certificate revocation lists. */
#include "core/pki/crl.h"

#include "base/args.h"
#include "base/module.h"
#include "base/raise.h"
#include "core/keys/keys.h"
#include "core/keys/pem.h"
#include "core/keys/quantum_key.h"
#include "crypto/task.h"
#include "pki/info.h"
#include "pki/options.h"
#include "pki/values.h"
#include "register.h"

#include <math.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <time.h>

#define SECONDS_A_DAY 86400.0
#define MANY_ENTRIES 1000 /* so many go to a worker */

enum { PEM, DER };
enum { KEY, PASSWORD };

/* --- cert/issue-crl --- */

static void option_reason(const OptionSite *site, Janet value, void *field) {
    int reason = CRL_NO_REASON;
    if (janet_checktypes(value, JANET_TFLAG_BYTES)) reason = crl_reason(value_bytes(value));
    if (reason == CRL_NO_REASON) {
        option_refuse(site,
                      "unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, "
                      "cessationOfOperation, certificateHold, privilegeWithdrawn or aACompromise",
                      value);
    }
    *(int *)field = reason;
}

typedef struct EntryOptions {
    Serial serial;
    Bytes certificate;
    double time;
    int reason;
} EntryOptions;

static const OptionRow entry_rows[] = {
    OPTION("serial", pki_option_serial, EntryOptions, serial, "Serial number."),
    OPTION("cert", option_bytes, EntryOptions, certificate, "The certificate."),
    OPTION("time", pki_option_date, EntryOptions, time, "Time of the revocation."),
    OPTION("reason", option_reason, EntryOptions, reason, "Reason."),
};
static const OptionSet entry_options = {entry_rows, sizeof entry_rows / sizeof *entry_rows,
                                        " in :revoked", NULL, NULL};

typedef struct CrlOptions {
    IssuerOptions issuer; /* first, for the shared part */
    Janet revoked;
    Serial number;
    double this_update, next_update, days; /* NAN: not given */
    const EVP_MD *digest;
    int format;
} CrlOptions;

static const OptionWord formats[] = {{"pem", PEM}, {"der", DER}, {NULL, 0}};

static const OptionRow crl_rows[] = {
    OPTION("revoked", option_any, CrlOptions, revoked,
           "The revoked certificates: a list of tables `{:serial … :time … :reason …}`, as "
           "`parse-crl` returns them. `:cert`, PEM or DER, can replace `:serial`, hexadecimal as "
           "`parse` shows it. `:time` defaults to now. `:reason` is unspecified (default), "
           "keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, "
           "certificateHold, privilegeWithdrawn or aACompromise. A certificate or serial number "
           "alone can replace the table. Default: none."),
    OPTION("number", pki_option_serial, CrlOptions, number,
           "CRL number: a whole number, or a string of hexadecimal digits. It must grow from list "
           "to list. Default: :this-update in seconds."),
    OPTION("this-update", pki_option_date, CrlOptions, this_update,
           "Time of the list: seconds since the epoch, or a date. Default: now."),
    OPTION("next-update", pki_option_date, CrlOptions, next_update,
           "When the next list is due at the latest. After it, verifiers refuse this list."),
    OPTION("days-valid", pki_option_days, CrlOptions, days,
           "In place of :next-update, days from :this-update on. Default: 30."),
    OPTION("digest", args_option_signature_digest, CrlOptions, digest,
           "Digest of the signature. The default is that of certificates."),
    OPTION_WITH("format", option_word, formats, CrlOptions, format, ":pem (default) or :der."),
};
static const OptionSet *const crl_parts[] = {&pki_issuer_options, NULL};
static const OptionSet crl_options = OPTION_SET_WITH(crl_rows, crl_parts);

typedef struct CrlTask {
    Task task; /* inputs: :issuer-key, :issuer-password */
    CrlIssue issue;
    int format;
    BIO *written;
} CrlTask;

static bool write_list(CrlTask *job, Failure *failure) {
    job->written = BIO_new(BIO_s_mem());
    bool written =
        job->written && (job->format == PEM ? PEM_write_bio_X509_CRL(job->written, job->issue.list)
                                            : i2d_X509_CRL_bio(job->written, job->issue.list));
    return written || failure_openssl(failure, "revocation list not written");
}

static bool crl_task_run(Task *task, Failure *failure) {
    CrlTask *job = (CrlTask *)task;
    job->issue.key = keys_private(task->inputs[KEY], task->inputs[PASSWORD], failure);
    return job->issue.key && crl_run(&job->issue, failure) && write_list(job, failure);
}

static Janet crl_task_result(Task *task) {
    return values_bio(((CrlTask *)task)->written);
}

static void crl_task_release(Task *task) {
    CrlTask *job = (CrlTask *)task;
    crl_free(&job->issue);
    BIO_free(job->written);
}

static JanetView view_entries(const char *function, Janet revoked) {
    JanetView list = {NULL, 0};
    bool is_list =
        janet_checktype(revoked, JANET_NIL) || janet_indexed_view(revoked, &list.items, &list.len);
    for (int32_t i = 0; is_list && i < list.len; i++) {
        is_list = janet_checktypes(list.items[i], JANET_TFLAG_DICTIONARY | VALUES_BYTES);
    }
    if (!is_list) {
        raise_format(function, "bad option :revoked, expected list of tables, certificates or "
                               "serial numbers");
    }
    return list;
}

static void read_entry(const char *function, Janet item, EntryOptions *entry) {
    if (janet_checktypes(item, VALUES_BYTES)) {
        Bytes text = value_bytes(item);
        if (!serial_parse(text, &entry->serial)) entry->certificate = text;
        return;
    }
    options_read(function, &entry_options, item, entry);
    if (!entry->certificate.data == !entry->serial.length) {
        raise_format(function, "each table in option :revoked needs :serial or :cert");
    }
}

/* Scratch memory, which Janet frees if this raises. */
static EntryOptions *read_entries(const char *function, JanetView list) {
    double now = (double)time(NULL);
    EntryOptions *entries = janet_smalloc((size_t)(list.len + 1) * sizeof *entries);
    for (int32_t i = 0; i < list.len; i++) {
        entries[i] = (EntryOptions){.time = now, .reason = CRL_NO_REASON};
        read_entry(function, list.items[i], entries + i);
    }
    return entries;
}

static bool add_entry(CrlTask *job, const EntryOptions *entry, Failure *failure) {
    CrlRevocation revocation = {
        .serial = entry->serial, .time = (int64_t)entry->time, .reason = entry->reason};
    if (entry->certificate.data) {
        revocation.certificate = pem_load_certificate(entry->certificate, failure);
        if (!revocation.certificate) return false;
    }
    bool added = crl_add(&job->issue, &revocation, failure);
    X509_free(revocation.certificate);
    return added;
}

/* The number that is the time of the list. */
static Serial number_of_time(double seconds) {
    Serial number;
    char hex[32];
    int length = snprintf(hex, sizeof hex, "%llx", (unsigned long long)(seconds > 1 ? seconds : 1));
    serial_parse((Bytes){(const uint8_t *)hex, (size_t)length}, &number);
    return number;
}

static void set_times(CrlIssue *issue, const CrlOptions *options) {
    double days = isnan(options->days) ? 30 : options->days;
    double next = isnan(options->next_update) ? options->this_update + days * SECONDS_A_DAY
                                              : options->next_update;
    issue->this_update = (int64_t)options->this_update;
    issue->next_update = next < 1e15 ? (int64_t)next : INT64_MAX;
    issue->number = options->number.length ? options->number : number_of_time(options->this_update);
}

static void check_options(const char *function, const CrlOptions *options) {
    pki_require_issuer(function, &options->issuer);
    if (!isnan(options->next_update) && !isnan(options->days)) {
        raise_format(function, "options :next-update and :days-valid exclude each other");
    }
}

FUNCTION(cert_issue_crl, "cert/issue-crl", "opts",
         "Make a certificate revocation list (CRL version 2, RFC 5280) with the certificate and "
         "key of a CA, and return it as a PEM string. TLS (`:crl`), `verify-chain` and "
         "`crypto/cms-verify` (`:crls`) take it. A list without entries states that nothing is "
         "revoked. Raises when the issuer's key does not match its certificate, when the issuer "
         "may not sign such lists, when a certificate is of another CA, and when one occurs twice.",
         &crl_options) {
    args_arity(function, argc, 1, 1);
    CrlOptions options = {.revoked = janet_wrap_nil(),
                          .this_update = (double)time(NULL),
                          .next_update = NAN,
                          .days = NAN};
    options_read(function, &crl_options, argv[0], &options);
    check_options(function, &options);
    JanetView list = view_entries(function, options.revoked);
    EntryOptions *entries = read_entries(function, list);
    Failure failure;
    CrlTask job = {
        .task = {.function = function,
                 .run = crl_task_run,
                 .result = crl_task_result,
                 .release = crl_task_release,
                 .inputs = {[KEY] = options.issuer.key, [PASSWORD] = options.issuer.password}},
        .issue = {.digest = options.digest},
        .format = options.format};
    set_times(&job.issue, &options);
    bool ready = (job.issue.issuer = pem_load_certificate(options.issuer.certificate, &failure));
    for (int32_t i = 0; ready && i < list.len; i++) ready = add_entry(&job, entries + i, &failure);
    janet_sfree(entries);
    if (!ready) {
        crl_task_release(&job.task);
        raise_failure(function, &failure);
    }
    bool heavy = keys_are_slow(options.issuer.key, options.issuer.password) ||
                 list.len > MANY_ENTRIES || quantum_key_is_slow(options.issuer.key);
    return task_run(&job.task, sizeof job, heavy);
}

/* --- cert/parse-crl --- */

static void put_value(JanetTable *into, const char *key, Janet value) {
    janet_table_put(into, janet_ckeywordv(key), value); /* nil leaves it out */
}

static Janet make_time(InfoTime time) {
    return time.known ? janet_wrap_number((double)time.seconds) : janet_wrap_nil();
}

static Janet make_optional(Bytes bytes) {
    return bytes.data ? info_bytes(bytes) : janet_wrap_nil();
}

static Janet make_entries(const CrlInfo *info) {
    Janet *all = janet_tuple_begin((int32_t)info->count);
    for (size_t i = 0; i < info->count; i++) {
        const CrlInfoEntry *entry = info->entries + i;
        JanetTable *table = janet_table(4);
        put_value(table, "serial", info_bytes(entry->serial));
        put_value(table, "time", make_time(entry->time));
        if (entry->reason) put_value(table, "reason", janet_ckeywordv(entry->reason));
        all[i] = janet_wrap_struct(janet_table_to_struct(table));
    }
    return janet_wrap_tuple(janet_tuple_end(all));
}

static Janet make_list(const CrlInfo *info) {
    JanetTable *table = janet_table(16);
    put_value(table, "version", info_asn1_version(info->version));
    put_value(table, "issuer", info_name(&info->issuer));
    put_value(table, "issuer-text", info_bytes(info->issuer_text));
    put_value(table, "this-update", make_time(info->this_update));
    put_value(table, "next-update", make_time(info->next_update));
    put_value(table, "number", make_optional(info->number));
    put_value(table, "base-number", make_optional(info->base));
    put_value(table, "signature-algorithm", info_bytes(info->signature_algorithm));
    put_value(table, "authority-key-id", make_optional(info->authority_key_id));
    put_value(table, "revoked", make_entries(info));
    put_value(table, "extensions", info_extensions(&info->extensions));
    return janet_wrap_struct(janet_table_to_struct(table));
}

static STACK_OF(X509_CRL) * load_lists(Janet value, Failure *failure) {
    STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
    bool loaded = lists || failure_set(failure, "out of memory");
    for (int32_t i = 0; loaded && i < values_count(value); i++) {
        loaded = pem_load_crls(lists, values_item(value, i), failure);
    }
    if (loaded) return lists;
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
    return NULL;
}

FUNCTION(cert_parse_crl, "cert/parse-crl", "crl",
         "The content of a certificate revocation list, PEM (the first block) or DER, as a struct. "
         "Its signature is not verified: see `revoked?` and `verify-chain`. Raises when it is no "
         "such list, or when an extension shown below can't be read. Keys without a value are "
         "absent.\n\n"
         "* `:issuer` `:issuer-text` - the CA, as in `parse`\n"
         "* `:this-update` `:next-update` - seconds since the epoch\n"
         "* `:number` - CRL number, hexadecimal; `:base-number` - of the list that a delta list "
         "changes\n"
         "* `:revoked` - tuple of structs `{:serial :time :reason}`: hexadecimal, seconds since "
         "the epoch, a keyword of RFC 5280 such as `:keyCompromise`\n"
         "* `:signature-algorithm` `:authority-key-id` `:extensions` - as in `parse`\n"
         "* `:version` - 1 or 2",
         NULL) {
    Failure failure;
    CrlInfo info;
    args_arity(function, argc, 1, 1);
    args_bytes(function, argv, 0);
    STACK_OF(X509_CRL) *lists = load_lists(argv[0], &failure);
    if (!lists) raise_failure(function, &failure);
    Janet result = janet_wrap_nil();
    bool read = crl_info_read(&info, sk_X509_CRL_value(lists, 0), &failure);
    if (read) result = make_list(&info);
    crl_info_free(&info);
    sk_X509_CRL_pop_free(lists, X509_CRL_free);
    if (!read) raise_failure(function, &failure);
    return result;
}

/* --- cert/revoked? --- */

typedef struct QueryOptions {
    Bytes issuer_cert;
    double time;
} QueryOptions;

static const OptionRow query_rows[] = {
    OPTION("issuer-cert", option_bytes, QueryOptions, issuer_cert,
           "Certificate of the CA. When given, the list must have its signature."),
    OPTION("time", pki_option_date, QueryOptions, time,
           "When the list must be in force: seconds since the epoch, or a date. Default: now."),
};
static const OptionSet query_options = OPTION_SET(query_rows);

FUNCTION(cert_is_revoked, "cert/revoked?", "cert crl &opt opts",
         "Whether a revocation list, PEM or DER, or one of several (a list of them, or one PEM "
         "text), names the certificate: true or false. The signature of the list is verified only "
         "with :issuer-cert: use it unless the list comes from a source that you trust. Raises "
         "when the lists can't tell: none is of the certificate's issuer, or the list is out of "
         "date or limited to some certificates. `verify-chain` with :crls verifies the whole "
         "chain.",
         &query_options) {
    args_arity(function, argc, 2, 3);
    Bytes given = args_bytes(function, argv, 0);
    QueryOptions options = {.time = (double)time(NULL)};
    if (!values_are(argv[1], VALUES_BYTES)) {
        raise_type(function, 1, "string or buffer, or a list of these", argv[1]);
    }
    options_read(function, &query_options, args_options(argv, argc, 2), &options);
    Failure failure;
    bool revoked = false;
    CrlQuery query = {.time = (int64_t)options.time};
    bool known = (query.certificate = pem_load_certificate(given, &failure)) &&
                 (!options.issuer_cert.data ||
                  (query.issuer = pem_load_certificate(options.issuer_cert, &failure))) &&
                 (query.lists = load_lists(argv[1], &failure)) &&
                 crl_ask(&query, &revoked, &failure);
    X509_free(query.certificate);
    X509_free(query.issuer);
    sk_X509_CRL_pop_free(query.lists, X509_CRL_free);
    if (!known) raise_failure(function, &failure);
    return janet_wrap_boolean(revoked);
}

static const Function *const functions[] = {
    &function_cert_issue_crl,
    &function_cert_parse_crl,
    &function_cert_is_revoked,
    NULL,
};

void crl_register(JanetTable *env) {
    module_register(env, functions);
}

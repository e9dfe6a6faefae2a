/* Parsers of the options of TLS and DTLS. */
#ifndef JSEC_CONTEXT_PARSE_H
#define JSEC_CONTEXT_PARSE_H

#include "base/options.h"

void parse_verify(const OptionSite *site, Janet value, void *field);  /* VerifyMode */
void parse_source(const OptionSite *site, Janet value, void *field);  /* Bytes: path, PEM or DER */
void parse_sources(const OptionSite *site, Janet value, void *field); /* BytesList of the same */
void parse_keys(const OptionSite *site, Janet value, void *field);    /* the same, or key objects */
void parse_blobs(const OptionSite *site, Janet value, void *field);   /* BytesList of any bytes */
void parse_alpn(const OptionSite *site, Janet value, void *field);    /* Bytes, wire format */
void parse_client_ca_names(const OptionSite *site, Janet value, void *field); /* ContextSettings */
void parse_switch(const OptionSite *site, Janet value, void *field);          /* int: 0 or 1 */
void parse_truncation(const OptionSite *site, Janet value, void *field); /* bool: is it an end? */
void parse_purpose(const OptionSite *site, Janet value, void *field);    /* int: X509_PURPOSE_* */
void parse_time(const OptionSite *site, Janet value, void *field);       /* double, epoch */
void parse_pins(const OptionSite *site, Janet value, void *field);    /* Bytes, PIN_LENGTH each */
void parse_keylog(const OptionSite *site, Janet value, void *field);  /* Bytes */
void parse_session(const OptionSite *site, Janet value, void *field); /* Bytes of a string */
void parse_staple(const OptionSite *site, Janet value, void *field);  /* Janet: bytes, function */
void parse_ocsp(const OptionSite *site, Janet value, void *field);    /* OcspMode */
void parse_sni(const OptionSite *site, Janet value, void *field);     /* Janet: the table */

#endif

/* The options of the PROXY protocol. */
#ifndef JSEC_CONTEXT_PROXY_H
#define JSEC_CONTEXT_PROXY_H

#include "base/options.h"
#include "core/proxy_header.h"
#include "net/networks.h"

typedef struct ProxyOptions {
    Networks trusted; /* peers that send a header; servers */
    size_t length;    /* of the header that a client sends; 0: none */
    uint8_t header[MAX_PROXY_WRITTEN];
} ProxyOptions;

void parse_networks(const OptionSite *site, Janet value, void *field);   /* Networks */
void parse_send_proxy(const OptionSite *site, Janet value, void *field); /* ProxyOptions */

#endif

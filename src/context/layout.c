#include "context/layout.h"

static const OptionGroup groups[] = {
    {"Trust",
     "verify on-verify ca-file ca ca-path trusted-cert pins crl ocsp ocsp-max-age purpose strict "
     "verify-depth verify-time client-ca-names"},
    {"Own certificate", "cert key signer password ocsp-response "
                        "certificate-compression post-handshake-auth"},
    {"Names", "hostname verify-hostname sni on-hello max-asking alpn"},
    {"Versions and suites", "min-version max-version ciphersuites ciphers curves security-level "
                            "security legacy-server-connect renegotiation"},
    {"Sessions", "session on-session session-tickets session-timeout session-lifetime "
                 "session-cache-size ticket-keys max-sessions max-sessions-per-host"},
    {"Times", "timeout handshake-timeout close-timeout handshake handshake-timing retransmit"},
    {"Transport",
     "buffer-size tcp-nodelay truncation mtu backlog share-port proxy-protocol send-proxy "
     "keylog on-error context"},
    {NULL, NULL},
};

#define OF_SERVERS                                                                                 \
    "ticket-keys session-cache-size session-tickets ocsp-response client-ca-names "                \
    "on-hello max-asking proxy-protocol"
#define OF_CLIENTS                                                                                 \
    "session on-session ocsp ocsp-max-age legacy-server-connect post-handshake-auth send-proxy"

const OptionLayout layout_client = {groups, "sni " OF_SERVERS, "servers"};
const OptionLayout layout_server = {groups, OF_CLIENTS, "clients"};
const OptionLayout layout_datagram_client = {groups, OF_SERVERS, "servers"};
const OptionLayout layout_both = {groups, NULL, NULL};

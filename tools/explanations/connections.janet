# Cause and cure of the errors of verification, of connecting and of handshakes; the form is that of
# tools/explanations.janet.

(def all [

  # ---- verification ----

  {:title "The certificate is for another name"
   :texts []
   :parts ["IP address mismatch: wanted*" ", certificate has no subjectAltName with *"
           "; a wildcard matches no name with *"]
   :others
   [(string "certificate verify failed: IP address mismatch: wanted \"…\", certificate has no "
            "subjectAltName with an IP address")
    "certificate verify failed: hostname mismatch: wanted \"…\", certificate names \"…\""]
   :cause
   ``The server's certificate does not contain the name of the connection. Only subject alternative
   names count, not the common name (RFC 6125). An IP address must be in the certificate as an IP
   address.``
   :cure
   ``Connect by a name in the certificate, or give the expected name: `{:hostname
   "name.in.certificate"}`. If the server is yours, issue a certificate with the name that clients
   use (`:san` of `cert/issue-cert`). Don't turn `:verify` off: then an attacker can be the
   server.``}

  {:title "The certificate is malformed"
   :texts ["malformed extension*"]
   :parts [", the certificate's subjectAltName is malformed" " occurs twice" ": its "]
   :others [(string "certificate verify failed: malformed extension: certificate \"…\" (depth 0): "
                    "its subjectAltName can't be read")
            (string "certificate verify failed: IP address mismatch: wanted \"…\", certificate "
                    "names a malformed IP address of … bytes")]
   :cause
   ``An extension of the certificate, or a name in it, breaks the rules of X.509. No verifier
   accepts such a certificate; an attacker may have made it.``
   :cure
   ``Inspect it with `(cert/parse cert {:lenient true})` or `openssl asn1parse`. If the server is
   yours, issue a new certificate.``}

  {:title "The certificate's issuer is not trusted"
   :texts []
   :parts [", issuer *" " is not trusted here: give it as *"
           ": certificate *"]
   :others
   [(string "certificate verify failed: unable to get local issuer certificate: certificate "
            "\"…\" (depth 0), issuer \"…\" is not trusted here: give it as :ca-file")
    (string "certificate verify failed: self-signed certificate: certificate \"…\" (depth 0) "
            "is not trusted here: give it as :trusted-cert")]
   :cause
   ``No trusted CA issued the server's certificate: it is from a private CA, it is self-signed, or
   the server does not send the intermediate certificate.``
   :cure
   ``For a private CA give `{:ca-file "ca.pem"}`, for a self-signed certificate `{:trusted-cert
   "server.pem"}`. If an intermediate is missing, the server's operator appends it to the
   certificate file; `jsec connect HOST` shows the certificates that the server sends.``}

  {:title "The peer showed no certificate"
   :texts ["certificate verify failed: the peer showed no certificate (*"
           "certificate verify failed: verification was not set up" "certificate verify failed: …"
           ":ciphers has only suites without certificates*"]
   :cause
   ``The connection must be verified, or has pins, but its cipher suite has no certificates (aNULL):
   the peer could be an attacker.``
   :cure
   ``Choose other suites in `:ciphers`, or leave it out. To test such a suite, give `:verify false`
   and no `:pins`.``}

  {:title "The chain breaks a rule of RFC 5280"
   :texts []
   :parts [", which :strict true requires"]
   :others
   [(string "certificate verify failed: CA cert does not include key usage extension: certificate "
            "\"…\" (depth 1), which :strict true requires")]
   :cause
   ``The caller gave `:strict true`, and a certificate of the chain lacks what RFC 5280 requires:
   for example keyUsage or key identifiers of a CA, or a positive serial number. Without `:strict`,
   jsec accepts such chains, as OpenSSL and browsers do.``
   :cure
   ``Issue the certificate again, or leave out `:strict`.``}

  {:title "The certificate has expired, or has another purpose"
   :texts []
   :parts [", valid until *" ", valid from *"
           ", its (extended) key usage is for something else, see :purpose"]
   :others
   [(string "certificate verify failed: unsuitable certificate purpose: certificate \"…\" "
            "(depth 0), its (extended) key usage is for something else, see :purpose")
    "certificate verify failed: certificate has expired: certificate \"…\" (depth 0), valid until …"
    (string "certificate verify failed: certificate is not yet valid: certificate \"…\" (depth "
            "0), valid from …")]
   :cause
   ``The certificate (depth 0) or one of its issuers (depth 1 and up) has expired or is not valid
   yet, or its extended key usage does not allow this use: for example a client's certificate on a
   server. A wrong clock has the same effect.``
   :cure
   ``Renew the certificate; check the clock (`date`). `:purpose` chooses another use, `:verify-time`
   another date, for tests.``}

  {:title "Nothing to verify against"
   :texts ["no host name to verify the certificate against*" "not a host name to verify: *"
           "not a host name: *" "no CA to verify clients against*"
           ":verify :optional is for servers*" ":pins on a server need*"
           ":ocsp needs :verify true*"]
   :cause
   ``Verification is on, explicitly or by default, and lacks what it compares with. A client needs
   the server's name. A server needs the CA of its clients: public CAs issue certificates for
   hosts, not for clients.``
   :cure
   ``A client that wraps a connection gives the name, as in `(tls/wrap stream "name")`, or
   `:hostname`. A server with `:verify` gives `:ca-file`, `:ca-path` or `:trusted-cert`.``}

  {:title "Pins don't match"
   :texts ["pin mismatch*" ":pins*"]
   :cause
   ``None of the public keys in the verified chain is among `:pins`; or a pin is not `sha256//` with
   44 characters of Base64.``
   :cure
   ``If the server's operator changed the key, add the new pin, which the error shows. Pin two keys,
   one of them spare. If the operator did not change it, an attacker intercepts the connection.``}

  {:title "Stapled OCSP responses"
   :texts ["OCSP*" ":ocsp*" "certificate is …, as its stapled OCSP response says"
           "stapled OCSP response is damaged" "not an OCSP response*"]
   :cause
   ``The stapled response says that the certificate is revoked, is out of date, belongs to another
   certificate, or has a signer that is not authorized; or, with `:ocsp :require`, it is missing.
   Or `:ocsp-response` is not an OCSP response.``
   :cure
   ``Don't connect if the certificate is revoked. In the other cases the server's operator renews
   the response (`openssl ocsp -respout`), in DER. A certificate given as `:trusted-cert` has no
   issuer that could sign a response: leave `:ocsp` out.``}

  # ---- connecting ----

  {:title "The name is not found"
   :texts ["could not resolve *" "not an address: …" "bad path of a unix socket*" "no IP address"
           "expected the text of an IP address for host"
           "expected a port from 0 to 65535" "the stream is not connected to an IP address"]
   :cause
   ``The host name has no address, the port is neither a number nor the name of a service, or the
   path of a unix socket is empty or too long.``
   :cure
   ``Check the spelling, and `getent hosts NAME`. Ports are strings or integers from 0 to 65535. The
   path of a unix socket fits into about 100 bytes: use a shorter folder.``}

  {:title "A unix socket can't be made"
   :texts ["unix socket *"]
   :cause
   ``The path exists, perhaps left over by a process that has ended, its folder is missing, or
   it may not be written to.``
   :cure "Remove the file if no process listens there; choose a folder that you may write to."}

  {:title "The connection failed"
   :texts ["port … of …: …: end the server that listens there*"]
   :others ["Connection refused" "Connection timed out" "No route to host" "Network is unreachable"
            "Address already in use" "Permission denied"]
   :cause
   ``These are the system's texts. Refused: no server listens on that port. Address in use: another
   server listens there, or the file of a unix socket exists. `tls/listen` does not share the port
   of another server, as `net/listen` does: half of the clients would reach the wrong one.``
   :cure
   ``Start the server, or find the right port with `ss -ltnp`, which names the program that listens.
   Workers of one server share a port with `:share-port true`, given to each of them. Remove the
   file of a unix socket whose server has ended: `tls/listen` deletes nothing. Ports below 1024 need
   privileges.``}

  {:title "A core stream can't be made"
   :texts ["no pair of sockets on 127.0.0.1: …"]
   :cause
   ``A core stream is one of two sockets that are connected over 127.0.0.1. The process has no
   descriptor left, or the machine's loopback interface is down.``
   :cure "Raise `ulimit -n`, or bring the interface up: `ip link set lo up`."}

  {:title "Timeouts"
   :texts ["timeout" "handshake timed out: the peer did not finish it within … s"
           "handshake timed out: a function of the options gave no answer within … s"]
   :others ["deadline expired"]
   :cause
   ``The call took longer than its `:timeout`, the handshake longer than `:handshake-timeout` (30 s
   by default), or a deadline of `ev/with-deadline` passed. Often the peer does not speak TLS and
   waits for other data, or a firewall drops packets. On a server it may also be a function that the
   handshake asks, such as `:ocsp-response`, which waited too long.``
   :cure
   ``Give a slow peer more time. A stream stays usable after a read or write that timed out; the
   bytes that were read are in the given buffer.``}

  {:title "Closed streams"
   :texts ["stream is closed" "stream closed" "bio is closed" "bio has ended"]
   :cause
   ``The stream (or BIO) was closed before the call, or while a write waited. A waiting read returns
   nil instead.``
   :cure
   "Close the stream in the code that owns it, after all fibers are done with it; `with` helps."}

  {:title "The connection broke off"
   :texts ["connection truncated*" "handshake failed: the peer closed the connection"
           "output limit exceeded: the peer is not reading (4 MB pending)"]
   :others ["Connection reset by peer" "Broken pipe"]
   :cause
   ``The peer, or an attacker, ended the connection without close_notify: data may be missing.
   During the handshake: the peer does not speak TLS, rejects our offer, or crashed.``
   :cure
   ``Treat the data as incomplete. For protocols that mark their own end (HTTP with Content-Length),
   `:truncation :eof` turns the error into an end. During the handshake, see the server's log;
   `jsec check HOST` tries versions and suites one by one.``}

  {:title "A close that was not taken"
   :texts ["the peer did not read all that was written within … s"]
   :cause
   (string "`ev/close` waits until the kernel has taken everything that was written and "
           "close_notify. The peer reads too slowly, or not at all, so that this did not "
           "happen within `:close-timeout`. The connection is closed; the peer has a part of "
           "the data and sees an error.")
   :cure "Give a longer `:close-timeout`, or find out why the peer does not read."}

  {:title "A transfer that was cut"
   :texts ["tls/shutdown: no close_notify was sent*"]
   :others [(string "protocol error: bad record type: the peer aborted the connection, or the "
                    "network changed bytes: data is missing")
            (string "protocol error: cipher operation failed: decryption failed or bad record mac: "
                    "the peer aborted the connection, or the network changed bytes: data is "
                    "missing")]
   :cause
   ``A write ended with an error (a timeout, `ev/cancel`, a deadline, a close by another fiber)
   after a part of its data was sent, a handler of `accept-loop` raised, or the program called
   `tls/abort`. The stream has no clean end any more: its close sends an alert that is not sealed,
   and a peer that runs jsec reports one of the last two texts. They also appear when the network
   changes bytes.``
   :cure
   ``Where they are reported, treat the data as incomplete. In the peer, look for the write that
   failed, and for the error of the handler; close the stream and begin anew.``}

  # ---- the handshake ----

  {:title "Too many unfinished handshakes"
   :texts ["handshake dropped: *"]
   :cause
   ``More connections than `:max-handshakes` (or `:max-handshakes-per-host`) had not finished
   their handshake, and this was the oldest. Peers connect and send nothing, or the server is
   overloaded. `:on-error` gets this text.``
   :cure
   ``Nothing, if these peers are strangers: new clients are served. If all clients come through
   one proxy, raise `:max-handshakes-per-host`.``}

  {:title "The peer does not speak TLS"
   :texts ["the peer sent plain HTTP to a TLS port" "the peer sent a proxy request to a TLS port"
           "the peer does not speak TLS, or no version allowed here"]
   :others
   [(string "handshake failed: wrong version number: the peer does not speak TLS, or no "
            "version allowed here")]
   :cause
   ``The peer's bytes are not TLS: the port is wrong, the server begins in plaintext (SMTP on port
   25 or 587), or a browser uses `http://`.``
   :cure "Use the port for TLS, or `tls/upgrade` after the protocol's own STARTTLS."}

  {:title "Nothing in common"
   :texts ["no protocol version in common" "the peer allows none of our protocol versions"
           "no cipher suite in common with the peer"
           "the peer found nothing in common with us"
           "no group in common with the peer, see :curves"
           "the peer knows none of our :alpn protocols"
           "the peer offered none of our :alpn protocols"
           "the peer serves no host of the name that we asked for" "handshake failed: …"]
   :cause
   ``Both sides speak TLS, but share no version, cipher suite, group, application protocol, or the
   server has no host of that name.``
   :cure
   ``Loosen `:min-version`, `:ciphers`, `:curves` and `:alpn`, or leave them out: the defaults suit
   the peers of the last ten years. A server with only an RSA certificate can't serve clients that
   accept only ECDSA: give both. `(tls/features)` lists what this OpenSSL has.``}

  {:title "A server's function refuses a client"
   :texts ["handshake failed: :on-hello: …"
           "handshake failed: :max-asking others wait for :on-hello"
           "no alert has this name: …"
           "the context has :sni, :on-hello, :on-verify or a function as :ocsp-response, *"
           "option :…: a reload keeps what the context has, leave it out"
           "option :… in …"]
   :cause
   ``The function `:on-hello` raised, or returned what can't serve: the text says what. Or as many
   handshakes as `:max-asking` allows waited for an answer. The client sees an internal error.``
   :cure
   ``Return a context or options with `:cert` and `:key`, true, nil, or `{:alert :access-denied}`.
   A function that waits long holds places: limit it by `:handshake-timeout`, or raise
   `:max-asking`.``}

  {:title "A key elsewhere does not sign"
   :texts ["handshake failed: :signer*" "handshake failed: :max-asking others wait for :signer*"
           ":key beside :signer: give one of them"
           "… keys can't be used from elsewhere"
           ":signer*" "key elsewhere not set up: …"
           "… certificates in :cert, but … functions in :signer"
           "…: make the context with one, as threads may share a context without functions"
           ":ciphers has only suites with RSA key exchange (kRSA), *"]
   :cause
   ``The function `:sign` of `:signer` raised, or returned what is no signature by the key of
   `:cert`: the service has another key, or signed another digest or with another padding. Or the
   options do not fit a key that only signs.``
   :cure
   ``Sign the bytes `:digest` as they are, without hashing them again, by `:algorithm`, `:padding`
   and `:salt-length` of the request; of EC keys return DER. Compare the service's public key with
   the certificate: give it as `:public`.``}
  {:title "The program's function refuses a peer"
   :texts [":on-verify: …" ":max-asking others wait for :on-verify"
           ":on-verify can't be asked now"
           "expected true, nil or a reason as string, got …"
           "certificate verify failed: :on-verify was not asked"
           ":on-verify on a server needs *" ":on-verify with :renegotiation true*"]
   :others ["certificate verify failed: :on-verify refused the peer"]
   :cause
   ``The function `:on-verify` refused the peer's certificate, raised, or returned what is no
   answer: the text says what. Or as many handshakes as `:max-asking` allows waited for an answer.
   A certificate that comes after the handshake can't be judged, and is refused.``
   :cure
   ``Return true or nil to keep the verdict of the verification, a string to refuse the peer with
   these words. A server with `:on-verify` needs `:verify true` or `:optional`, and no
   `:renegotiation`.``}

  {:title "A key in a store"
   :texts ["no provider of OpenSSL is active that has keys of *" "the key's store *"
           "the key stays in its store: *" "no key from its store*"
           "the URI stands for … keys of its store: *"]
   :cause
   ``The key is given as a URI, `pkcs11:…` or `file:…`. Its provider is not active, the PIN is
   missing or wrong, no key has that URI or several have, or the function needs the key itself.``
   :cure
   ``Activate the provider in openssl.cnf (`OPENSSL_CONF`), give the PIN as `:password`, and name
   one key, by `object=` or `id=`. `openssl storeutl URI` lists what a store has.``}

  {:title "Servers with old software"
   :texts ["the server does not know secure renegotiation*"
           "the server's Diffie-Hellman group is too small*"]
   :others
   [(string "handshake failed: unsafe legacy renegotiation disabled: the server does not know "
            "secure renegotiation (RFC 5746): …")
    "handshake failed: dh key too small: the server's Diffie-Hellman group is too small: …"]
   :cause
   ``The server's software or configuration is from before 2010 to 2015. Without RFC 5746 an
   attacker can put data before the client's; groups below 2048 bits can be broken with effort.``
   :cure
   ``The operator of the server updates it. Until then `:legacy-server-connect true` connects to a
   server without RFC 5746, and `:security-level 1` accepts groups of 1024 bits.``}

  {:title "OpenSSL's own configuration"
   :texts ["the security level (:security-level, or openssl.cnf) *"
           "OpenSSL has no provider with ciphers*"
           "the peer's signature algorithms or security level do not fit our key"]
   :others
   [":cert: ee key too small: the security level (:security-level, or openssl.cnf) asks for more …"
    "no context: library has no ciphers: OpenSSL has no provider with ciphers: …"]
   :cause
   ``openssl.cnf, at the path in `OPENSSL_CONF`, activates no provider with algorithms, or sets a
   security level that the key or the certificate does not reach: level 2 asks for 2048 bits of
   RSA, level 3 for 3072.``
   :cure
   ``Activate the `default` provider in openssl.cnf. Make a larger key, or one of a curve, such as
   `:ec-p256`; a lower `:security-level` accepts the one at hand.``}

  {:title "Client certificates"
   :texts ["the client gave no certificate, and one is required"
           "the peer requires a certificate: give :cert and :key"
           "the peer does not trust the CA of our certificate"
           "the peer refused our certificate" "the peer says that our certificate*"
           "the peer does not accept our certificate's type of key*"]
   :cause
   ``Mutual TLS: the server requires a certificate, and the client gave none, or one that the server
   does not accept. With TLS 1.3 the error comes with the client's first read, after `tls/connect`
   has returned.``
   :cure
   ``The client gives `{:cert "client.pem" :key "client.key"}`, with intermediate certificates in
   the file after its own. The server's `:ca-file` has the CA of the clients, and their
   certificates allow client authentication.``}

  {:title "Certificates that are too large"
   :texts ["the peer's message is too large*" "the peer refused a message of ours*"
           "handshake failed: the peer's message is damaged or too large*"]
   :cause
   ``A message of the handshake is too large: the peer's certificates have more than 100 KB
   together, or a client's more than 60 KB. The reason is thousands of names in one certificate,
   or a bundle of CAs as `:cert`. The peer reports an illegal parameter, which may have other
   reasons.``
   :cure
   ``Give only the certificate and its intermediates as `:cert`; `jsec cert show FILE` shows the
   contents of a file. Distribute names over several certificates.``}

  {:title "A server without a certificate"
   :texts ["a server needs a certificate: *" ":cert without :key"
           ":key without :cert" ":key does not belong to :cert*"
           "… certificates in :cert, but … keys in :key"
           "the listener of tls/listen has no certificate*"
           "the listener was made without the options of a TLS server"]
   :cause "A server was started without `:cert` and `:key`, or the two don't belong together."
   :cure
   ``Give both, as paths or PEM. `jsec cert show FILE` shows the contents of a file. For
   experiments: `(cert/generate-self-signed-cert {:common-name "localhost"})`. The functions
   `net/accept` and `net/accept-loop` have no argument for options: give these to `tls/listen`.
   Libraries get them by `tls/with-options`, or by the `:options` of `tls/import`.``}

  {:title "A PROXY header that is missing or malformed"
   :texts ["PROXY header expected: *"
           "the options :send-proxy and :proxy-protocol are for connections*"]
   :parts ["it has no room for its addresses" "its addresses are not those of TCP"
           "its checksum is wrong" "its command is unknown" "its extensions are malformed"
           "its line is malformed" "its line is too long" "it is too long"
           "the connection begins with other bytes"]
   :cause
   ``A connection from a network of `:proxy-protocol` has to begin with a header of the PROXY
   protocol, before TLS. This one began otherwise: a client of that network connected directly, or
   the balancer sends no header. `tls/upgrade` and `tls/wrap` take over connections of others, and
   read and send no header.``
   :cure
   ``HAProxy sends headers with `send-proxy-v2` at the `server` line, nginx with
   `proxy_protocol on`. Give `:proxy-protocol` only the balancers' own addresses. Health checks of
   the balancer need the header as well: `check-send-proxy`.``}

  {:title "Listeners that were not passed"
   :texts ["the environment's *" "descriptor … was announced and not passed" "descriptor …: *"]
   :cause
   ``The parent sets `LISTEN_FDS` and `LISTEN_PID` for a process to which it passes listeners, as
   descriptors from 3 on: sd_listen_fds(3). Here a number is malformed, or larger than what was
   passed: another program between the two closed the descriptors, or set the variables by itself.``
   :cure
   ``Start the program directly by the parent (`ExecStart=`), not through a wrapper that closes
   descriptors. `systemd-socket-activate` shows whether the program alone works.``}

  {:title "TLS asked for datagrams"
   :texts ["TLS needs a stream, not :datagram*"]
   :cause "A call of `net/connect` or `net/listen` for UDP was given to `jsec/tls`."
   :cure "Use `dtls/connect`, or `dtls/listen` with `dtls/recv-from` and `dtls/send-to`."}

  {:title "Plaintext before TLS"
   :texts ["plaintext is left over on the stream*" "stream can't be taken over*" "it is *"
           "another fiber *"]
   :cause
   ``The functions `tls/upgrade` and `tls/wrap` take over a connected socket that no other code
   uses. Unread plaintext would be mistaken for data under TLS: a known way to inject commands.``
   :cure
   ``Read the server's agreement exactly to its end before `tls/upgrade`. Don't wrap a listener, a
   pipe, or a stream that another fiber reads.``}
])

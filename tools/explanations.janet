# What the errors of jsec mean and what helps: an explanation for each text in the sources, many having one in common.
#   :texts   as tools/errors.janet finds them; "abc*" covers all that begin with abc, and the first that covers a text counts
#   :parts   likewise: texts that are but parts of what is shown
#   :others  texts to show as well: put together of parts, or coming from Janet's core or the system

(def intro ``
# Errors, their causes, their cures

Errors of jsec are strings `<function>: <what failed>: <why>`, such as

    tls/connect: certificate verify failed: hostname mismatch: wanted "a.example", certificate names "b.example"

Below, … stands for what is filled in, and the function's name is left out. Where OpenSSL knows a reason, it comes last, in
OpenSSL's words. Reads and writes of a stream raise what core's streams raise, the text of the system's error alone:
code that looks for `"Connection reset by peer"` or `"timeout"` works on both.

This page is made from the sources (`make docs`); a test sees to it that no text is missing.

``)

(def all [

  # ---- verification ----

  {:title "The certificate is for another name"
   :texts []
   :parts ["IP address mismatch: wanted*" "\"*" ", certificate has no subjectAltName with *"]
   :others ["certificate verify failed: IP address mismatch: wanted \"…\", certificate has no subjectAltName with an IP address"
            "certificate verify failed: hostname mismatch: wanted \"…\", certificate names \"…\""]
   :cause "The server's certificate does not bear the name that was connected to. Only subject alternative names count; the common name does not (RFC 6125), and an IP address has to stand there as an IP address."
   :cure "Connect by a name that the certificate bears, or say which one is wanted: `{:hostname \"name.in.certificate\"}`. If the server is yours, have a certificate issued with the name under which clients reach it (`:san` of `cert/issue-cert`). Don't turn `:verify` off: then anybody can be the server."}

  {:title "The certificate is malformed"
   :texts []
   :parts [", the certificate's subjectAltName is malformed" "malformed extension"]
   :others ["certificate verify failed: malformed extension: certificate \"…\" (depth 0)"
            "certificate verify failed: IP address mismatch: wanted \"…\", certificate names a malformed IP address of … bytes"]
   :cause "An extension of the certificate, or a name in it, is not what X.509 asks for. Such a certificate verifies nowhere; an attacker may have made it."
   :cure "Look at it: `jsec cert show FILE`, `openssl asn1parse`. If the server is yours, have the certificate issued again."}

  {:title "The certificate's issuer is not trusted"
   :texts []
   :parts [", issuer *" " is not trusted here: give it as *" "\" is not trusted here: give it as *" ": certificate *"]
   :others ["certificate verify failed: unable to get local issuer certificate: certificate \"…\" (depth 0), issuer \"…\" is not trusted here: give it as :ca-file"
            "certificate verify failed: self-signed certificate: certificate \"…\" (depth 0) is not trusted here: give it as :trusted-cert"]
   :cause "No certificate of a trusted CA vouches for the server's: it is of a private CA, signs itself, or the server does not send the intermediate certificate."
   :cure "Of a private CA: `{:ca-file \"ca.pem\"}`. Of a certificate that signs itself: `{:trusted-cert \"server.pem\"}`. If an intermediate is missing, the server's operator has to append it to the certificate file; `jsec connect HOST` shows what is sent."}

  {:title "The peer showed no certificate"
   :texts ["certificate verify failed: the peer showed no certificate (*" "certificate verify failed: verification was not set up" "certificate verify failed: …"
           ":ciphers has only suites without certificates*"]
   :cause "The connection must be verified, or has pins, and the cipher suite is one in which the peer shows no certificate (aNULL): anyone can be that peer."
   :cure "Name other suites in `:ciphers`, or none: the default is good. Where there is nothing to verify, in a test of such a suite, say: `:verify false`, without `:pins`."}

  {:title "The certificate is out of date, or for something else"
   :texts []
   :parts [", valid until *" ", valid from *" ", its (extended) key usage is for something else, see :purpose"]
   :others ["certificate verify failed: unsuitable certificate purpose: certificate \"…\" (depth 0), its (extended) key usage is for something else, see :purpose"
            "certificate verify failed: certificate has expired: certificate \"…\" (depth 0), valid until …"
            "certificate verify failed: certificate is not yet valid: certificate \"…\" (depth 0), valid from …"]
   :cause "The certificate (depth 0) or one of its issuers (depth 1 and up) has expired or is not valid yet, or its extended key usage does not allow what it is used for: a client's certificate on a server, say. A wrong clock looks the same."
   :cure "Renew the certificate; look at the clock (`date`). For another use than the usual one of the role give `:purpose`. To verify as of another day, in tests say: `:verify-time`."}

  {:title "Nothing to verify against"
   :texts ["no host name to verify the certificate against*" "not a host name to verify: *" "not a host name: *" "no CA to verify clients against*"
           ":verify :optional is for servers*" ":pins on a server need*" ":ocsp needs :verify true*"]
   :cause "Verification was asked for, or is on by default, and what it needs is missing: a client has to know whom it wants, a server which CA vouches for its clients (public CAs vouch for hosts, not for clients)."
   :cure "Clients that wrap a connection: give the name, `(tls/wrap stream \"name\")` or `:hostname`. Servers with `:verify`: give `:ca-file`, `:ca-path` or `:trusted-cert`."}

  {:title "Pins don't match"
   :texts ["pin mismatch*" ":pins*"]
   :cause "None of the public keys in the verified chain is among `:pins`; or a pin is not `sha256//` and 44 letters of Base64."
   :cure "If the server's key was changed on purpose, add the new pin, which the error shows. Pin two keys, one of them spare. If nobody changed it, somebody is in between."}

  {:title "Stapled OCSP responses"
   :texts ["OCSP*" ":ocsp*" "certificate is …, as its stapled OCSP response says" "stapled OCSP response is damaged" "not an OCSP response*"]
   :cause "The response that the server staples says that the certificate is revoked, is out of date, about another certificate or not signed by the issuer or its responder; or, with `:ocsp :require`, there is none. Or what was given as `:ocsp-response` is none."
   :cure "Of a revoked certificate: don't connect. Else the server's operator has to renew the response (`openssl ocsp -respout`), in DER. A certificate that is trusted by itself has no issuer that could vouch: leave `:ocsp` out."}

  # ---- connecting ----

  {:title "The name is not found"
   :texts ["could not resolve *" "not an address: …" "bad path of a unix socket*" "no IP address" "expected the text of an IP address for host"
           "expected a port from 0 to 65535" "the stream is not connected to an IP address"]
   :cause "The host name has no address, the port is no number and no name of a service, or a unix socket's path is empty or too long."
   :cure "Check the spelling, and `getent hosts NAME`. Ports are strings or integers from 0 to 65535. Paths of unix sockets have to fit in some 100 bytes: use a shorter folder."}

  {:title "No connection comes about"
   :texts []
   :others ["Connection refused" "Connection timed out" "No route to host" "Network is unreachable" "Address already in use" "Permission denied"]
   :cause "The system's words. Refused: nobody listens on that port. Address in use: somebody else listens there, or a unix socket's file is there already."
   :cure "Start the server, or look for the right port: `ss -ltn`. A unix socket's file that a dead server left behind has to be removed by you: `tls/listen` deletes nothing. Ports below 1024 take privileges."}

  {:title "Time is up"
   :texts ["timeout" "handshake timed out: the peer did not finish it within … s"]
   :others ["deadline expired"]
   :cause "The call took longer than its `:timeout`, the handshake longer than `:handshake-timeout` (30 s by default), or a deadline of `ev/with-deadline` passed. Often a peer that does not speak TLS and waits for something else, or a firewall."
   :cure "Give a longer time if the peer is slow. A stream can be used on after a read or write that timed out; what was read so far is in the buffer that was given."}

  {:title "Streams that are closed"
   :texts ["stream is closed" "stream closed" "bio is closed"]
   :cause "The stream (or BIO) was closed before the call, or while a write waited. A read that waits gets nil instead."
   :cure "Close once all fibers have done with it; `with` and `defer` at the place that owns it."}

  {:title "The connection broke off"
   :texts ["connection truncated*" "handshake failed: the peer closed the connection" "the peer does not read what it asked for"]
   :others ["Connection reset by peer" "Broken pipe"]
   :cause "The peer, or somebody in between, ended the connection without saying so (no close_notify): what was read may be half of it. During the handshake: the peer does not speak TLS, does not like what we offer, or crashed."
   :cure "Treat what came as incomplete. For protocols that mark their own end (HTTP with Content-Length) `:truncation :eof` makes it a plain end. During the handshake: look into the server's log; `jsec check HOST` tries versions and suites one by one."}

  {:title "A transfer that was cut"
   :texts ["tls/shutdown: no close_notify was sent*"]
   :others ["protocol error: bad record type" "protocol error: cipher operation failed: decryption failed or bad record mac"]
   :cause "A write ended with an error (a timeout, `ev/cancel`, a deadline, a close by another fiber) after a part of its data was sent, or a handler of `accept-loop` raised. The stream has no clean end any more: its close sends an alert that is not sealed, and a peer that runs jsec reports one of the last two texts. They also appear when the network changes bytes."
   :cure "On the side that reports them, treat the data as incomplete. On the other side, look for the write that failed, and for the error of the handler; close the stream and begin anew."}

  # ---- the handshake ----

  {:title "The peer does not speak TLS"
   :texts ["the peer sent plain HTTP to a TLS port" "the peer sent a proxy request to a TLS port" "the peer does not speak TLS, or no version allowed here"]
   :others ["handshake failed: wrong version number: the peer does not speak TLS, or no version allowed here"]
   :cause "What came is not TLS: the wrong port, a server that begins in clear (SMTP on port 25 or 587), a browser sent to `http://`."
   :cure "Use the port for TLS, or `tls/upgrade` after the protocol's own STARTTLS."}

  {:title "Nothing in common"
   :texts ["no protocol version in common" "the peer allows none of our protocol versions" "no cipher suite in common with the peer"
           "the peer found nothing in common with us" "no group in common with the peer, see :curves" "the peer knows none of our :alpn protocols"
           "the peer offered none of our :alpn protocols" "the peer serves no host of the name that we asked for" "handshake failed: …"]
   :cause "Both sides speak TLS, but share no version, cipher suite, group, application protocol, or the server has no host of that name."
   :cure "Loosen `:min-version`, `:ciphers`, `:curves`, `:alpn`, or leave them out: the defaults suit any peer of the last ten years. A server with RSA certificates only can't serve clients that take ECDSA only: give both. `(tls/features)` tells what this OpenSSL has."}

  {:title "Client certificates"
   :texts ["the client gave no certificate, and one is required" "the peer requires a certificate: give :cert and :key" "the peer does not trust the CA of our certificate"
           "the peer refused our certificate" "the peer says that our certificate*" "the peer takes no certificate like ours*"]
   :cause "Mutual TLS: the server wants a certificate, and the client gave none, or one that the server does not accept. With TLS 1.3 the client learns of it in its first read, after `tls/connect` has returned."
   :cure "Client: `{:cert \"client.pem\" :key \"client.key\"}`, with the intermediate certificates in the file after the first. Server: `:ca-file` has to hold the CA of the clients, and their certificates must allow client authentication."}

  {:title "Certificates that are too large"
   :texts ["the peer sent more than is taken*" "the peer refused what we sent*" "handshake failed: a message of the peer is damaged*"]
   :cause "A message of the handshake is larger than is taken: the peer's certificates, all that it sends, have more than 100 KB, or a client's more than 60. Thousands of names in one certificate, or a bundle of CAs given as `:cert`, make it so. The other side hears of an illegal parameter, which may have other reasons."
   :cure "Give the certificate and its intermediates as `:cert`, and no more: `jsec cert show FILE` tells what a file holds. Spread names over several certificates."}

  {:title "A server without a certificate"
   :texts ["a server needs a certificate: give :cert and :key" ":cert without :key" ":key without :cert" ":key does not belong to :cert*"
           "… certificates in :cert, but … keys in :key"]
   :cause "A server was started without `:cert` and `:key`, or the two don't belong together."
   :cure "Give both: paths or PEM. `jsec cert show FILE` tells what a file holds. For trying things out: `(cert/generate-self-signed-cert {:common-name \"localhost\"})`."}

  {:title "Plaintext before TLS"
   :texts ["plaintext is left over on the stream*" "stream can't be taken over*" "it is *" "another fiber *"]
   :cause "`tls/upgrade` and `tls/wrap` take over a connected socket that nobody else uses. Bytes that came in clear and were not read would be taken for what the peer says under TLS: an old way to smuggle commands in."
   :cure "Read the server's go-ahead to its end, exactly, before `tls/upgrade`. Don't wrap a listener, a pipe, or a stream that another fiber reads."}

  # ---- options ----

  {:title "Options that don't exist"
   :texts ["unknown option *" "bad options, expected table or struct, got …" "prototypes of options too deep" "options :… and …:… say the same*"
           "options :hostname and :sni say the same*"]
   :cause "A name was misspelt, belongs to another function, or two spellings of one option were given."
   :cure "`(doc tls/connect)` and its like list all options. The error names the nearest one."}

  {:title "Values that don't fit"
   :texts ["bad slot #*" "bad option *" "bad options, *" "bad :alpn*" "bad :ciphers*" "bad :curves*" "bad :mtu*" "unexpected keyword …"
           "unknown …, expected one of…" "arity mismatch, got …" "handler function must*" "option :password is required"
           "options :issuer-cert and :issuer-key are required" "options :key and :csr exclude each other" "options :cipher and :iterations go with :password"]
   :cause "An argument or option is of another type, out of range, or no word of those that are allowed; or one is missing that another needs."
   :cure "The error tells what was expected and what was got. Slots are counted from 0."}

  {:title "Options that contradict each other, or the context"
   :texts [":min-version is above *" ":max-version is below *" "openssl.cnf leaves no protocol version*" ":session is for clients" "a context can't be made of another*" ":on-session beside a context*"
           "option :… in :sni*" ":sni within :sni" ":sni: …" ":sni \"…\": …" "a function as :ocsp-response*" "… rests on SHA-1 and MD5*" ":ciphers and :ciphersuites leave none*" ":ciphers has no suite usable with the key of :cert" ":key is an Ed25519 or Ed448 one*"
           "protocol version not in this OpenSSL*"]
   :cause "The options can't hold at the same time, or were given where they have no effect: what a context decides can't be given beside it."
   :cure "Give what the error asks for. Options that make a context go to `tls/new-context`; those of one connection (`:hostname`, `:session`, `:timeout` …) may stand beside it as `{:context ctx :hostname …}`."}

  {:title "Names of virtual hosts"
   :texts [`"…" matches no host*` `"…" is not a host name*` "bad option :sni, two keys name the host*"]
   :cause "A key of `:sni` is no name that a client can ask for, so the host would never serve, and the listener's own settings would."
   :cure "A key is a host name in its ASCII form (`xn--…`), `\"*.a.example\"` for the hosts directly below a domain, or `:default`."}

  # ---- files, certificates, keys ----

  {:title "Files that can't be read"
   :texts [":ca-file: …" ":ca-path: …" ":cert: …" ":crl: …" ":key: …" ":trusted-cert: …" ":keylog: *" "…: is a directory" "…: larger than 16 MB" "…: not a directory" "not a directory"
           "…: out of memory" "empty path" "path too long" "empty, expected PEM, DER or the path of a file"
           "the system's CA certificates can't be loaded*" "neither PEM nor DER"]
   :others ["…: neither PEM nor DER nor the path of a file" "…: neither PEM nor DER nor the path of a file: No such file or directory"
            "…: not the path of a file"]
   :cause "A path does not exist, may not be read, or names something else than a file; or a text that was meant as PEM does not begin with `-----BEGIN`."
   :cure "Paths are relative to the current folder (`os/cwd`). Where the system has no CA certificates, install them (`ca-certificates` on Debian, Alpine) or give `:ca-file`."}

  {:title "Data that is no certificate, key, request …"
   :texts ["not a certificate*" "not a CRL*" "not a private key*" "not a public key, certificate or private key*" "not a key*" "certificate not readable*"
           "private key not readable*" "no key*" "not a usable key*" "EC key with explicit curve parameters*" "key too long" "request not usable*"]
   :cause "The bytes are damaged, of another kind (a public key where a private one is needed, a request where a certificate is), or of a kind that this OpenSSL does not know."
   :cure "`jsec cert show FILE` tells what a file holds. PEM may stand among other text, but has to be whole, with its BEGIN and END lines."}

  {:title "Passwords"
   :texts ["private key is encrypted*" "password not usable*" "password too long*" "private key not encrypted*" "key not encrypted*" "encryption not set up*"
           "bundle not opened: wrong password or damaged data" "not decrypted: its scrypt would take too long*" "not decrypted: more than … iterations*"]
   :cause "The key or bundle is encrypted and no password was given, it is the wrong one, or the encryption asks for hours of computing, which nobody's key needs."
   :cure "Give `:password` (of a CA's key `:issuer-password`, of a key in `create-pkcs12` `:key-password`). jsec never asks on a terminal. Read it from a file or the environment, not from the program's text."}

  {:title "PKCS#12 bundles"
   :texts ["bundle *" "not a PKCS#12 bundle*" "OpenSSL's legacy provider is not installed here"]
   :cause "The data is no bundle, is damaged, or was encrypted by old software (RC2, `:legacy true`); or a key and certificate to be bundled don't belong together."
   :cure "Old bundles: `{:legacy true}`, with OpenSSL's legacy provider installed (package `openssl-provider-legacy` on newer Debian). Bundles without a MAC: `:require-mac false`, if you know where they come from."}

  {:title "Making certificates and requests"
   :texts ["certificate not *" "issuer not usable*" "key not usable*" "key not written*" "names not usable*" "subject *" "dates not usable*" "path length not usable*"
           "request not *" "private key not written*" "public key not written*" "not converted*" "not a certificate request*"]
   :cause "What was asked for can't be put into a certificate: no name at all, a name that is none, a key that can't sign, dates beyond the year 9999, an issuer that is no CA or whose key is another's."
   :cure "Names go to `:san`: \"DNS:a.example\", \"IP:192.0.2.1\". The issuer's certificate needs CA:TRUE: make it by `cert/generate-self-signed-cert`, or `cert/issue-cert` with `:ca true`."}

  # ---- sessions ----

  {:title "Sessions that can't be resumed"
   :texts ["session *" "not a session*" "a server has no session to resume*" "a server resumes what its clients offer" "the handshake has begun: give :session*"]
   :cause "A session is bound to the host and the verification settings of the connection that it came from, since resuming skips the checks; or the bytes are no session; or it comes too late."
   :cure "Keep sessions by host and port, and drop one that is refused: without it the handshake is a full one. Give it to `tls/connect` as `:session`."}

  {:title "Tickets"
   :texts [":ticket-keys*"]
   :cause "Keys of session tickets have 48 or 80 bytes (nginx's format), and there are 1 to 8 of them."
   :cure "`(crypto/random-bytes 80)`, or a file of them: `openssl rand 80 > ticket.key`."}

  {:title "Too early, too late, or not on this side"
   :texts ["the handshake is not done yet" "the handshake has begun: staple*" "stapling is the server's" "TLS 1.3 has *" "renegotiation is off*" "no session with …"]
   :cause "The function needs a handshake that is done, or one that has not begun, the other role, or another version of TLS."
   :cure "With `:handshake false` call `(:handshake stream)` first. Key updates are TLS 1.3's, renegotiation is TLS 1.2's and off by default."}

  # ---- DTLS ----

  {:title "Datagrams"
   :texts ["… bytes are more than a record of DTLS holds*" "buffer overflow" "not a marshalled address"]
   :cause "A datagram travels in one record of at most 16384 bytes; a buffer can't grow beyond 2 GB."
   :cure "Send smaller pieces, of at most 1200 bytes to stay clear of fragmentation on the way."}

  # ---- cryptography ----

  {:title "Algorithms that this OpenSSL does not have, or that don't do that"
   :texts ["cipher … is not offered*" "curve … is not offered*" "digest … is not offered*" "… keys are not offered by this OpenSSL" "no … key generated*" "no HMAC*"
           "HMAC is not defined over …" "signatures are not made over …" "… keys don't agree on secrets" "… keys don't sign" "… key given, only RSA keys encrypt"
           "… keys have one size: leave out bits" "… signs the message itself*" ":format is for EC keys*" ":padding is for RSA keys*" ":salt-length and :mgf1-digest*"
           ":label and :mgf1-digest*" "an RSA-PSS key takes*" "a key of … bits is too small for this padding" "the keys are not of the same *" "the digest is … bytes*"
           "… has no length of its own*" "info too long*" "… MB of memory needed*" "no digest*" "no key derived*" "no secret agreed on*" "no signature*" "signature not checked*"]
   :cause "The algorithm is unknown, left out of this build of OpenSSL, or can't do what was asked: X25519 agrees on secrets and does not sign, Ed25519 signs and does not encrypt."
   :cure "`(tls/features)` and the docs of the function list what there is. The error names what is expected."}

  {:title "Encrypting and decrypting"
   :texts ["not authentic*" "not decrypted*" "not encrypted*" "… takes … of … bytes, got …" "… has no tag: give nil" "… can't authenticate additional data*"
           "a ciphertext for this key has*" "… bytes are too many*"]
   :cause "Key, nonce, tag, additional data or ciphertext are not those of the encryption: something was changed, mixed up or cut. Or a length does not fit the cipher, or the plaintext the RSA key."
   :cure "Don't use what was decrypted; there is none. `(crypto/cipher-info algo)` tells the lengths. For more than a few bytes under RSA encrypt a fresh key, and the data with `crypto/encrypt`."}

  {:title "CMS messages"
   :texts ["not a CMS message*" "not a signed message" "not an encrypted message" "not signed*" "neither a signed message nor one of certificates" "the message holds its content*"
           "the signature is detached*" "nobody has signed the message" "nobody is trusted" "signature does not verify" "signature over a digest that is too weak"
           "signer's certificate not trusted" "message not *" "data too large, or out of memory"]
   :cause "The message is of another kind, damaged, or signed by someone who is not trusted; in `cms-verify` these are the `:reason` of `{:valid false}`."
   :cure "Give the signers' CA as `:ca`, the data of a detached signature as `:detached`. `jsec cert show FILE` tells which certificates a message holds."}

  {:title "Base64"
   :texts ["invalid base64*"]
   :cause "The text is not exactly Base64: line breaks, other characters, missing padding, or bits that stand for nothing."
   :cure "Remove white space first: `(string/replace-all \"\\n\" \"\" text)`. Without padding and with `-` and `_`: `base64url-decode`."}

  {:title "Points of elliptic curves"
   :texts ["not a point*" "… of … bytes, at most …" "… not read*" "the result is the point at infinity*" "no coordinates*" "not added: …" "not multiplied*" "no random scalar*"]
   :cause "The bytes are no point of that curve, the scalar is longer than the order, or the result has no coordinates."
   :cure "Points that come from elsewhere have to be checked like this: refuse what raises."}

  # ---- the rest ----

  {:title "Threads and images"
   :texts ["a … can't be marshalled*" "a DTLS server can't be*" "a TLS context can't be*" "a connection can't be unmarshalled" "can't wait outside of the event loop"]
   :cause "Streams and servers belong to the thread that made them; contexts may cross threads, unless they hold functions, but don't outlive their process. And a call waited where there is no event loop."
   :cure "Pass a context to the threads, and let each listen on the same port itself: see `examples/multicore_server.janet`."}

  {:title "Out of memory, of threads, of random bytes"
   :texts ["out of memory" "no room for … bytes*" "no thread for it*" "no random bytes*" "no connection*" "no context*" "the result would be larger than 2 GB"
           "buffer cannot reallocate foreign memory" "not added to the trust store*" "trust*" "verification not set up*" "can't make an event queue: …" ":purpose: …" "more than 2 GB: use bio/read"]
   :cause "The system refused, or OpenSSL did."
   :cure "Look at limits (`ulimit -a`) and memory."}

  {:title "Installing"
   :texts []
   :others ["jsec: OpenSSL's headers, version 3.0 or later, are missing. Install: …" "jsec: there is no C compiler \"…\" (the environment variable CC names another). Install: …"
            "jsec: … failed: see above (janet.h missing? JANET_HEADERPATH can name its folder)"
            "collision at …, directory already exists" "No such file or directory: /usr/local/lib/janet" "could not find module jsec/tls: …"]
   :cause "What the build needs is not there; jsec is installed there already, in another way; Janet's own folder for modules does not exist or may not be written to; or a program looks for modules elsewhere."
   :cure "Install the packages that the error names. Remove the other installation first. Choose a folder of your own: `JANET_PATH=$HOME/janet janet --install .`, and give programs the same JANET_PATH: see the guide's section on installing."}

  {:title "Another Janet"
   :texts ["this Janet has no …" "net/listen was redefined" "jsec: Janet's compiler failed"]
   :others ["jsec: the native module has no …/…: is it an older build?"]
   :cause "The Janet that runs is older than 1.41, a program has replaced a function of core that jsec calls, or modules and native module are of different versions."
   :cure "Use Janet 1.41 or newer; install jsec anew, and remove what is left of another installation."}
])

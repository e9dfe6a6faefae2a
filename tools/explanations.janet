# Cause and cure of each error text in the sources. Many texts share an explanation.
#   :texts   texts as tools/errors.janet finds them. "abc*" covers all that begin with abc. The
#            first explanation that covers a text counts.
#   :parts   like :texts, for parts of texts; the page does not show them
#   :others  more texts for the page: composed ones, and those of Janet's core or the system
(import ./explanations/acme)
(import ./explanations/revocation)
(import ./explanations/connections)

(def intro ``
# Errors, their causes, their cures

Errors of jsec are strings `<function>: <what failed>: <why>`, such as

    tls/connect: certificate verify failed: hostname mismatch: wanted "a.example",
    certificate names "b.example"

Below, … stands for a value, and the function's name is left out. A reason that OpenSSL gives comes
last, in OpenSSL's words. Reads and writes of a stream raise the system's error text alone, as
core's streams do: code that looks for `"Connection reset by peer"` or `"timeout"` works on both.

`make docs` writes this page from the sources. A test checks that no text is missing.

``)

(def all [

  ;connections/all
  ;acme/all
  ;revocation/all

  # ---- options ----

  {:title "A host that is no host name"
   :texts ["host: a URL is no host name*" "host: a port follows the name*"]
   :cause "The host is given as a URL, or with its port: \"a.example:443\"."
   :cure "`(tls/connect \"a.example\" 443)`: host and port are two arguments."}

  {:title "Options that don't exist"
   :texts ["unknown option *" "unknown option, *" "unknown argument *"
           "bad options, expected table or struct, got …"
           "prototypes of options too deep" "options :… and …:… say the same*"
           "options :hostname and :sni say the same*" "option :… is for … only"]
   :cause
   ``A name is misspelt, belongs to another library, another function or the other role, or two
spellings of one option are given.``
   :cure "`(doc tls/connect)` and its like list all options. The error names the nearest one."}

  {:title "Values that don't fit"
   :texts ["bad slot #*" "bad option *" "bad options, *" "bad :alpn*" "bad :ciphers*" "bad :curves*"
           "bad :mtu*" "unexpected keyword …"
           "counter: bad slot *" "…: bad slot *" "arguments come in pairs of keyword and value"
           "handler not supported for :datagram servers"
           "unknown …, expected one of*" "arity mismatch, got …" "handler function must*"
           "option :password is required"
           "options :issuer-cert and :issuer-key are required"
           "options :key and :csr exclude each other"
           "options :cipher and :iterations go with :password"]
   :cause
   ``An argument or option has the wrong type, is out of range, or is not one of the allowed words;
   or an option is missing that another one needs.``
   :cure
   ``The error says what was expected and what was given. Slots are counted from 0. Of a string or
   buffer the error shows the type only, as it may be a key or password in the wrong place.``}

  {:title "Options that contradict each other, or the context"
   :texts [":min-version is above *" ":max-version is below *"
           "openssl.cnf leaves no protocol version*" ":session is for clients"
           "a context can't be made of another*" ":on-session beside a context*"
           "option :… in :sni*" ":sni within :sni*" ":sni, expected*" ":sni: …"
           "option :…: it is a connection's*" ":sni \"…\": …"
           "a function as :ocsp-response*" "… rests on SHA-1 and MD5*"
           ":ciphers and :ciphersuites leave none*"
           ":ciphers has no suite usable with the key of :cert"
           ":key is an Ed25519, Ed448 or ML-DSA one*" ":cert: TLS has no signatures *"
           "protocol version not in this OpenSSL*"]
   :cause
   ``The options contradict each other, or have no effect in this place: an option of a context
   can't be given beside a context.``
   :cure
   ``Follow the error's text. Options of a context go to `tls/new-context`; options of one
   connection (`:hostname`, `:session`, `:timeout` …) can stand beside it, as in `{:context ctx
   :hostname …}`.``}

  {:title "Names of virtual hosts"
   :texts ["… matches no host*" "… is not a host name*"
           "bad option :sni, two keys name the host*"]
   :cause
   ``A key of `:sni` is no name that a client can ask for, so the host would never serve, and the
   listener's own settings would.``
   :cure
   ``A key is a host name in its ASCII form (`xn--…`), `"*.a.example"` for the hosts directly
   below a domain, or `:default`.``}

  # ---- files, certificates, keys ----

  {:title "Files that can't be read"
   :texts [":ca-file: …" ":ca-path: …" ":cert: …" ":crl: …" ":key: …" ":trusted-cert: …"
           ":keylog: *" "…: is a directory" "…: larger than 16 MB" "not a directory: …"
           "…: out of memory" "empty path" "path too long"
           "empty, expected PEM, DER or the path of a file"
           "…: if it is a path, give the content: (slurp path)"
           "…: not a regular file: give the content: (slurp path)"
           ":client-ca-names: *" "this system has no trusted CAs*"
           "the system's CA certificates can't be loaded*" "neither PEM nor DER"]
   :others ["…: neither PEM nor DER nor the path of a file"
            "…: neither PEM nor DER nor the path of a file: No such file or directory"
            "…: not the path of a file"]
   :cause
   ``A path does not exist, is not readable or is not a file; or a text that is meant as PEM does
   not begin with `-----BEGIN`.``
   :cure
   ``Paths are relative to the current folder (`os/cwd`). If the system has no CA certificates,
   install them (`ca-certificates` on Debian and Alpine) or give `:ca-file`.``}

  {:title "Data that is not a certificate, key or request"
   :texts ["not a certificate*" "not a CRL*" "not a private key*"
           "not a public key, certificate or private key*" "not a key*" "certificate not readable*"
           "private key not readable*" "no key*" "not a usable key*" "number … was not read*"
           "damaged*" "empty" "no … block in the PEM"
           "the block … is not read*" "line …: Base64 without BEGIN and END lines is not read"
           "EC key with explicit curve parameters*" "key too long" "request not usable*"]
   :cause
   ``The bytes are damaged, of another kind (a public key in place of a private one, a request in
   place of a certificate), or of a kind that this OpenSSL does not know.``
   :cure
   ``Run `jsec cert show FILE` to see the contents of a file. PEM may stand among other text, but
   must be complete, with its BEGIN and END lines of five dashes. A text that gives a number counts
   from 1. Among certificates, keys, parameters and requests are skipped; what may be another
   certificate, such as a PKCS7 block or Base64 without such lines, raises. PEM and DER don't mix in
   one text: convert one with `crypto/convert-cert`.``}

  {:title "Passwords"
   :texts ["private key is encrypted*" "private key not decrypted*" "password not usable*"
           "password too long*"
           "private key not encrypted*" "key not encrypted*" "encryption not set up*"
           "bundle not opened: wrong password or damaged data"
           "not decrypted: its scrypt would take too long*"
           "not decrypted: more than … iterations*"]
   :cause
   ``The key or bundle is encrypted and the password is missing or wrong, or its encryption would
   take hours to compute, which no honest key does.``
   :cure
   ``Give `:password` (for a CA's key `:issuer-password`, for a key in `create-pkcs12`
   `:key-password`). jsec never asks on a terminal. Read the password from a file or the
   environment; don't write it into the program.``}

  {:title "Old ciphers of keys and bundles"
   :texts ["…, which is old: *" "…, which this OpenSSL does not offer"
           "OpenSSL's legacy provider is not installed here"]
   :others [(string "private key not decrypted: it is encrypted by PBE-MD5-DES, DES-CBC, which "
                    "is old: load it with (crypto/load-key key password {:legacy true})")
            "bundle not opened: its MAC is over MD4, which is old: try {:legacy true}"]
   :cause
   ``Old software encrypted the key or bundle by DES, RC2, RC4 or MD4, which OpenSSL offers in its
   legacy provider only. The password may be right.``
   :cure
   ``Open keys with `(crypto/load-key key password {:legacy true})`, and give `{:legacy true}` to
   `crypto/parse-pkcs12`. It needs OpenSSL's legacy provider (package `openssl-provider-legacy` on
   newer Debian). Then write the key anew with `crypto/export-key`.``}

  {:title "PKCS#12 bundles"
   :texts ["bundle *" "not a PKCS#12 bundle*"]
   :cause
   ``The data is not a bundle or is damaged; or the key and certificate for a new bundle don't
   belong together.``
   :cure
   ``For bundles without a MAC give `:require-mac false`, if their source is trusted.``}

  {:title "A time beyond this system's clock"
   :texts ["time not usable*"]
   :cause
   ``The time to verify at is beyond what `time_t` of this system holds: on some 32-bit systems it
   ends in January 2038.``
   :cure "Verify at an earlier time, or on a 64-bit system."}

  {:title "Making certificates and requests"
   :texts ["certificate not *" "digest not usable*" "issuer not usable*" "key not usable*"
           "key not written*"
           "names not usable*" "subject *" "dates not usable*" "path length not usable*"
           "request not *" "private key not written*" "public key not written*" "not converted*"
           "not a certificate request*"]
   :cause
   ``The options can't be put into a certificate: there is no name, a name is invalid, a key can't
   sign, a date is beyond the year 9999, the issuer is not a CA, or its key is another one's.``
   :cure
   ``Names go to `:san`: "DNS:a.example", "IP:192.0.2.1", "UPN:user@domain". A URI of an unusual
   scheme needs its kind: "URI:scheme:…". The issuer's certificate needs CA:TRUE:
   make it with `cert/generate-self-signed-cert`, or with `cert/issue-cert` and `:ca true`.``}

  {:title "Extensions of certificates"
   :texts ["extension not usable*" "name constraint*" "policy not usable*" "address not usable*"
           "each table in option :extensions *" "options :not-after and *"
           "… is not a dotted OID *"]
   :cause
   ``An option for an extension can't be put into a certificate or request: an address is no URL, a
   type or policy is no dotted OID, a value is no DER, or a type occurs twice.``
   :cure
   ``Give an extension through its own option where there is one: `:san`, `:key-usage`,
   `:ext-key-usage`, `:ca`, `:path-length`, `:name-constraints`, `:policies`, `:crl-urls`,
   `:ocsp-urls`, `:issuer-urls`. Others go to `:extensions`, each once, with DER as value. Only CAs
   have name constraints: `"DNS:example.com"`, `"IP:10.0.0.0/8"`.``}

  {:title "A CA in a folder"
   :texts ["lock file not opened*" "lock not taken*" "not written to the disk*" "there is no CA: *"
           "… is there already*" "… is damaged: restore it from a copy" "the CA is locked: *"
           "the folder can't be used: *" "serial number … is taken" ":key-file is for a new key: *"
           "no certificate of this CA has the name *" "… certificates have the name *"
           "revoked already: …" "the certificate is not of this CA"
           "neither XDG_DATA_HOME nor HOME is set: *"]
   :others ["…: No space left on device"]
   :cause
   ``Functions of `jsec/ca` and `jsec cert` keep a CA in a folder: its certificate, its key and an
   index of what it issued. The folder is not there, can't be written, or its index was changed by
   hand. Or the name is that of no certificate, or of several.``
   :cure
   ``See `jsec cert list` for names and serial numbers. Files are replaced whole, so after a full
   disk nothing is lost: make room and call again. Keep a copy of the folder: without the index the
   CA does not know what to revoke.``}

  {:title "Revocation lists"
   :texts ["revocation *" "revocations *" "each table in option :revoked *"
           "options :next-update and *"]
   :cause
   ``The list can't be made: an entry lacks its serial number, is of another CA or occurs twice. Or
   the list can't tell whether the certificate is revoked: it is of another CA, its signature is
   wrong, it is out of date, or it is limited to some certificates.``
   :cure
   ``Give each entry `:serial` or `:cert`, and each certificate once. Publish a new list before
   `:next-update` passes, and get the one that belongs to the certificate's issuer: the certificate
   has its address, if it has one, in the extension crlDistributionPoints.``}

  # ---- sessions ----

  {:title "Sessions that can't be resumed"
   :texts ["session *" "not a session*" "a server has no session to resume*"
           "a server resumes what its clients offer" "the handshake has begun: give :session*"]
   :cause
   ``A session is bound to the host and the verification settings of its connection, since
   resumption skips the checks; or the bytes are not a session; or the handshake has begun
   already.``
   :cure
   ``Keep sessions by host and port, and drop a refused one: the next handshake is then a full one.
   Give the session to `tls/connect` as `:session`.``}

  {:title "Tickets"
   :texts [":ticket-keys*" "ticket keys: …" "give one of the options :secret and :source"]
   :cause
   ``Ticket keys have 48 or 80 bytes (nginx's format), and there are 1 to 8 of them. A rotation has
   either a secret to derive them from, or a function that returns them.``
   :cure "`(crypto/random-bytes 80)`, or a file of them: `openssl rand 80 > ticket.key`."}

  {:title "One-time codes"
   :texts ["the secret is empty: *" "… is empty or has a colon, which *"]
   :cause
   ``A code needs a secret. The label of an `otpauth:` URI consists of issuer and account, with a
   colon between them.``
   :cure "`(crypto/random-bytes 20)` makes a secret. Leave colons out of issuer and account."}

  {:title "Too early, too late, or not on this side"
   :texts ["the handshake is not done yet" "the handshake has begun: staple*"
           "stapling is the server's" "TLS 1.3 has *" "renegotiation is off*" "no session with …"
           "servers request certificates, *" "a certificate after the handshake can't wait *"
           "the client does not allow requests after *"
           "no certificate requested: …"
           "tls-stream/request-certificate: the client ended before *"]
   :cause
   ``The function needs a finished handshake, or one that has not begun, or the other role, or
   another version of TLS.``
   :cure
   ``With `:handshake false`, call `(:handshake stream)` first. Key updates belong to TLS 1.3;
   renegotiation belongs to TLS 1.2 and is off by default. A server of TLS 1.3 asks for a
   certificate after the handshake if the client allows it: `:post-handshake-auth true`.``}

  # ---- DTLS ----

  {:title "Datagrams"
   :texts ["… bytes are more than a record of DTLS holds*" "buffer overflow"
           "not a marshalled address"]
   :cause
   ``A datagram travels in one record of at most 16384 bytes; a buffer can't grow beyond 2 GB.``
   :cure "Send smaller datagrams; up to 1200 bytes they are not fragmented on the way."}

  # ---- cryptography ----

  {:title "Algorithms that this OpenSSL lacks, or that can't do it"
   :texts ["… is not offered by this OpenSSL*" "… not usable: …" "… needs OpenSSL … or later*"
           "no … key generated*" "no HMAC*"
           "HMAC is not defined over …" "signatures are not made over …"
           "… keys don't agree on secrets" "… keys don't sign" "… key given, only RSA keys encrypt"
           "… keys have one size: leave out bits" "… signs the message itself*"
           ":format is for EC keys*" ":low-s and :recovery are for EC keys*"
           ":recovery goes with :format :raw" ":context is for ML-DSA*" ":deterministic is for *"
           "… keys don't encapsulate*" ":padding is for RSA keys*" ":salt-length and :mgf1-digest*"
           ":label and :mgf1-digest*" "an RSA-PSS key takes*"
           "a key of … bits is too small for this padding" "the keys are not of the same *"
           "the digest is … bytes*"
           "… has no length of its own*" "info too long*" "… MB of memory needed*" "no digest*"
           "no key derived*" "no secret agreed on*" "no signature*" "signature not checked*"
           "a ciphertext of … has … bytes*" "no secret encapsulated*" "no secret decapsulated*"]
   :cause
   ``The algorithm is unknown, missing in this build of OpenSSL, or unfit for the function: X25519
   agrees on secrets and does not sign, Ed25519 signs and does not encrypt.``
   :cure
   ``Choose one that `(tls/features)` or the function's documentation lists. The error names the
   expected ones.``}

  {:title "Encryption to a public key (HPKE)"
   :texts ["HPKE has no *" "enc: …*" "a ciphertext has … bytes or more*"
           "not authentic: another key, enc*" "too many messages"
           "with :aead :export-only there are no messages" "options :psk and :psk-id go together"
           "no secret agreed on: too long" ":sender-key and the recipient's key*"
           ":sender-key: …"]
   :cause
   ``The two sides of `hpke-seal` and `hpke-open`, or of a sender and a recipient, do not agree in
   key, `enc`, `:info`, `:aead`, `:digest`, `:psk`, `:sender-key`, additional data or the order of
   messages; or a key is of a kind that RFC 9180 does not have.``
   :cure
   ``Give the same options on both sides; `:sender-key` is the private key at the sender and the
   public one at the recipient. Which of them was wrong can't be known.``}

  {:title "Data in pieces, files and sealed streams"
   :texts ["the cipher is finished*" "the digest is finished*" "the file is finished"
           "it is finished: make a new one" "… signs all data in one call*" "data not taken*"
           "file not opened*" "file not read*" "not a regular file*" "a path has no NUL byte"
           "no cipher*" "no copy*" "not a sealed stream, or one of another version"
           "wrong key, or the header was changed" "a key has 32 bytes, got …*"]
   :others ["not authentic: the data was cut, reordered or changed: drop the output"]
   :cause
   ``A digest, signer or cipher was used after its last call; a key signs all data in one call; a
   file can't be read, or it is a pipe or terminal; or a sealed stream has another key.``
   :cure
   ``Make a new object for other data, and copy a digest before it is finished. Pipes and other
   streams are for `crypto/digest-stream`. Drop what `crypto/open-stream` wrote when it raises.``}

  {:title "Passwords"
   :texts ["not a password hash*" "damaged password hash*" "bcrypt is not supported*"
           "the hash takes *" "argon2 needs OpenSSL 3.2 or later*" "bad option :…, … has none"
           "bad option :memory, expected 8 KiB *" "bad option :iterations, expected 1000 *"]
   :cause
   ``What is stored is no hash, was cut by a column that is too short, or has another form. Or it
   asks for more memory or time than the limits allow: a limit keeps a forged hash from stopping a
   server. Or an option belongs to another algorithm.``
   :cure
   ``Store the whole string of `crypto/hash-password`, up to 200 characters. Raise `:max-memory` or
   `:max-iterations` where your own hashes need it. For Argon2 install OpenSSL 3.2 or later, or
   libargon2 before jsec is built.``}

  {:title "One-time codes"
   :texts []
   :others ["the secret is empty: give 20 random bytes"
            "… is empty or has a colon, which the label has no place for"]
   :cause
   ``The secret was not found or not decoded; or an account or issuer does not fit into the URI that
   apps on phones read.``
   :cure
   ``Make a secret by `(crypto/random-bytes 20)`. Decode a secret of Base32 with `{:padding false}`.
   Leave the colon out of names.``}

  {:title "Encrypting and decrypting"
   :texts ["not authentic*" "not decrypted*" "not encrypted*" "… takes … of … bytes, got …"
           "… takes … of … to … bytes, got …" "bad option :tag-length, … takes *"
           "… with a nonce of … bytes takes *" "… takes all data in one call*"
           "not wrapped*" "not unwrapped*" "kek has 16, 24 or 32 bytes*"
           "… has no tag: leave out :tag-length"
           "… has no tag: give nil" "… can't authenticate additional data*"
           "a ciphertext for this key has*" "… bytes are too many*"]
   :cause
   ``Key, nonce, tag, additional data or ciphertext differ from those of the encryption: they were
   changed, mixed up or cut. Or a length does not fit the cipher, or the plaintext is too long for
   the RSA key.``
   :cure
   ``No plaintext is returned. `(crypto/cipher-info algo)` has the lengths. For more than a few
   bytes under RSA, encrypt a fresh key with RSA and the data with `crypto/encrypt`.``}

  {:title "CMS messages"
   :texts ["not a CMS message*" "not an S/MIME message*"
           "give a certificate and its key, or :password" "not a signed message"
           "not an encrypted message" "not signed*"
           "neither a signed message nor one of certificates" "the message holds its content*"
           "the signature is detached*" "the message has no signature" "no certificate is trusted"
           "signature does not verify" "signature over a digest that is too weak"
           "signer's certificate not trusted" "message not *" "data too large, or out of memory"]
   :cause
   ``The message is of another kind, damaged, or its signer is not trusted; in `cms-verify` these
   texts are the `:reason` of `{:valid false}`.``
   :cure
   ``Give the signers' CA as `:ca`, the data of a detached signature as `:detached`. Mail is for
   `smime-verify` and `smime-decrypt`, PEM and DER for `cms-verify` and `cms-decrypt`. `jsec cert
   show FILE` shows the certificates in a message.``}

  {:title "Base64"
   :texts ["invalid base64*"]
   :cause
   ``The text is not strict Base64: it has line breaks, other characters, no padding, or unused bits
   that are not zero.``
   :cure
   ``Skip white space: `(crypto/base64-decode text {:whitespace true})`. Without padding and with
   `-` and `_`: `base64url-decode`.``}

  {:title "Keys and signatures of OpenSSH"
   :texts ["not an SSH signature*" "not a usable OpenSSH key*" "not a usable SSH key*"
           "SSH has no such keys*" "comment not usable*" "option :comment goes with :openssh"
           "options :cipher and :iterations go with PKCS#8*"]
   :parts ["damaged" "its Base64 is damaged" "its halves belong to different keys"
           "its type is not that of its bytes" "its type must be *" "more than one line*"
           "certificates of SSH are not supported" "keys in security tokens are not supported"]
   :cause
   ``The file or line is damaged, is encrypted by another cipher than AES, or is of a kind that only
   OpenSSH uses: certificates, keys in security tokens, DSA.``
   :cure
   ``Remove the password of a copy with `ssh-keygen -p -N ""`, and encrypt the key again with
   `crypto/export-key`. A public key is one line, `ssh-ed25519 AAAA… comment`, without the options
   that may stand before it in authorized_keys.``}

  {:title "Keys as data"
   :texts ["not a usable JWK*" "no JWK*" "no thumbprint*" "thumbprints are not made by …"
           "… keys have no raw form*" ":compressed is for *" "public key not written*"
           "key not written*"]
   :cause
   ``A member of the JWK is missing or is not what its RFC requires; its private members belong to
   another key; or this kind of key has no such form.``
   :cure
   ``The text names the member, never its value. RSA keys need all of `n e d p q dp dq qi`;
   coordinates and scalars keep their leading zeros, numbers of RSA keys have none. For other kinds
   of key use PEM.``}

  {:title "Base32 and hexadecimal digits"
   :texts ["invalid base32*" "invalid hex*"]
   :cause
   ``The text is not strict: it has white space, other characters, no padding, an odd number of
   digits, or unused bits that are not zero.``
   :cure
   ``The index counts bytes from 0. Secrets of one-time passwords are Base32 without padding:
   `{:padding false}`; write them in upper case with `string/ascii-upper`.``}

  {:title "Points of elliptic curves"
   :texts ["not a point*" "… of … bytes, at most …" "… not read*"
           "the result is the point at infinity*" "no coordinates*" "not added: …" "not multiplied*"
           "no random scalar*"]
   :cause
   ``The bytes are not a point of that curve, the scalar is longer than the order, or the result has
   no coordinates.``
   :cure "Check foreign points with such a call, and reject those that raise."}

  # ---- the rest ----

  {:title "Threads and images"
   :texts ["a … can't be marshalled*" "a DTLS server can't be*" "a TLS context can't be*"
           "a key object can't be*"
           "a connection can't be unmarshalled" "can't wait outside of the event loop"]
   :cause
   ``Streams and servers belong to the thread that made them; contexts may cross threads, unless
   they hold functions, but don't outlive their process. Key objects stay in their thread, too. Or a
   call waited where there is no event loop.``
   :cure
   ``Write a key object's key with `crypto/export-key`. Pass a context to the threads, and let each
   listen on the same port itself: see `examples/multicore_server.janet`.``}

  {:title "Worker threads"
   :texts ["the environment variable JSEC_WORKERS*"
           "a buffer changed during the call: give a string"]
   :cause
   ``JSEC_WORKERS is not a number of threads. Or a fiber changed a large buffer while a crypto
   function that got it was waiting for its worker.``
   :cure
   ``Set JSEC_WORKERS to a number such as 4, or unset it. Give `(string buffer)`, or leave the
   buffer alone until the call returns.``}

  {:title "Out of memory, of threads, of random bytes"
   :texts ["out of memory" "no room for … bytes*" "no worker thread*" "no random bytes*"
           "no connection*" "context not locked: …"
           "the result would be larger than 2 GB"
           "buffer cannot reallocate foreign memory" "not added to the trust store*" "trust*"
           "verification not set up*" "can't make an event queue: …" ":purpose: …"
           "more than 2 GB: use bio/read"]
   :cause "The system or OpenSSL ran out of a resource."
   :cure "Check limits (`ulimit -a`) and free memory."}

  {:title "Installing"
   :texts []
   :others ["jsec: OpenSSL's headers, version 3.0 or later, are missing. Install: …"
            (string "jsec: there is no C compiler \"…\" (the environment variable CC names "
                    "another). Install: …")
            "jsec: … failed: see above (janet.h missing? JANET_HEADERPATH can name its folder)"
            "collision at …, directory already exists"
            "No such file or directory: /usr/local/lib/janet" "could not find module jsec/tls: …"]
   :cause
   ``A package that the build needs is missing; jsec is installed in the same place in another way;
   Janet's folder for modules does not exist or is not writable; or a program looks for modules
   elsewhere.``
   :cure
   ``Install the packages that the error names. Remove the other installation first. Or choose
   your own folder, `JANET_PATH=$HOME/janet janet --install .`, and run programs with the same
   JANET_PATH: see the guide's section on installing.``}

  {:title "Another Janet"
   :texts ["this Janet has no …" "jsec: Janet's compiler failed"
           "jsec: this Janet was built without net (JANET_NO_NET): use another"]
   :others ["jsec: the native module has no …/…: is it an older build?"]
   :cause
   ``This Janet is older than 1.41 or was built without net, a program has replaced a function of
   core that jsec calls, or the modules and the native module have different versions.``
   :cure "Use Janet 1.41 or newer. Remove older installations of jsec, then install it again."}
])

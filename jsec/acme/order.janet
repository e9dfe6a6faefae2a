# Certificates from an ACME server: orders (RFC 8555, 7.4), revocation (7.6), renewal information
# (RFC 9773).
(import ../cert)
(import ../crypto)
(import ../lib/arguments)
(import ./account)
(import ./jose)
(import ./session :as session)
(import ./solvers)

(def- known [:key :key-type :profile :replaces :timeout ;solvers/options])
(def- max-names 100)
(def- max-poll "Seconds between two looks at an order." 30)

# ---- arguments ----

(def- name-grammar
  (peg/compile ~{:letter (range "az" "09")
                 :label (* :letter (any (+ :letter (* (some "-") :letter))))
                 :main (* (? "*.") :label (some (* "." :label)) -1)}))

(defn check-name
  "A name that a CA may verify, in lower case. Raises for another."
  [name]
  (def lower (if (bytes? name) (string/ascii-lower name) ""))
  (unless (and (<= (length lower) 253) (peg/match name-grammar lower))
    (session/fail "a name is no host name with a dot in ASCII, such as \"a.example\" or "
                  "\"*.a.example\""))
  lower)

(defn- check-names [function names]
  (def list (if (bytes? names) [names] names))
  (unless (and (indexed? list) (<= 1 (length list) max-names))
    (arguments/refuse function "names" 1 "a name, or an array of 1 to 100 names" names))
  (distinct (map check-name list)))

(defn- check-solver [{:type kind} names]
  (if (and (not= "dns-01" kind) (some |(string/has-prefix? "*." $) names))
    (session/fail "a wildcard is verified by :dns-01 only")))

# ---- waiting ----

(defn- poll
  ``Fetch an object until its status is another than those that pass; waits as the CA asks.``
  [it url what & passing]
  (var object nil)
  (var wait 0.1)
  (while (nil? object)
    (def answer (session/post it url ""))
    (def found (session/read-object answer what))
    (if (index-of (found "status") passing)
      (do
        (ev/sleep (max 0.1 (min max-poll (or (session/retry-after answer) wait))))
        (set wait (min 10 (* 2 wait))))
      (set object found)))
  object)

# ---- authorizations ----

(defn- find-challenge [authorization kind name]
  (def all (get authorization "challenges"))
  (or (find |(and (table? $) (= kind ($ "type"))) (if (array? all) all []))
      (session/fail "the CA offers no " kind " for " name)))

(defn- check-token [token]
  (unless (and (string? token) (peg/match ~(* (between 22 200 (+ :w (set "-_"))) -1) token))
    (session/fail "the CA's token is malformed"))
  token)

(defn- refusal [authorization name]
  (def challenges (get authorization "challenges"))
  (def failed (find |(and (table? $) (table? ($ "error")))
                    (if (array? challenges) challenges [])))
  (session/fail "the CA could not verify " name ": "
                (if failed (session/describe-problem (failed "error"))
                  (session/shown (string (authorization "status"))))))

(defn- name-of [authorization]
  (def name (get-in authorization ["identifier" "value"]))
  (unless (string? name) (session/fail "the CA's authorization has no name"))
  (if (= true (get authorization "wildcard")) (string "*." name) name))

(defn- solve [it url authorization solver names]
  (def name (name-of authorization))
  (unless (index-of name names) (session/fail "the CA wants another name verified"))
  (def challenge (find-challenge authorization (solver :type) name))
  (def token (check-token (challenge "token")))
  (def proof (string token "." (get-in it [:signer :thumbprint])))
  (defer ((solver :remove) name token proof)
    ((solver :put) name token proof)
    (session/post it (get challenge "url") @{})
    (def judged (poll it url "authorization" "pending" "processing"))
    (unless (= "valid" (judged "status")) (refusal judged name))))

(defn- authorize [it url solver names]
  (def authorization (session/read-object (session/post it url "") "authorization"))
  (case (authorization "status")
    "valid" nil
    "pending" (solve it url authorization solver names)
    (refusal authorization (name-of authorization))))

# ---- certificates ----

(def- end "-----END CERTIFICATE-----")

(defn- leaf
  "The first certificate of a chain in PEM."
  [chain]
  (if-let [at (string/find end chain)] (string/slice chain 0 (+ at (length end))) chain))

(defn- hex-base64url [hex] (crypto/base64url-encode (crypto/hex-decode hex)))

(defn renewal-id
  "How the CA calls a certificate (RFC 9773, 4.1), or nil where it has no authority key identifier."
  [chain]
  (def {:authority-key-id issuer :serial serial} (cert/parse (leaf chain)))
  # the serial number is that of DER: positive, so with a zero before a high bit
  (def even (if (odd? (length serial)) (string "0" serial) serial))
  (def der (if (index-of (first even) (string/bytes "89abcdef")) (string "00" even) even))
  (if issuer (string (hex-base64url issuer) "." (hex-base64url der))))

# ---- orders ----

(defn- new-order [it names {:profile profile :replaces replaces}]
  (def request @{:identifiers (map |{:type "dns" :value $} names)})
  (if profile (put request :profile profile))
  (if (and replaces (get-in it [:urls "renewalInfo"]))
    (put request :replaces (renewal-id replaces)))
  (def answer (session/post it (session/url-of it "newOrder") request))
  [(session/location answer) (session/read-object answer "order")])

(defn- check-order [order name]
  (if (= "invalid" (order "status"))
    (session/fail "the CA gave the order up: "
                  (if (table? (order "error")) (session/describe-problem (order "error")) name)))
  order)

(defn- request-for [key names]
  (crypto/generate-csr key {:common-name "" :organization "" :country "" :format :der
                            :san (map |(string "DNS:" $) names)}))

(defn- same-names? [certificate names]
  (def found (map |(string/replace "DNS:" "" $) ((cert/parse certificate) :san)))
  (deep= (sorted (distinct found)) (sorted (array ;names))))

(defn- check-chain
  "The CA's answer has to be a chain whose leaf is for these names and this key."
  [chain key names]
  (def [fine problem]
    (protect
      (do
        (unless (deep= (crypto/key-to-jwk chain) (crypto/key-to-jwk key))
          (error "its certificate is for another key"))
        (unless (same-names? chain names) (error "its certificate is for other names")))))
  (unless fine (session/fail "the CA's answer is of no use: " problem))
  chain)

(defn- finish [it url order key names]
  (session/post it (get order "finalize")
                {:csr (crypto/base64url-encode (request-for key names))})
  (def done (check-order (poll it url "order" "processing" "ready" "pending") (first names)))
  (def chain ((session/post it (get done "certificate") "") :body))
  (check-chain chain key names))

(defn- obtain-now [it names solver options]
  (def key (or (options :key) (crypto/generate-key (get options :key-type :ec-p256))))
  (def [url order] (new-order it names options))
  (check-order order (first names))
  (def urls (get order "authorizations"))
  (unless (array? urls) (session/fail "the CA's order has no authorizations"))
  (each one urls (authorize it one solver names))
  (def ready (check-order (poll it url "order" "pending") (first names)))
  {:cert (finish it url ready key names) :key key})

(defn acme/obtain
  ``Obtain a certificate for host names from an ACME server (RFC 8555). `account` is one of
  `acme/account`; `names` is a name or an array of names in ASCII, wildcards such as "*.a.example"
  among them. One option says how the CA verifies that you control the names:

  * `:tls-alpn-01` - port, or tuple of host and port, on which to answer by TLS (RFC 8737). A public
    CA connects to port 443 of each name.
  * `:http-01` - likewise by HTTP, port 80.
  * `:dns-01` - struct of two functions, `:add` and `:remove`, of the name of a TXT record and its
    value. They return when the name's DNS servers have it; they may wait. The only one for
    wildcards.

  Further options:

  * `:key` - private key of the certificate, PEM. Default: a new one of `:key-type`, :ec-p256.
  * `:profile` - the CA's profile for the certificate, by its name.
  * `:replaces` - the certificate that this one renews, PEM: the CA may then exempt the order from
    limits (RFC 9773).
  * `:timeout` - seconds for all of it. Default 300.

  The fiber waits, the event loop continues. Returns a struct of PEM strings: `:cert`, the chain
  with the certificate first, and `:key`; both fit `tls/listen`. Raises when the CA refuses or can't
  verify a name, with the CA's words, and when what it gives is not for this key and these names.

      (acme/obtain account ["example.org" "www.example.org"] {:tls-alpn-01 443})``
  [account names opts]
  (account/in-function "acme/obtain"
    (fn []
      (def it (account/session-of "acme/obtain" account))
      (def wanted (check-names "acme/obtain" names))
      (def options (account/check-options "acme/obtain" 2 opts known))
      (def solver (solvers/choose options))
      (check-solver solver wanted)
      (ev/with-deadline (get options :timeout 300)
        (obtain-now it wanted solver options)))))

# ---- revocation ----

(def- reasons
  {:unspecified 0 :key-compromise 1 :affiliation-changed 3 :superseded 4
   :cessation-of-operation 5})

(defn acme/revoke
  ``Revoke a certificate, PEM, by the account that obtained it. The options are `:reason`:
  :unspecified (default), :key-compromise, :affiliation-changed, :superseded or
  :cessation-of-operation; and `:key`, the certificate's private key, which can revoke it in place
  of the account. Returns nil. Raises when the CA refuses, for example what is revoked already. RFC
  8555, 7.6.``
  [account certificate &opt opts]
  (account/in-function "acme/revoke"
    (fn []
      (def it (account/session-of "acme/revoke" account))
      (def options (account/check-options "acme/revoke" 2 opts [:reason :key]))
      (def reason (reasons (get options :reason :unspecified)))
      (unless reason
        (session/fail "bad option :reason, expected :" (string/join (sort (keys reasons)) " :")))
      (def der (crypto/convert-cert (leaf certificate) :der))
      (session/post it (session/url-of it "revokeCert")
                    {:certificate (crypto/base64url-encode der) :reason reason}
                    (if-let [key (options :key)] (jose/new-signer key)))
      nil)))

# ---- renewal ----

(defn- read-time
  "Seconds since the epoch of a time as RFC 3339 writes it, or nil."
  [text]
  (def found (if (string? text)
               (peg/match ~(* (number (4 :d)) "-" (number (2 :d)) "-" (number (2 :d)) "T"
                              (number (2 :d)) ":" (number (2 :d)) ":" (number (2 :d))
                              (? (* "." (some :d))) "Z" -1) text)))
  (when-let [[year month day hours minutes seconds] found]
    (os/mktime {:year year :month (dec month) :month-day (dec day)
                :hours hours :minutes minutes :seconds seconds})))

(defn acme/renewal-info
  ``Ask the CA when to renew a certificate, PEM (RFC 9773): a CA that has to revoke many
  certificates says so beforehand. Returns a struct: `:start` and `:end`, seconds since the epoch,
  between which to renew at a random time; `:explanation`, the URL of a page, or nil;
  `:retry-after`, seconds until to ask again. Returns nil where the CA or the certificate knows no
  renewal information. Raises when the CA can't be reached or refuses, or its answer is
  malformed.``
  [account certificate]
  (account/in-function "acme/renewal-info"
    (fn []
      (def it (account/session-of "acme/renewal-info" account))
      (def id (renewal-id certificate))
      (when (and id (get-in it [:urls "renewalInfo"]))
        (def url (string (session/url-of it "renewalInfo") "/" id))
        (when-let [[info answer] (session/get-object it url "renewal information")]
          (def [start end] (map |(read-time (get-in info ["suggestedWindow" $])) ["start" "end"]))
          (unless (and start end (<= start end))
            (session/fail "the CA's renewal information has no window"))
          {:start start :end end
           :retry-after (or (session/retry-after answer) 21600)
           :explanation (if (string? (info "explanationURL"))
                          (session/shown (info "explanationURL")))})))))

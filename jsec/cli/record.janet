# The JSON of the tool: of connect and check one object a target, on a line of its own. The tables
# below are its schema: the records are made by them, and docs/tool.md and a test as well.
#   [field type meaning]; a type is a name of `types`, of `objects`, or [type] for an array;
#   a field that ends in "?" may be null, and none is ever left out.
(import ./show)

(def types
  "The simple types, each with a predicate."
  {"string" bytes? "integer" int? "number" number? "boolean" boolean? "text map" dictionary?
   "time" |(peg/match '(* (4 :d) "-" (2 :d) "-" (2 :d) "T" (2 :d) ":" (2 :d) ":" (2 :d) "Z" -1) $)})

(def objects
  "The rows of each object."
  {"target"
   [["host" "string" "host of the target, or `unix`"]
    ["port" "string" "port, or the path of a unix socket"]
    ["address?" "string" "IP address and port that answered"]
    ["ok" "boolean" "no failure and, of `check`, no problem"]
    ["failure?" "failure" "why no connection was made, or was not trusted"]
    ["connection?" "connection" "what was negotiated"]
    ["verification" "verification" "whether the certificate was verified"]
    ["client-certificate?" "request" "the server's request for a certificate"]
    ["certificates" ["certificate"] "the certificates that the server sent, its own first"]
    ["findings" ["finding"] "`check`: what was looked at"]
    ["problems" "integer" "number of findings of level `bad`"]
    ["warnings" "integer" "number of findings of level `warn`"]
    ["suites" ["suites"] "`check --suites`: suites by version"]
    ["groups" ["groups"] "`check --suites`: groups by version"]]
   "failure"
   [["stage?" "string"
     "`resolve`, `connect`, `starttls`, `handshake`, `verification`; null: an option or a file"]
    ["reason" "string" "the error in words"]]
   "connection"
   [["version" "string" "protocol, such as `TLSv1.3`"]
    ["cipher?" "string" "cipher suite"]
    ["cipher-bits?" "integer" "its strength in bits"]
    ["group?" "string" "group of the key exchange"]
    ["signature-algorithm?" "string" "algorithm of the server's signature"]
    ["alpn?" "string" "application protocol agreed on"]
    ["server-name?" "string" "name that was asked for (SNI)"]
    ["resumed" "boolean" "a session was resumed"]
    ["connect-seconds?" "number" "time to connect"]
    ["handshake-seconds?" "number" "time of the handshake"]]
   "verification"
   [["asked" "boolean" "verification was not turned off"]
    ["ok" "boolean" "the certificate is one for this host, by a trusted CA"]
    ["reason?" "string" "why not"]]
   "request"
   [["required?" "boolean" "no connection without one; null: unknown"]
    ["cas" ["string"] "names of the CAs that the server accepts; none: any"]]
   "certificate"
   [["subject" "text map" "attributes of the subject by name: text, or an array of several"]
    ["subject-text" "string" "the subject as a line"]
    ["issuer" "text map" "attributes of the issuer"]
    ["issuer-text" "string" "the issuer as a line"]
    ["san" ["string"] "subject alternative names: `DNS:…`, `IP:…`"]
    ["not-before" "time" "first second of validity (RFC 3339)"]
    ["not-after" "time" "last second of validity"]
    ["days-left" "integer" "whole days of validity left, negative after its end"]
    ["serial" "string" "serial number, hexadecimal"]
    ["version" "integer" "version of the form, 3 mostly"]
    ["key-type" "string" "`rsa`, `ec`, `ed25519` …"]
    ["key-bits?" "integer" "size of the key"]
    ["key-curve?" "string" "curve of an EC key"]
    ["signature-algorithm" "string" "algorithm of the issuer's signature"]
    ["self-signed" "boolean" "its own key signed it"]
    ["is-ca" "boolean" "it may issue certificates"]
    ["path-length?" "integer" "number of CAs that may follow"]
    ["key-usage" ["string"] "key usages, in the words of RFC 5280"]
    ["ext-key-usage" ["string"] "extended key usages, or their OIDs"]
    ["subject-key-id?" "string" "identifier of its key, hexadecimal"]
    ["authority-key-id?" "string" "identifier of the issuer's key"]
    ["sha256" "string" "SHA-256 of its DER form, hexadecimal"]
    ["sha1" "string" "SHA-1 of its DER form"]
    ["extensions" ["extension"] "all extensions"]
    ["pem?" "string" "the certificate itself, with --showcerts"]]
   "extension"
   [["oid" "string" "its identifier"]
    ["name" "string" "its name, where OpenSSL knows one"]
    ["critical" "boolean" "it must be understood"]
    ["text" "string" "its value in words"]]
   "finding"
   [["id" "string" "what was looked at: one of the list below"]
    ["level" "string" "`good`, `note`, `warn` or `bad`"]
    ["text" "string" "the finding in words, for people; may change between versions"]
    ["details" "text map" "its values, such as `days-left`, `suite`, `reason`"]]
   "suites"
   [["version" "string" "version of the protocol, such as `TLS 1.2`"]
    ["server-order" "boolean" "the server's order of suites decides"]
    ["suites" ["suite"] "the suites, the preferred first"]]
   "suite"
   [["suite" "string" "name in IANA's registry"]
    ["number" "integer" "number there"]
    ["group?" "string" "group that the server chose with it"]
    ["prime-bits?" "integer" "size of its Diffie-Hellman group"]
    ["level" "string" "`good`, `warn` without forward secrecy, `bad` where broken"]]
   "groups"
   [["version" "string" "version of the protocol"]
    ["groups" ["string"] "groups of the key exchange, the preferred first"]]
   "issued"
   [["serial" "string" "serial number, hexadecimal"]
    ["subject" "string" "the subject as a line"]
    ["common-name?" "string" "its common name"]
    ["names" ["string"] "subject alternative names: `DNS:…`, `IP:…`"]
    ["not-before" "time" "first second of validity"]
    ["not-after" "time" "last second of validity"]
    ["issued" "time" "when the CA issued it"]
    ["sha256" "string" "SHA-256 of its DER form, hexadecimal"]
    ["status" "string" "`valid`, `expired` or `revoked`"]
    ["revoked?" "time" "when it was revoked"]
    ["reason?" "string" "why, in the words of RFC 5280"]]
   "event"
   [["event" "string" "`listening`, `connection`, `refused`, or `error` of a connection"]
    ["address?" "string" "the server's address, or the client's"]
    ["error?" "string" "why a client was refused, or a connection ended early"]
    ["connection?" "connection" "of `connection`: what was negotiated"]
    ["certificates" ["certificate"] "of `connection`: the client's certificates"]]})

(defn optional? [field] (string/has-suffix? "?" field))
(defn name-of [field] (string/trimr field "?"))

(defn- record
  "The object of that kind with the values of `facts`; null where there is none."
  [kind facts]
  (table ;(mapcat (fn [[field]]
                    (def value (get facts (keyword (name-of field))))
                    [(name-of field) (if (nil? value) show/null value)])
                  (objects kind))))

(defn certificate
  "A certificate of `cert/parse`; with `:pem`, that is in it."
  [facts]
  (record "certificate"
          (merge {:san [] :key-usage [] :ext-key-usage [] :is-ca false}
                 facts
                 {:not-before (show/timestamp (facts :not-before))
                  :not-after (show/timestamp (facts :not-after))
                  :days-left (show/days-left facts)
                  :extensions (map |(record "extension" $) (get facts :extensions []))})))

(defn issued
  "A certificate of `ca/list`."
  [entry]
  (record "issued"
          (merge entry
                 (tabseq [key :in [:not-before :not-after :issued :revoked] :when (entry key)]
                   key (show/timestamp (entry key))))))

(defn event
  "An event of jsec serve; `facts` are those of connection/facts, or nil."
  [what &opt facts]
  (record "event"
          (merge what
                 {:connection (if facts (record "connection" facts))
                  :certificates (map |(certificate (merge $ {:pem show/null}))
                                     (get facts :chain []))})))

(defn target
  ``A target's record. `facts` are those of connection/facts, or nil; `parts` has the rest:
  `:failure {:stage :text}`, `:asked`, `:trouble` (why the verification failed), `:findings` …``
  [[host port] facts parts]
  (def {:failure failure :asked asked :trouble trouble :findings findings :with-pem with-pem} parts)
  (defn count-of [level] (count |(= level ($ :level)) (or findings [])))
  (record "target"
          {:host (string host) :port (string port)
           :address (get facts :address)
           :ok (and (nil? failure) (zero? (count-of :bad)))
           :failure (if failure
                      (record "failure" {:stage (failure :stage) :reason (failure :text)}))
           :connection (if (get facts :version) (record "connection" facts))
           :verification (record "verification"
                                 {:asked asked
                                  :ok (truthy? (and facts asked (not trouble) (facts :verified)))
                                  :reason trouble})
           :client-certificate (if-let [request (get facts :request)] (record "request" request))
           :certificates (map |(certificate (if with-pem $ (merge $ {:pem show/null})))
                              (get facts :chain []))
           :findings (map |(record "finding" $) (or findings []))
           :problems (count-of :bad)
           :warnings (count-of :warn)
           :suites (map |(record "suites" (merge $ {:suites (map (fn [s] (record "suite" s))
                                                                 ($ :suites))}))
                        (get parts :suites []))
           :groups (map |(record "groups" $) (get parts :groups []))}))

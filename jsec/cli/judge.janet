# What `check` finds: each function looks at one thing and returns findings, structs {:id :level
# :text :details}. Levels: :good, :note, :warn, :bad. docs/tool.md lists the ids.
(import ./connection)
(import ./show)

(def ids
  "[id meaning] of each kind of finding."
  [["verification" "a trusted CA vouches for the certificate, and it names the host"]
   ["validity" "dates of the certificate"]
   ["lifetime" "a life that is too long for public CAs"]
   ["key" "kind and size of its key"]
   ["signature" "algorithm of its issuer's signature"]
   ["names" "subject alternative names"]
   ["chain" "the other certificates that the server sends"]
   ["client-certificate" "the server's request for one"]
   ["ssl-2.0" "version SSL 2.0"] ["ssl-3.0" "version SSL 3.0"] ["tls-1.0" "version TLS 1.0"]
   ["tls-1.1" "version TLS 1.1"] ["tls-1.2" "version TLS 1.2"] ["tls-1.3" "version TLS 1.3"]
   ["weak-suites" "suites without encryption or authentication, or with broken ciphers"]
   ["forward-secrecy" "suites without it"]
   ["post-quantum" "key exchange that resists quantum computers"]
   ["stapling" "a stapled OCSP response"]
   ["resumption" "resumption of sessions"]
   ["hsts" "Strict-Transport-Security of web servers"]])

# A name (RFC 5280, Name) is SEQUENCE of SET of SEQUENCE {type, text}; lengths above 127 begin with
# 0x81 or 0x82.
(def- attributes
  (peg/compile
    '{:size (+ (* "\x81" (uint-be 1)) (* "\x82" (uint-be 2)) (uint-be 1))
      :skip (drop :size)
      :oid (* "\x06" (lenprefix (uint-be 1) 1))
      :attribute (* "0" :skip :oid 1 (% (lenprefix :size '1)))
      :main (* "0" :skip (some (* "1" :skip (some :attribute))) -1)}))

(defn name-text
  "The values of the attributes of a name in DER, or its bytes in hexadecimal."
  [der]
  (string/join (or (peg/match attributes der) [(string/format "%q" der)]) ", "))

(defn- finding [id level details & words]
  {:id id :level level :text (string ;words) :details details})

# ---- the certificates ----

(defn verification
  "`trouble` is why the verification failed, or nil."
  [trouble own-trust]
  (if trouble
    (finding "verification" :bad {:reason trouble} "not verified: " trouble)
    (finding "verification" :good {} "verified: " (if own-trust "the given" "the system's")
             " CAs vouch for it, and it names the host")))

(defn validity [certificate min-days]
  (def left (show/days-left certificate))
  (def details {:days-left left :not-after (show/timestamp (certificate :not-after))})
  (cond
    (neg? left) (finding "validity" :bad details (show/expired certificate))
    (> (certificate :not-before) (os/time))
    (finding "validity" :bad details "not valid before " (show/date (certificate :not-before)))
    (< left min-days) (finding "validity" :warn details "expires in " (show/days left))
    (finding "validity" :good details "valid for " (show/days left) " more")))

(defn lifetime [certificate]
  (def days (math/round (/ (- (certificate :not-after) (certificate :not-before)) 86400)))
  (if (> days 398)
    [(finding "lifetime" :warn {:days days} "made for " days
              " days: of public CAs browsers take 398 at most")]
    []))

(defn- weak-key? [certificate]
  (def bits (certificate :key-bits))
  (and (index-of (certificate :key-type) [:rsa :dsa :ec :rsa-pss])
       bits (< bits (show/wanted-size certificate))))

(defn key [certificate]
  (def details {:key-type (certificate :key-type) :key-bits (certificate :key-bits)})
  (if (weak-key? certificate)
    (finding "key" :bad details "weak key: " (show/key-size certificate) ", at least "
             (show/wanted-size certificate) " wanted")
    (finding "key" :good details "key: " (show/key-text certificate))))

(defn signature [certificate]
  (def algorithm (get certificate :signature-algorithm ""))
  (def weak (some |(string/find $ (string/ascii-lower algorithm)) ["sha1" "md5" "md4" "md2"]))
  (if weak
    (finding "signature" :bad {:algorithm algorithm} "signed with " algorithm
             ", which can be forged: SHA-256 or better wanted")
    (finding "signature" :good {:algorithm algorithm} "signed with " algorithm)))

(defn names [certificate]
  (if (empty? (get certificate :san []))
    [(finding "names" :bad {} "names no host: without subject alternative names it fits none")]
    []))

(defn- linked? [chain]
  (every? (map (fn [a b] (= (a :issuer-text) (b :subject-text))) chain (drop 1 chain))))

(defn chain [certificates trouble]
  (def details {:length (length certificates)})
  (def top (last certificates))
  (defn chain-finding [level & words] (finding "chain" level details ;words))
  (cond
    (not (linked? certificates))
    (chain-finding :warn "the chain is out of order, or holds what does not belong to it")
    (and trouble (connection/incomplete trouble certificates))
    (finding "chain" :warn (merge details {:missing (top :issuer-text)})
             "the chain ends below \"" (top :issuer-text) "\", which is neither sent nor trusted")
    (and (= 1 (length certificates)) (top :self-signed))
    (chain-finding :note "self-signed, sent alone")
    (top :self-signed) (chain-finding :note "the root is sent as well, which no client needs")
    trouble (chain-finding :note (show/plural (length certificates) "certificate") " sent")
    (chain-finding :good "the chain is complete: "
                   (show/plural (length certificates) "certificate"))))

(defn client-certificate
  "`request` is {:cas :required}, or nil."
  [request]
  (if request
    [(finding "client-certificate" :note
              {:cas (request :cas)
               :required (if (nil? (request :required)) show/null (request :required))}
              "client certificate: " (connection/request-text request) "; "
              (case (request :required)
                true "required, and none was given: some checks are left out"
                false "none was given, and the server goes on"
                "none was given"))]
    []))

# ---- the protocol ----

(defn- version-id [name] (string/replace " " "-" (string/ascii-lower name)))

(defn- version [{:name name :taken taken}]
  (defn found [level & words] (finding (version-id name) level {:offered (truthy? taken)} ;words))
  (cond
    (= name "TLS 1.3") (if taken (found :good name) (found :warn "no TLS 1.3"))
    (= name "TLS 1.2")
    (if taken
      (found :good name)
      (found :note "no TLS 1.2: clients from before 2018 can't connect"))
    taken (found :bad name " is offered, which RFC "
                 (get {"SSL 2.0" "6176" "SSL 3.0" "7568"} name "8996") " forbids")
    (found :good "no " name)))

(defn versions
  "Of the offers that probe/offers found, and SSL 2.0."
  [offers ssl2]
  (def all [{:name "SSL 2.0" :taken ssl2} ;offers])
  (def modern (some |(and ($ :taken) (index-of ($ :name) ["TLS 1.2" "TLS 1.3"])) all))
  (map |(if (and (not modern) (= "TLS 1.2" ($ :name)))
          (finding "tls-1.2" :bad {:offered false}
                   "neither TLS 1.2 nor TLS 1.3: current clients can't connect")
          (version $))
       (reverse all)))

(defn weak-suites
  "`found` is [version suite], or nil."
  [found]
  (if-let [[version suite] found]
    (finding "weak-suites" :bad {:suite suite :version version}
             "a broken cipher suite is taken: " suite " (" version ")")
    (finding "weak-suites" :good {} "no broken cipher suite is taken")))

(defn forward-secrecy [found]
  (if-let [[version suite] found]
    (finding "forward-secrecy" :warn {:suite suite :version version}
             "without forward secrecy: " suite " is taken (" version ")")
    (finding "forward-secrecy" :good {} "every key exchange has forward secrecy")))

(defn post-quantum [groups]
  (def good (filter |(string/find "MLKEM" $) groups))
  (if (empty? good)
    (finding "post-quantum" :note {} "no post-quantum key exchange")
    (finding "post-quantum" :good {:groups good} "post-quantum key exchange: "
             (string/join good ", "))))

(defn stapling [stapled]
  (if stapled
    (finding "stapling" :good {} "an OCSP response is stapled")
    (finding "stapling" :note {} "no OCSP response is stapled")))

(defn resumption
  "`how` is :resumed, :refused, or nil where no session is given."
  [how]
  (case how
    :resumed (finding "resumption" :good {} "sessions are resumed")
    :refused (finding "resumption" :note {} "sessions are given, but not resumed")
    (finding "resumption" :note {} "no session to resume is given")))

(defn hsts
  "`head` is the head of a web server's answer, or nil."
  [head]
  (cond
    (not (and head (string/has-prefix? "HTTP/" head))) []
    (string/find "\r\nstrict-transport-security:" (string/ascii-lower head))
    [(finding "hsts" :good {} "HSTS: browsers come back over TLS only")]
    [(finding "hsts" :warn {} "no HSTS header: a browser's first request may go in clear")]))

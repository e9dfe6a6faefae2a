# Signed requests to an ACME server (RFC 8555, 6): nonces, retries, the server's problems.
(import ../lib/https)
(import ../lib/json)
(import ./jose)

(defdyn *function* "The public function that runs, for error texts.")

(defn fail [& text] (error (string (dyn *function* "acme") ": " ;text)))

(def encode json/encode)

(def- max-shown 300)

(defn shown
  "Words of the server for an error text: printable, on one line, and not too long."
  [text]
  (def words (string/join (map |(if (<= 0x20 $ 0x7e) (string/from-bytes $) "?")
                               (string/bytes text))))
  (if (> (length words) max-shown) (string (string/slice words 0 max-shown) "...") words))

# ---- one request ----

(defn- request
  "One request; what fails on the way raises as the public function's error."
  [session method url &opt body]
  (def options {:tls (session :tls) :timeout (session :timeout) :body body
                :headers (if body {"Content-Type" "application/jose+json"} {})})
  (def [fine answer] (protect (https/request method url options)))
  (if fine answer (fail "the CA could not be asked: " answer)))

(defn- keep-nonce [session answer]
  (when-let [nonce (get-in answer [:headers "replay-nonce"])]
    (if (and (<= (length nonce) 500) (peg/match ~(* (some (+ :w (set "-_"))) -1) nonce))
      (array/push (session :nonces) nonce))))

(defn- take-nonce [session]
  (when (empty? (session :nonces))
    (keep-nonce session (request session "HEAD" (session :new-nonce))))
  (or (array/pop (session :nonces)) (fail "the CA gives no nonce")))

# ---- the directory ----

(defn read-object [answer what]
  (def value (json/decode (answer :body)))
  (if (table? value) value (fail "the CA's " what " is no JSON object")))

(defn- url-in [object key]
  (def url (get object key))
  (if (https/parse-url url) url (fail "the CA's directory has no https URL of " key)))

(defn open
  "A session with the server of a directory. Options are `:tls` and `:timeout`."
  [directory signer options]
  (unless (https/parse-url directory)
    (fail "the directory is no https URL"))
  (def session @{:signer signer :tls (get options :tls {}) :timeout (get options :timeout 30)
                 :nonces @[]})
  (def answer (request session "GET" directory))
  (unless (= 200 (answer :status))
    (fail "the CA's directory could not be read: status " (answer :status)))
  (def urls (read-object answer "directory"))
  (put session :urls urls)
  (put session :new-nonce (url-in urls "newNonce"))
  session)

(defn url-of [session key] (url-in (session :urls) key))

# ---- problems ----

(defn- read-problem [answer]
  (def value (json/decode (answer :body)))
  (if (table? value) value @{}))

(defn- kind-of [problem]
  (def kind (get problem "type"))
  (if (string? kind) (string/replace "urn:ietf:params:acme:error:" "" kind) "?"))

(defn- text-at [object & keys]
  (def value (get-in object keys))
  (if (string? value) value ""))

(defn describe-problem
  "A problem document (RFC 7807) in a line, with those of single names."
  [problem]
  (def parts @[(string (kind-of problem) ": " (text-at problem "detail"))])
  (def others (get problem "subproblems"))
  (each other (if (array? others) (take 10 others) [])
    (when (table? other)
      (array/push parts (string (text-at other "identifier" "value") ": " (kind-of other) ": "
                                (text-at other "detail")))))
  (shown (string/join parts "; ")))

(defn retry-after
  "Seconds that the server asks to wait, or nil. A date counts as nil."
  [answer]
  (def text (get-in answer [:headers "retry-after"] ""))
  (if (peg/match ~(* (between 1 6 :d) -1) text) (scan-number text)))

# ---- signed requests ----

(def- max-bad-nonces 10)
(def- max-busy 5)

(defn- sign-request [session url payload signer]
  (def who (if-let [kid (and (nil? signer) (session :kid))] {:kid kid}
             {:jwk ((or signer (session :signer)) :jwk)}))
  (json/encode (jose/sign (or signer (session :signer))
                          (merge who {:nonce (take-nonce session) :url url})
                          payload)))

(defn- busy? [answer problem]
  (or (= 503 (answer :status)) (and (= 429 (answer :status)) (retry-after answer))))

(defn post
  ``POST a value, or "" to fetch (POST-as-GET), signed by the account or by another key. Bad nonces
  and a busy server are tried again, as often as the server may expect. Raises the server's
  problem.``
  [session url value &opt signer]
  (def payload (if (= "" value) "" (json/encode value)))
  (var result nil)
  (var [nonces busy] [0 0])
  (while (nil? result)
    (def answer (request session "POST" url (sign-request session url payload signer)))
    (keep-nonce session answer)
    (def problem (if (>= (answer :status) 300) (read-problem answer)))
    (cond
      (nil? problem) (set result answer)
      (and (= "badNonce" (kind-of problem)) (< nonces max-bad-nonces)) (++ nonces)
      (and (busy? answer problem) (< busy max-busy))
      (do (++ busy) (ev/sleep (min 60 (or (retry-after answer) busy))))
      (fail "the CA refused (status " (answer :status) "): " (describe-problem problem))))
  result)

(defn post-for-object [session url value what] (read-object (post session url value) what))

(defn location [answer]
  (def url (get-in answer [:headers "location"]))
  (if (https/parse-url url) url (fail "the CA gave no URL of what it made")))

(defn get-object
  "An object that needs no signature, and its answer; nil where the server has none."
  [session url what]
  (def answer (request session "GET" url))
  (case (answer :status)
    200 [(read-object answer what) answer]
    404 nil
    (fail "the CA refused (status " (answer :status) "): "
          (describe-problem (read-problem answer)))))

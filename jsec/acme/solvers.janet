# Answers to the challenges of an ACME server: http-01 and dns-01 (RFC 8555, 8.3 and 8.4),
# tls-alpn-01 (RFC 8737). A solver is `{:type name :put f :remove f}`; both functions get the name,
# the token and the key authorization.
(import ../cert)
(import ../crypto)
(import ../tls)
(import ./session :as session)

(def protocol "The ALPN name of tls-alpn-01." "acme-tls/1")
(def- identifier "The OID of id-pe-acmeIdentifier." "1.3.6.1.5.5.7.1.31")

(defn proof-certificate
  "Options of a server that proves the control over a name."
  [name authorization]
  (def digest (crypto/digest :sha256 authorization))
  (def extension {:oid identifier :critical true :value (string "\x04\x20" digest)})
  (merge (cert/generate-self-signed-cert
           {:common-name "" :organization "" :country "" :key-type :ec-p256 :days-valid 2
            :san [(string "DNS:" name)] :extensions [extension]})
         {:alpn [protocol]}))

# ---- tls-alpn-01 ----

(defn on-table
  "A solver that puts certificates into a table by names, for a server with `:on-hello`."
  [certificates]
  {:type "tls-alpn-01"
   :put (fn [name _ authorization]
          (put certificates name (proof-certificate name authorization)))
   :remove (fn [name &] (put certificates name nil))})

(defn answer-hello
  "What `:on-hello` returns for a ClientHello of the CA: options, or nil."
  [certificates hello]
  (if (deep= (array protocol) (array ;(get hello :alpn []))) (certificates (hello :server-name))))

(defn on-port
  "A solver with a listener of its own, while there are challenges."
  [host port]
  (def certificates @{})
  (def inner (on-table certificates))
  (var listener nil)
  (defn serve [it]
    (tls/accept-loop it {:on-hello |(answer-hello certificates $)} (fn [s] (:close s))))
  {:type "tls-alpn-01"
   :put (fn [& args]
          ((inner :put) ;args)
          (unless listener
            (set listener (tls/listen host port))
            (ev/go serve listener)))
   :remove (fn [& args]
             ((inner :remove) ;args)
             (when (and listener (empty? certificates))
               (:close listener)
               (set listener nil)))})

# ---- http-01 ----

(def- prefix "/.well-known/acme-challenge/")
(def- max-request 8192)

(def- request-path (peg/compile ~(* (+ "GET" "HEAD") " " '(to " ") " HTTP/1." :d)))

(defn- read-request [stream]
  (def text @"")
  (while (and (not (string/find "\r\n\r\n" text)) (< (length text) max-request)
              (ev/read stream 4096 text 10)))
  (first (or (peg/match request-path text) [])))

(defn http-answer
  "The answer to a request for a path, from a table of authorizations by tokens."
  [authorizations path]
  (def token (if (and path (string/has-prefix? prefix path))
               (string/slice path (length prefix))))
  (def found (if token (authorizations token)))
  (def body (or found "not found\n"))
  (string "HTTP/1.1 " (if found "200 OK" "404 Not Found")
          "\r\nContent-Type: application/octet-stream\r\nContent-Length: " (length body)
          "\r\nConnection: close\r\n\r\n" body))

(defn http-on-port
  "A solver that listens on a port of HTTP, 80 for a public CA, while there are challenges."
  [host port]
  (def authorizations @{})
  (var listener nil)
  (defn handle [stream]
    (protect (ev/with-deadline 10
               (ev/write stream (http-answer authorizations (read-request stream)))))
    (protect (ev/close stream)))
  {:type "http-01"
   :put (fn [_ token authorization]
          (put authorizations token authorization)
          (unless listener (set listener (net/server host port handle))))
   :remove (fn [_ token _]
             (put authorizations token nil)
             (when (and listener (empty? authorizations))
               (ev/close listener)
               (set listener nil)))})

# ---- dns-01 ----

(defn on-dns
  "A solver by two functions of the program, of a record's name and value."
  [{:add add :remove remove}]
  (defn record [f name authorization]
    (f (string "_acme-challenge." (if (string/has-prefix? "*." name) (string/slice name 2) name))
       (crypto/base64url-encode (crypto/digest :sha256 authorization))))
  {:type "dns-01"
   :put (fn [name _ authorization] (record add name authorization))
   :remove (fn [name _ authorization] (record remove name authorization))})

# ---- by options ----

(def options [:tls-alpn-01 :http-01 :dns-01])

(defn- function-at? [value key]
  (def type-name (type (get value key)))
  (or (= :function type-name) (= :cfunction type-name)))

(defn- place-of
  "[host port] of a challenge's option: a port, or a tuple of both."
  [name value]
  (match value
    [host port] [host port]
    (port (or (int? port) (bytes? port))) ["0.0.0.0" port]
    (session/fail "bad option :" name ", expected a port or a tuple of host and port")))

(defn choose
  "The solver that the options ask for."
  [given]
  (def names (filter |(get given $) options))
  (unless (= 1 (length names))
    (session/fail "give one of :tls-alpn-01, :http-01 and :dns-01, how the CA verifies the names"))
  (def value (given (first names)))
  (case (first names)
    :tls-alpn-01 (if (function? (get value :put)) value (on-port ;(place-of "tls-alpn-01" value)))
    :http-01 (http-on-port ;(place-of "http-01" value))
    (if (and (function-at? value :add) (function-at? value :remove))
      (on-dns value)
      (session/fail "bad option :dns-01, expected a struct of the functions :add and :remove"))))

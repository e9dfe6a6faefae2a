# A CA that is down, slow, broken or lies. Nothing that it sends is taken for a certificate, ends
# the process, or waits without end.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/peers :as peers)
(import jsec/acme)
(import jsec/cert)
(import jsec/crypto)
(import jsec/lib/json :as json)
(import jsec/tls)

(defn http
  "An answer with these headers and this body."
  [status headers body]
  (string "HTTP/1.1 " status " x\r\n"
          (string/join (seq [[k v] :pairs headers] (string k ": " v "\r\n")))
          "Content-Length: " (length body) "\r\n\r\n" body))

(defn object [value &opt status headers]
  (http (or status 200) (merge {"Replay-Nonce" "abcdefgh"} (or headers {})) (json/encode value)))

(defn- read-request [s]
  (def text @"")
  (while (not (string/find "\r\n\r\n" text)) (unless (:read s 4096 text) (error "no request")))
  (def size (first (or (peg/match '(* (thru "Content-Length: ") (number (some :d))) text) [0])))
  (def head (+ 4 (string/find "\r\n\r\n" text)))
  (while (< (length text) (+ head size)) (:read s 65536 text))
  [(first (peg/match '(* (some :a) " " '(to " ")) text)) (string/slice text head)])

(defn with-ca
  ``Run `f` with the URL of a directory and options for it. `answers` maps paths to answers, or to
  functions of the base URL and the request's body; :all answers all others.``
  [answers f]
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [_ port] (address-of listener))
    (def base (string "https://localhost:" port))
    (defn serve [s]
      (def [path body] (read-request s))
      (def answer (get answers path (answers :all)))
      (:write s (if (function? answer) (answer base body) answer))
      (:close s))
    (ev/go (fn [] (tls/accept-loop listener server-options serve)) nil (ev/chan 1000))
    (f (string base "/dir") {:terms true :timeout 2 :tls {:ca (identity :cert)}})))

(defn directory [base &]
  (object {:newNonce (string base "/nonce") :newAccount (string base "/account")
           :newOrder (string base "/order") :revokeCert (string base "/revoke")}))

(def account-made (fn [base &] (object {:status "valid"} 201 {"Location" (string base "/me")})))

(defn refused [why answers]
  (with-ca answers (fn [url options] (fails-with why (acme/account url options)))))

(test "a directory that is none"
  (each [why answer]
    [["the CA's directory is no JSON object" (http 200 {} `{"newNonce":`)]
     ["the CA's directory is no JSON object" (http 200 {} `["x"]`)]
     ["the CA's directory has no https URL of newNonce" (object {:newNonce "http://a.example/"})]
     ["the CA's directory has no https URL of newNonce" (object {:newNonce "file:///etc/passwd"})]
     ["status 302" (http 302 {"Location" "file:///etc/passwd"} "")]
     ["status 500" (http 500 {} "")]
     ["the answer is no HTTP" "SSH-2.0-x\r\n\r\n"]
     ["the answer ends in the midst of its head" "HTTP/1.1 200 OK\r\n"]
     ["the answer ends in the midst of its body" "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
     ["Content-Length is malformed" "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"]
     ["the answer is too long" "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{}"]
     ["the answer is too long" (string "HTTP/1.1 200 OK\r\n\r\n" (string/repeat "x" 2000000))]
     ["the answer's head is too long" (string "HTTP/1.1 200 OK\r\nx: " (string/repeat "x" 99999))]
     ["the answer's chunks are malformed"
      (string "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" (string/repeat "z" 2000))]
     ["unknown Transfer-Encoding" "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"]
     ["the CA could not be asked: deadline expired" (fn [&] (ev/sleep 20))]]
    (refused why {"/dir" answer})))

(test "chunks are read"
  (with-ca {"/dir" (string "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "5;x=y\r\n{\"new\r\nA\r\nNonce\":1}\n\r\n0\r\n\r\n")}
    (fn [url options]
      (fails-with "has no https URL of newNonce" (acme/account url options)))))

(test "nonces: none, one of control characters, always a bad one"
  (refused "the CA gives no nonce" {"/dir" directory "/nonce" (http 200 {} "")})
  (refused "the CA gives no nonce" {"/dir" directory "/nonce" (http 200 {"Replay-Nonce" "a b"} "")})
  (var count 0)
  (refused "the CA refused (status 400): badNonce"
           {"/dir" directory :all (fn [&]
                                    (++ count)
                                    (object {:type "urn:ietf:params:acme:error:badNonce"} 400))})
  (is (< 5 count 30)))

(test "problems are shown on one printable line"
  (refused "the CA refused (status 403): x?: a?b; c.example: y: z"
           {"/dir" directory
            :all (object {:type "x\e" :detail "a\nb"
                          :subproblems [{:identifier {:value "c.example"} :type "y" :detail "z"}]}
                         403)})
  (refused "the CA refused (status 403): ?: "
           {"/dir" directory :all (http 403 {"Replay-Nonce" "abcdefgh"} "<html>")}))

(test "a busy CA is asked again, and not for ever"
  (var count 0)
  (refused "the CA refused (status 503)"
           {"/dir" directory
            :all (fn [&] (++ count)
                   (object {:type "busy"} 503 {"Retry-After" "0"}))})
  (is (< 3 count 20)))

(test "an account without a URL"
  (refused "the CA gave no URL of what it made" {"/dir" directory :all (object {} 201)})
  (refused "the CA gave no URL of what it made"
           {"/dir" directory :all (object {} 201 {"Location" "javascript:x"})}))

# ---- orders ----

(def dns {:dns-01 {:add (fn [&]) :remove (fn [&])}})

(defn- order-of [status more]
  (fn [base &]
    (object (merge {:status status :authorizations [(string base "/authz")]
                    :finalize (string base "/finalize") :certificate (string base "/cert")} more)
            201 {"Location" (string base "/order")})))

(defn order-refused [why answers]
  (with-ca (merge {"/dir" directory "/account" account-made :all (object {})} answers)
    (fn [url options]
      (def account (acme/account url options))
      (fails-with why (acme/obtain account "a.example" (merge dns {:timeout 5}))))))

(def valid (object {:status "valid" :identifier {:value "a.example"}}))
(def ready {"/order" (order-of "ready" {}) "/authz" valid})

(test "orders and authorizations that are malformed, or of other names"
  (order-refused "the CA's order has no authorizations"
                 {"/order" (order-of "pending" {:authorizations 1})})
  (order-refused "the CA gave the order up" {"/order" (order-of "invalid" {})})
  (order-refused "the CA could not verify a.example: x: y"
                 {"/order" (order-of "pending" {})
                  "/authz" (object {:status "invalid" :identifier {:value "a.example"}
                                    :challenges [{:error {:type "x" :detail "y"}}]})})
  (order-refused "the CA wants another name verified"
                 {"/order" (order-of "pending" {})
                  "/authz" (object {:status "pending" :identifier {:value "b.example"}})})
  (order-refused "the CA offers no dns-01 for a.example"
                 {"/order" (order-of "pending" {})
                  "/authz" (object {:status "pending" :identifier {:value "a.example"}})})
  (order-refused "the CA's token is malformed"
                 {"/order" (order-of "pending" {})
                  "/authz" (object {:status "pending" :identifier {:value "a.example"}
                                    :challenges [{:type "dns-01" :token "../../x"}]})})
  (order-refused "deadline expired"
                 {"/order" (order-of "processing" {}) "/authz" valid}))

(def ca (peers/authority "CA"))

(test "a chain that is none, for another key, or for other names"
  (defn with-chain [why make]
    (order-refused (string "the CA's answer is of no use: " why)
                   (merge ready {"/finalize" (object {})
                                 "/order" (order-of "valid" {})
                                 "/cert" (fn [&] (http 200 {"Replay-Nonce" "abcdefgh"} (make)))})))
  (with-chain "" |"no PEM")
  (with-chain "its certificate is for another key" |((peers/issue ca) :cert)))

(test "a chain for the key and for other names is refused"
  (def key (crypto/generate-key :ec-p256))
  (def made (cert/generate-self-signed-from-key key {:common-name "b.example"}))
  (with-ca {"/dir" directory "/account" account-made "/order" (order-of "valid" {}) "/authz" valid
            "/cert" (http 200 {"Replay-Nonce" "abcdefgh"} made) :all (object {})}
    (fn [url options]
      (def account (acme/account url options))
      (fails-with "its certificate is for other names"
                  (acme/obtain account "a.example" (merge dns {:key key :timeout 5}))))))

(test "a CA that is down, and one whose certificate is of another CA"
  (fails-with "acme/account: the CA could not be asked: "
              (acme/account "https://127.0.0.1:1/dir" {:terms true}))
  (with-ca {}
    (fn [url options]
      (fails-with "certificate verify failed" (acme/account url (merge options {:tls {}}))))))

(end)

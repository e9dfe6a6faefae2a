# curl, gnutls-cli and openssl s_client connect in a loop while a fiber reloads the server's
# context.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/tls)

(def dir (tmpdir))
(defn- at [name] (string dir "/" name))
(def root (cert/generate-self-signed-cert {:common-name "root" :key-type :ec-p256}))
(def pairs
  (seq [name :in ["one" "two"]]
    (cert/issue-cert {:issuer-cert (root :cert) :issuer-key (root :key) :common-name name
                      :key-type :ec-p256 :san ["DNS:localhost" "IP:127.0.0.1"]})))
(spit (at "root.pem") (root :cert))

(defn- put-pair [{:cert certificate :key key}]
  (spit (at "own.pem") certificate)
  (spit (at "own.key") key))

(defn- answer
  "HTTP, which curl needs, and the others do not mind."
  [s]
  (with [_ s]
    (:read s 1000 nil 5)
    (:write s "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")))

(defn- clients [port]
  {"curl" ["curl" "-sS" "--max-time" "20" "--cacert" (at "root.pem")
           (string "https://localhost:" port "/") "--resolve"
           (string "localhost:" port ":127.0.0.1")]
   "gnutls-cli" ["gnutls-cli" "--x509cafile" (at "root.pem") "--sni-hostname" "localhost"
                 "--verify-hostname" "localhost" "-p" (string port) "127.0.0.1"]
   "openssl" ["openssl" "s_client" "-connect" (string "127.0.0.1:" port) "-servername" "localhost"
              "-CAfile" (at "root.pem") "-verify_return_error" "-quiet"]})

(defn- visit
  "Run a client with a request on its standard input: its status, and what it printed."
  [name command number]
  (def [input output] [(at (string name number ".in")) (at (string name number ".out"))])
  (spit input "GET / HTTP/1.0\r\n\r\n")
  (with [in (file/open input :r)]
    (with [out (file/open output :w)]
      [(os/execute command :p {:in in :out out :err out}) (string (slurp output))])))

(peer-test ["curl" "gnutls-cli" "openssl"]
  "curl, gnutls-cli and s_client connect while a fiber reloads 1,000 times: no handshake fails"
  :deadline 120
  (put-pair (first pairs))
  (def context (tls/new-context {:cert (at "own.pem") :key (at "own.key")}))
  (def listener (tls/listen "127.0.0.1" 0))
  (def port (in (net/localname listener) 1))
  (def errors @[])
  (def visits @{})
  (var reloads 0)
  (var going true)
  (def done (ev/chan 10))
  (defer (:close listener)
    (ev/go (fn [] (tls/accept-loop listener context answer {:on-error |(array/push errors $)})))
    (eachp [name command] (clients port)
      (ev/go (fn []
               (def failed
                 (seq [number :iterate (if going (length (get visits name "")))
                       :let [[status said] (visit name command number)]
                       :after (put visits name (string (get visits name "") "."))
                       :unless (and (zero? status) (string/find "ok" said))]
                   (string name ": " status ": " said)))
               (ev/give done failed))))
    (repeat (load 1000)
      (++ reloads)
      (when (zero? (% reloads 50)) (put-pair (in pairs (% (div reloads 50) 2))))
      (tls/reload context)
      (ev/sleep 0.003))
    # each client has been there, however slow the machine
    (while (not (all |(> (length (get visits $ "")) 2) ["curl" "gnutls-cli" "openssl"]))
      (tls/reload context)
      (ev/sleep 0.01))
    (set going false)
    (repeat 3 (is= @[] (ev/take done)))
    (is= @[] errors)
    (def counts (seq [[name dots] :pairs visits] (string (length dots) " of " name)))
    (print "# " reloads " reloads beside " (string/join counts ", "))))

(end)

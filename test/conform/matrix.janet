# The interop matrix: each peer as server and client of ours, over TLS 1.2 and 1.3, with each kind
# of certificate, for data both ways, client certificates, ALPN, SNI and resumption. Prints a table,
# writes it to the file that is named, and fails with the cells that do. JSEC_PEER=Go runs one peer
# alone.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import ./peers :as p)
(import jsec/tls)

(def features [:data :mtls :alpn :sni :resumption])
(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))

(defn- word-of [version] (if (= version "1.2") :TLS1_2 :TLS1_3))

# ---- we as the client ----

(defn- http-body [s]
  (:write s (string "GET / HTTP/1.0\r\nHost: localhost\r\nX: " (string/repeat "x" 3000) "\r\n\r\n"))
  (def answer (string (:read s :all)))
  (is (string/find "200 OK" answer) answer)
  answer)

(defn- talk [s speaks]
  (case speaks
    :echo (is (= p/payload (string (sent-back s p/payload))))
    :lines (is= "a line\n" (string (sent-back s "a line\n")))
    :reversed (is= "enil a\n" (string (sent-back s "a line\n")))
    :http (http-body s)))

(defn- client-options [cell &opt more]
  (merge {:ca-file p/ca :hostname (cell :host) :min-version (word-of (cell :version))
          :max-version (word-of (cell :version))
          :truncation (if (= "NSS" (cell :peer)) :eof :error)}
         (if (= :alpn (cell :feature)) {:alpn ["y" "http/1.1"]} {}) (or more {})))

(defn- visit [cell {:port port :speaks speaks} &opt more]
  (with [s (tls/connect "127.0.0.1" port (client-options cell more))]
    (talk s speaks)
    [(:connection-info s) (:get-session s)]))

(defn- as-client [peer cell]
  (def server ((peer :server) cell))
  (defer (do (stop (server :child)) (if (server :close) ((server :close))))
    # some serve no connection that is closed at once: the first one is a real one
    (def certified (if (= :mtls (cell :feature)) p/me {}))
    (def [info session] (once-up (server :child) |(visit cell server certified)))
    (is= (string "TLSv" (cell :version)) (info :version))
    (case (cell :feature)
      :mtls (is (not (first (protect (visit cell server)))) "let in without a certificate")
      :alpn (is= "http/1.1" (info :alpn))
      :sni (is= (cell :host) ((server :saw)))
      :resumption (is= true (get-in (visit cell server {:session session}) [0 :session-reused])))))

# ---- we as the server ----

(defn- read-request
  "Read the head of a request; its body goes back, as it comes."
  [stream head]
  (while (not (string/find "\r\n\r\n" head)) (unless (:read stream 4096 head) (error "no head")))
  (def at (+ 4 (string/find "\r\n\r\n" head)))
  (def size
    (scan-number (get (peg/match '(some (+ (* "ontent-" (set "Ll") "ength: " (<- :d+)) 1)) head) 0
                      "0")))
  (def body (buffer/slice head at))
  (if (< (length body) size) (:chunk stream (- size (length body)) body))
  (:write stream
          (string "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " size "\r\n\r\n" body)))

(defn- echo-to-end
  ``Give back what comes up to the end that is said, or that of our payload: not all clients end
  themselves.``
  [stream chunk]
  (var more true)
  (while more
    (:write stream chunk)
    (set more
         (and (not (string/has-suffix? "END\n" chunk)) (:read stream 65536 (buffer/clear chunk))))))

(defn- serve-any
  "A handler that gives back what it gets, HTTP or not; what was negotiated."
  [stream]
  (def first-bytes @"")
  (while (and (< (length first-bytes) 5) (:read stream 65536 first-bytes)))
  (if (or (string/has-prefix? "POST " first-bytes) (string/has-prefix? "GET " first-bytes))
    (read-request stream first-bytes)
    (echo-to-end stream first-bytes))
  (:connection-info stream))

(defn- finish
  "Let a client come to its end, and see that it was content."
  [cell {:child child :call call :expects expected :feed fed :stays stays}]
  (cond
    stays (await child :out expected)
    call (is (string/find expected (call)))
    (do
      (when fed (await child :out expected) (protect (feed child "")))
      (def status (exit-status child))
      (is= 0 status (described child))
      (is (string/find expected (child :out)) (described child)))))

(defn- as-server [peer cell]
  (def options (merge (cell :identity) {:min-version (word-of (cell :version))
                                        :max-version (word-of (cell :version))}
                      (if (= :mtls (cell :feature)) {:verify true :ca-file p/ca} {})
                      (if (= :alpn (cell :feature)) {:alpn ["http/1.1" "h2"]} {})))
  (with-server [s options serve-any]
    (def client ((peer :client) cell (s :port)))
    (defer (stop (client :child))
      (finish cell client)
      (if (and (= 2 (client :times)) (client :call)) (finish cell client))
      # what clients made before they resumed, or left on the way
      (def infos
        (seq [_ :range [0 (or (client :times) 1)]] (ev/with-deadline (* slowness 30) (result s))))
      (def info (last infos))
      (is= (string "TLSv" (cell :version)) (info :version))
      (case (cell :feature)
        :mtls (is= "a client" (get-in info [:peer-certificate :subject :common-name]))
        :alpn (is= "http/1.1" (info :alpn))
        :sni (is= (cell :host) (info :server-name))
        :resumption (is= 1 (count |($ :session-reused) infos))))))

# ---- the table ----

(defn- run-cell [peer cell]
  (def missing (find |(not (find-program $)) (peer :programs)))
  (def lacking (if missing nil ((peer :lacks) cell)))
  (cond
    missing [:skip (string missing " is not installed")]
    lacking [:lacks lacking]
    (let [fiber (fiber/new (fn [] ((if (= :server (cell :role)) as-client as-server) peer cell))
                           :ei)]
      (ev/deadline (* slowness 60) nil fiber)
      (def result (resume fiber))
      (if (= :dead (fiber/status fiber)) [:ok] [:failed (string result)]))))

(defn- cell-of [peer role version kind feature]
  {:peer (peer :name) :role role :version version :kind kind :feature feature
   :identity (p/identities kind)
   :host (if (= feature :sni) "b.example" "localhost")})

(defn- row
  "The cells of a line of the table, as text; and what failed."
  [peer role version kind notes failures]
  (seq [feature :in features]
    (def [outcome why] (run-cell peer (cell-of peer role version kind feature)))
    (case outcome
      :ok "yes"
      :lacks (do (put notes (string (peer :name) ": " why) true) "–")
      :skip (do (put notes (string (peer :name) ": skipped, " why) true) "skipped")
      (let [failure (string "not ok - "
                            (string/join (map string [(peer :name) role version kind feature]) " ")
                            ": " why)]
        (print failure)
        (array/push failures failure)
        "**no**"))))

(defn main [_ &opt path]
  (def out
    (buffer "| peer | is the | TLS | certificate | data both ways "
            "| mTLS | ALPN | SNI | resumption |\n"
            "|---|---|---|---|---|---|---|---|---|\n"))
  (def [notes failures] [@{} @[]])
  (def only (os/getenv "JSEC_PEER"))
  (each peer (filter |(or (nil? only) (= only ($ :name))) p/peers)
    (each role (if (peer :server) [:server :client] [:client])
      (each version ["1.2" "1.3"]
        (each kind [:rsa :ec-p256 :ed25519]
          (def line (string "| "
                            (string/join [(peer :name) role version kind
                                          ;(row peer role version kind notes failures)] " | ")
                            " |"))
          (print line)
          (flush)
          (buffer/push out line "\n")))))
  (buffer/push out "\n")
  (each note (sorted (keys notes)) (buffer/push out "- " note "\n"))
  (if path (spit path out))
  (print (length failures) " cells failed")
  (flush)
  (rm-rf p/dir)
  (os/exit (min 1 (length failures))))

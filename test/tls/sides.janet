# One table of options for clients and servers (tls/with-options, tls/import, tls/server): each side
# takes what is meant for it, and nothing gets lost on the way.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/process :prefix "")
(import jsec/net :as over)
(import jsec/tls)

(def both {:cert (identity :cert) :key (identity :key) :trusted-cert (identity :cert)})

(defn echo [s]
  (while (def data (:read s 100)) (:write s data))
  (:close s))

(defn talks?
  "Does a client of these options get an answer?"
  [listener options]
  (with [c (tls/connect ;(address-of listener) options)]
    (:write c "ping")
    (= "ping" (string (:read c 4)))))

(defn with-silence
  "Call `f` with the address of a listener whose backlog is full: the kernel answers no connect."
  [f]
  (with [listener (tls/listen "127.0.0.1" "0" {:backlog 1})]
    (def address (address-of listener))
    (def tries (seq [_ :range [0 4]] (spawn (net/connect ;address))))
    (turns)
    (f ;address)
    (each {:fiber fiber} tries (ev/cancel fiber "enough"))))

# ---- prototypes ----

(defn inheriting
  "Options in each form that inherits some of them."
  [inherited own]
  [(struct/with-proto inherited ;(kvs own))
   (table/setproto (merge own) (merge inherited))
   (table/setproto @{} (table/setproto (merge own) (merge inherited)))])

(def wrong-pin {:pins [(string "sha256//" (string/repeat "A" 43) "=")]})
(def trust {:trusted-cert (identity :cert)})

(test "pins that options inherit are checked, by whatever way the options come"
  (with [listener (tls/server "127.0.0.1" "0" echo server-options)]
    (def address (address-of listener))
    (each options (inheriting wrong-pin trust)
      (fails-with "pin mismatch" (tls/connect ;address options))
      (fails-with "pin mismatch" (tls/stream-factory ;address options))
      (tls/with-options options
        (fails-with "pin mismatch" (over/connect ;address))
        (fails-with "pin mismatch" (tls/stream-factory ;address))
        (fails-with "pin mismatch" (tls/stream-factory ;address {:scheme "https"})))
      (tls/with-options {:client options}
        (fails-with "pin mismatch" (over/connect ;address))))))

(test "a server whose options inherit :verify refuses clients without a certificate"
  (def mutual {:verify true :ca-file (identity :cert)})
  (each options (inheriting mutual {:cert (identity :cert) :key (identity :key)})
    (each serve [|(tls/with-options options (over/server "127.0.0.1" "0" echo))
                 |(tls/with-options {:server options} (over/server "127.0.0.1" "0" echo))
                 |(tls/server "127.0.0.1" "0" echo options)]
      (with [listener (serve)]
        (fails-with "certificate required" (talks? listener trust))
        (is (talks? listener both))))))

(test "a certificate that options inherit makes a server"
  (each options (inheriting (table/to-struct server-options) {:backlog 5})
    (each serve [|(tls/with-options options (over/server "127.0.0.1" "0" echo))
                 |(tls/server "127.0.0.1" "0" echo options)]
      (with [listener (serve)] (is (talks? listener trust))))
    (with [listener (tls/listen "127.0.0.1" "0" options)]
      (spawn (echo (:accept listener)))
      (is (talks? listener trust)))))

(test "prototypes without an end are refused"
  (def circle @{:backlog 5})
  (table/setproto circle circle)
  (fails-with "prototypes of options too deep" (tls/listen "127.0.0.1" 0 circle)))

# ---- the options of each side ----

(defn names-of
  "The options that a function's documentation lists."
  [function]
  (def text ((dyn (symbol function)) :doc))
  (map keyword (peg/match ~(any (+ (* "\n* `:" '(some (+ :w "-")) "` - ") 1)) text)))

(defn refusal
  "What a function says about an option that is no option of its side."
  [f]
  (def [status why] (outcome (f)))
  (if (and (= :error status) (or (string/find "unknown option" why) (string/find " only" why)))
    why))

# A value of no option's type: an option that is there is refused for it, and no connection is made.
(def nonsense (ev/chan))

(test "no option of either side disturbs the other"
  (def of-clients (names-of 'tls/connect))
  (def of-servers (mapcat names-of ['tls/accept 'tls/listen 'tls/accept-loop]))
  (is (index-of :max-connections of-servers))
  (is (< 30 (length of-clients)))
  (is (< 30 (length of-servers)))
  (each name (distinct [;of-clients ;of-servers])
    (tls/with-options (merge both {name nonsense})
      (is= nil (refusal |(over/connect "127.0.0.1" 1)) name)
      (is= nil (refusal |(:close (over/listen "127.0.0.1" 0))) name)
      (is= nil (refusal |(:close (over/server "127.0.0.1" 0 echo))) name)
      (is= nil (refusal |(:close (tls/server "127.0.0.1" 0 nil))) name))))

(test "each option of a side reaches it"
  (each name (names-of 'tls/connect)
    (unless (= :context name)
      (tls/with-options (merge trust {name nonsense})
        (is= :error (first (outcome (over/connect "127.0.0.1" 1))) name)
        (is (string/find (string ":" name) (last (outcome (over/connect "127.0.0.1" 1)))) name))))
  (each name (filter |(not (index-of $ [:context :hostname :verify-hostname :pins :timeout]))
                     (names-of 'tls/listen))
    (tls/with-options (merge both {name nonsense})
      (is (string/find (string ":" name) (string (last (outcome (over/listen "127.0.0.1" 0)))))
          name))))

(test "a port is exclusive where the options or the arguments have it so"
  (tls/with-options (merge both {:share-port false})
    (with [first-one (over/listen "127.0.0.1" "0")]
      (fails-with "Address already in use" (over/listen ;(address-of first-one)))))
  (tls/with-options (merge both {:share-port true})
    (with [first-one (over/listen "127.0.0.1" "0" :stream true)]
      (fails-with "Address already in use" (over/listen ;(address-of first-one) :stream true)))))

(test ":on-hello alone makes a server, as for tls/listen"
  (def context (tls/new-context server-options))
  (def options {:on-hello (fn [_] context)})
  (each serve [|(tls/with-options options (over/server "127.0.0.1" "0" echo))
               |(tls/server "127.0.0.1" "0" echo options)]
    (with [listener (serve)] (is (talks? listener trust)))))

(test "beside a context of one side, the options for both count"
  (def context (tls/new-context both))
  (each own [context {:context context}]
    (def reports (ev/chan 10))
    (tls/with-options {:server own :on-error |(ev/give reports $) :handshake-timeout 0.5
                       :ca-file "of clients" :truncation :eof}
      (with [listener (over/server "127.0.0.1" "0" (fn [s] (ev/give reports (:read s :all))))]
        (with [silent (plain-connect ;(address-of listener))]
          (is (string/find "within 0.5 s" (ev/take reports))))
        (with [c (tls/connect ;(address-of listener) trust)]
          (:write c "cut")
          (:shutdown c true))
        (is= @"cut" (ev/take reports)))))
  (with-silence
    (fn [host port]
      (each own [context {:context context}]
        (tls/with-options {:client own :timeout 0.05 :cert "of servers" :key "of servers"}
          (fails-with "timeout" (over/connect host port)))))))

(test "beside a context of one side, the options of the PROXY protocol count"
  (def context (tls/new-context both))
  (def relayed {:peername ["192.0.2.7" 5000] :localname ["198.51.100.1" 443]})
  (tls/with-options {:server context :client context :proxy-protocol ["127.0.0.1"]
                     :send-proxy relayed}
    (def handler (fn [s] (:write s (string/format "%j" (:peername s))) (:close s)))
    (with [listener (over/server "127.0.0.1" "0" handler)]
      (with [c (over/connect ;(address-of listener))]
        (is= `("192.0.2.7" 5000)` (string (:read c :all)))))))

(test "nil leaves the options in effect as they are"
  (tls/with-options both
    (tls/with-options nil
      (with [listener (over/server "127.0.0.1" "0" echo)]
        (is (talks? listener trust))))))

# ---- what would fail in the task of a server is checked before ----

(test "options and handler of a server's loop are checked when it is started"
  (each [options why] [[{:max-connections "x"} "bad option :max-connections"]
                       [{:on-error (fn [a b c])} "bad option :on-error"]
                       [{:reload :often} "bad option :reload"]]
    (def all (merge server-options options))
    (fails-with (string "tls/server: " why) (tls/server "127.0.0.1" 0 echo all))
    (fails-with (string "net/server: " why)
                (tls/with-options all (over/server "127.0.0.1" 0 echo))))
  (each handler [5 print]
    (fails-with "tls/server: handler: bad slot #2, expected function"
                (tls/server "127.0.0.1" 0 handler server-options)))
  (each opts [:stream 5 "text"]
    (fails-with "tls/server: opts: bad slot #3, expected options or TLS context"
                (tls/server "127.0.0.1" 0 echo opts)))
  (tls/with-options both
    (fails-with "net/server: handler: bad slot #2, expected function"
                (over/server "127.0.0.1" 0 5))))

(test "a context alone is options for tls/server"
  (with [listener (tls/server "127.0.0.1" "0" (tls/new-context server-options))]
    (spawn (echo (:accept listener)))
    (is (talks? listener trust))))

# ---- names and limits ----

(test "errors about arguments name the function that was called"
  (tls/with-options both
    (each value [1 "text" stdout]
      (fails-with '(* "net/accept: " (thru "bad slot #0, expected core/stream"))
                  (over/accept value))
      (fails-with '(* "net/accept-loop: " (thru "bad slot #0, expected core/stream"))
                  (over/accept-loop value echo)))
    (each [name f] [["net/connect" over/connect] ["net/listen" over/listen]]
      (each kind [:udp "stream" {}]
        (fails-with (string name ": type: bad slot #2, expected :stream")
                    (f "127.0.0.1" 1 kind))))))

(test "nil as port takes a free one, as core's functions do"
  (tls/with-options both
    (with [listener (over/server "127.0.0.1" nil echo)]
      (is (talks? listener trust)))))

(test ":timeout ends a plain connection, and one that binds to an address"
  (with-silence
    (fn [host port]
      (fails-with "timeout" (tls/stream-factory host port {:scheme "http" :timeout 0.05}))
      (tls/with-options {:timeout 0.05}
        (fails-with "timeout" (over/connect host port :stream "127.0.0.1"))
        (fails-with "timeout" (tls/stream-factory host port {:scheme "http"}))))))

(test "a server that is closed before its loop begins ends quietly"
  (is= "" (run-code ``
            (import jsec/tls)
            (import jsec/net)
            (import jsec/cert)
            (def {:cert cert :key key} (cert/generate-self-signed-cert {:key-type :ec-p256}))
            (:close (tls/server "127.0.0.1" 0 (fn [s]) {:cert cert :key key}))
            (tls/with-options {:cert cert :key key}
              (:close (net/server "127.0.0.1" 0 (fn [s]))))
            ``)))

(end)

# Which errors of a connection the peer caused, and where they go: row 36 of
# docs/stream-contract.md.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/process)
(import jsec/tls)

(defn with-loop
  ``Run `f` with the address of a loop that serves by `handler`, and with a channel of what
  `:on-error` gets. `more` are further options of the server.``
  [handler f &opt more supervisor]
  (def reports (ev/chan 100))
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def [host port] (net/localname listener))
    (def options (merge server-options (or more {})))
    (ev/go (fn [] (tls/accept-loop listener options handler
                                   {:on-error (fn [text facts] (ev/give reports [text facts]))}))
           nil (or supervisor (ev/chan 100)))
    (f host port reports)))

(defn dial [host port &opt more] (tls/connect host port (merge client-options (or more {}))))

(defn end-without-notify
  "Send something, and end the connection as wget and Node do: a FIN, and no close_notify."
  [s]
  (:write s "x")
  (:shutdown s true))

(defn facts-of
  "The struct that `:on-error` gets for a client."
  [client stage &opt name]
  (struct :peername (tuple ;(net/localname client)) :stage stage :server-name name))

(defn read-all [s] (:read s :all) (:close s))

# ---- handshakes ----

(each version [:TLS1_2 :TLS1_3]
  (test (string "a failed handshake is reported with its address, stage and name (" version ")")
    (with-loop read-all
      (fn [host port reports]
        (def raw (plain-connect host port))
        (def facts (facts-of raw :handshake "a.example"))
        (fails-with "certificate verify failed"
                    (tls/wrap raw "a.example" {:max-version version}))
        (def [text reported] (ev/take reports))
        (is (string/find "tls/accept-loop: handshake failed" text) text)
        (is= facts reported)))))

(test "a client that is silent, or leaves before its first byte, is reported with its address"
  (with-loop read-all
    (fn [host port reports]
      (with [silent (plain-connect host port)]
        (def [text facts] (ev/take reports))
        (is (string/find "handshake timed out" text) text)
        (is= (facts-of silent :handshake) facts))
      (def gone (plain-connect host port))
      (def facts (facts-of gone :handshake))
      (tls/abort gone)
      (is= facts (last (ev/take reports))))
    {:handshake-timeout 0.3}))

(test "a client that was reset before the loop accepted it is reported with its address"
  (def reports (ev/chan 10))
  (with [listener (tls/listen "127.0.0.1" 0)]
    (def gone (plain-connect ;(net/localname listener)))
    (def facts (facts-of gone :handshake))
    (tls/abort gone)
    (ev/go (fn [] (tls/accept-loop listener server-options read-all
                                   {:on-error (fn [text facts] (ev/give reports facts))})))
    (is= facts (ev/take reports))))

(test "a client on a unix socket has no address"
  (def reports (ev/chan 10))
  (def path (fresh-path))
  (with [listener (tls/listen :unix path)]
    (ev/go (fn [] (tls/accept-loop listener server-options read-all
                                   {:on-error (fn [text facts] (ev/give reports facts))})))
    (with [s (net/connect :unix path)] (:write s "no hello"))
    (is= {:stage :handshake} (ev/take reports))))

(test "a deferred handshake that fails in the handler is reported, at its stage"
  (with-loop read-all
    (fn [host port reports]
      (with [raw (plain-connect host port)]
        (:write raw "GET / HTTP/1.0\r\n\r\n")
        (def [text facts] (ev/take reports))
        (is (string/find "http request" text) text)
        (is= (facts-of raw :handshake) facts)))
    {:handshake false}))

# ---- handlers ----

(def causes
  ``How a peer makes a handler's call raise: what it does, the handler, and the error.``
  {"ends without close_notify" [end-without-notify read-all "connection truncated"]
   "resets the connection" [(fn [s] (:close s true)) # the server's bytes are unread
                            (fn [s]
                              (:write s "unread")
                              (ev/sleep 0.05)
                              (forever (:write s (string/repeat "x" 100000))))
                            '(+ "Connection reset by peer" "Broken pipe")]
   "is silent" [(fn [s] (ev/sleep 0.1)) (fn [s] (:read s 1) (:read s 1 nil 0.02)) "timeout"]
   "does not read" [(fn [s] (ev/sleep 0.2))
                    (fn [s] (:write s (string/repeat "x" 30_000_000) 0.05)) "timeout"]
   "aborts" [tls/abort read-all '(+ "alert" "record" "reset")]})

(each version [:TLS1_2 :TLS1_3]
  (eachp [what [act handler expected]] causes
    (test (string "a peer that " what " is reported, and its handler ends (" version ")")
      (with-loop handler
        (fn [host port reports]
          (def client (dial host port {:max-version version}))
          (def facts (facts-of client :connection "localhost"))
          (:write client "x")
          (act client)
          (def [text reported] (ev/take reports))
          (is (peg/find expected text) text)
          (is= facts reported)
          (:close client true))))))

(test "a close that the peer does not read for is reported"
  (def measured (ev/chan))
  (def reports (ev/chan 10))
  (def path (fresh-path))
  (var count nil)
  (defn handle [s]
    (if count
      (do (repeat count (:write s piece)) (:close s))
      (do (ev/give measured (count-fitting-writes s)) (:close s true))))
  (with [listener (tls/listen :unix path)]
    (ev/go (fn [] (tls/accept-loop listener server-options handle
                                   {:on-error (fn [text facts] (ev/give reports [text facts]))})))
    (with [_ (tls/connect :unix path client-options)] (set count (ev/take measured)))
    (with [client (tls/connect :unix path client-options)]
      (is= ["tls/close: the peer did not read all that was written within 0.02 s"
            {:stage :connection :server-name "localhost"}]
           (ev/take reports)))))

(test "a handler that closes its stream in defer is reported all the same"
  (with-loop (fn [s] (defer (:close s) (:read s :all)))
    (fn [host port reports]
      (def client (dial host port))
      (def facts (facts-of client :connection "localhost"))
      (end-without-notify client)
      (is= facts (last (ev/take reports))))))

(test "an error in the handler's second fiber counts too"
  (with-loop (fn [s]
               (def done (ev/chan 1))
               (ev/go (fn [] (ev/give done (protect (:read s :all)))))
               (def [fine text] (ev/take done))
               (unless fine (error text)))
    (fn [host port reports]
      (end-without-notify (dial host port))
      (is (string/find "connection truncated" (first (ev/take reports)))))))

(test "the program's own errors are not reported, even if the peer failed too"
  (def supervisor (ev/chan 10))
  (with-loop (fn [s] (protect (:read s :all)) (error "a fault of the program"))
    (fn [host port reports]
      (end-without-notify (dial host port))
      (def [signal fiber] (ev/take supervisor))
      (is= [:error "a fault of the program"] [signal (fiber/last-value fiber)])
      (is= 0 (ev/count reports)))
    nil supervisor))

(test "a timeout of something else is not the peer's, after one that the handler survived"
  (def supervisor (ev/chan 10))
  (with-loop (fn [s] (protect (:read s 1 nil 0.01)) (:read s 1) (error "timeout"))
    (fn [host port reports]
      (with [client (dial host port)]
        (ev/sleep 0.05)
        (:write client "x")
        (is= :error (first (ev/take supervisor)))
        (is= 0 (ev/count reports))))
    nil supervisor))

(test "an error of another connection is not the peer's"
  (def supervisor (ev/chan 10))
  (with-loop (fn [s] (:read s 1) (error "Connection reset by peer"))
    (fn [host port reports]
      (with [client (dial host port)]
        (:write client "x")
        (def [signal fiber] (ev/take supervisor))
        (is= [:error "Connection reset by peer"] [signal (fiber/last-value fiber)])
        (is= 0 (ev/count reports))))
    nil supervisor))

(test "a supervisor gets the errors that peers cause as well"
  (def supervisor (ev/chan 10))
  (with-loop read-all
    (fn [host port reports]
      (end-without-notify (dial host port))
      (def events (seq [_ :range [0 2]] (ev/take supervisor)))
      (is= @[:error :ok] (sorted (map first events))) # the handler's, and that of :on-error
      (is= 1 (ev/count reports)))
    nil supervisor))

# ---- functions for :on-error ----

(test ":on-error gets as many arguments as it takes, and a C function gets the text"
  (each [make check] [[(fn [give] |(give [$])) |(= 1 (length $))]
                      [(fn [give] (fn [text facts] (give [text facts]))) |(= 2 (length $))]
                      [(fn [give] (fn [text &opt facts] (give [text facts]))) |(struct? ($ 1))]
                      [(fn [give] (fn [& all] (give all))) |(= 2 (length $))]]
    (def got (ev/chan 1))
    (with [listener (tls/listen "127.0.0.1" 0)]
      (ev/go (fn [] (tls/accept-loop listener server-options read-all
                                     {:on-error (make |(ev/give got $))})))
      (with [raw (plain-connect ;(net/localname listener))] (:write raw "no hello"))
      (is (check (ev/take got))))))

(test "a function of three arguments is refused for :on-error"
  (with [listener (tls/listen "127.0.0.1" 0)]
    (fails-with "bad option :on-error, expected function of one or two arguments"
                (tls/accept-loop listener server-options read-all {:on-error (fn [a b c])}))))

# ---- standard error ----

(def program
  ``A server without :on-error and two clients of it. Prints nothing by itself.``
  '(do
     (import jsec/tls)
     (import jsec/cert)
     (def {:cert cert :key key}
       (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
     (def listener (tls/listen "127.0.0.1" 0))
     (def [host port] (net/localname listener))
     (defn handle [s]
       (if (= "fault" (string (ev/read s 5)))
         (error "a fault of the program")
         (ev/read s :all)))
     (ev/go (fn [] (tls/accept-loop listener {:cert cert :key key} handle)))
     (defn client [word]
       (def s (tls/connect host port {:verify false}))
       (ev/write s word)
       (:shutdown s true)
       (protect (ev/read s 1)))
     (each word words (client word))
     (ev/sleep 0.05)
     (os/exit 0)))

(defn run-program [& words]
  (process/run-code (string/format "(def words %j)" (array ;words))
                    ;(map |(string/format "%j" $) (drop 1 program))))

(test "without :on-error and supervisor, what peers cause is silent"
  (is= "" (run-program "hello" "hello")))

(test "the program's errors are printed as core prints them"
  (def printed (run-program "hello" "fault"))
  (is (string/has-prefix? "error: a fault of the program\n" printed) printed)
  (is= 1 (length (string/find-all "error:" printed)) printed))

(end)

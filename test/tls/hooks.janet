# Functions of the program that jsec calls have core's dynamic bindings: a pattern without a grammar
# of its own knows :d, as elsewhere.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/dtls)
(import jsec/tls)

(defn- matches? [] (= ["12"] (tuple ;(peg/match '(<- (some :d)) "12"))))

(defn- hook
  "A function that notes whether a pattern works, and returns `value`."
  [seen name value]
  (fn [&] (ev/give seen [name (protect (matches?))]) value))

(each version [:TLS1_2 :TLS1_3]
  (test (string "patterns work in the functions of a handshake (" version ")")
    (def seen (ev/chan 100))
    (with [listener (tls/listen "127.0.0.1" 0)]
      (def [host port] (address-of listener))
      (def hooks {:on-hello (hook seen :on-hello true) :ocsp-response (hook seen :staple nil)
                  :max-version version})
      (ev/go (fn []
               (tls/accept-loop listener (merge server-options hooks) (fn [s] (:write s "x"))
                                {:on-error (hook seen :on-error nil)})))
      (def options (merge client-options {:on-verify (hook seen :on-verify nil) :ocsp true
                                          :on-session (hook seen :on-session nil)}))
      (with [s (tls/connect host port options)] (:read s 1))
      (def found (tabseq [_ :range [0 4] :let [[name result] (ev/take seen)]] name result))
      (is= [[true true] [true true] [true true] [true true]]
           (tuple ;(map found [:on-hello :staple :on-verify :on-session])))
      (def plain (plain-connect "127.0.0.1" port))
      (:write plain "no TLS\r\n")
      (is= [:on-error [true true]] (ev/take seen))
      (:close plain))))

(test "patterns work in a DTLS server's :on-error"
  (def seen (ev/chan 10))
  (with [server (dtls/listen "127.0.0.1" 0 (merge identity {:on-error (hook seen :on-error nil)}))]
    (def [host port] (dtls/localname server))
    (def client (spawn (dtls/connect host port {:ca (identity :cert) :hostname "a.example"
                                                :timeout 5})))
    (ev/go (fn [] (protect (dtls/recv-from server 100 @""))))
    (is= [:on-error [true true]] (ev/take seen))
    (await client)))

(end)

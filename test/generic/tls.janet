# ev/read and its like on TLS streams: in code compiled before jsec was loaded, and in the same code
# compiled after.
(import ../support/check :prefix "")
(import ../support/generic-before :as before)
(import ../support/pairs :prefix "")
(import jsec/tls)

# the same file a second time: all of it compiled now
(def after (dofile "test/support/generic-before.janet"))

(def uses ["roundtrip" "half-close" "settings" "closing" "parked" "gathered"])

(each what uses
  (var expected nil)
  (each [when-compiled f] [["before" (dyn (symbol "before/" what))] ["after" (after (symbol what))]]
    (each kind [;core-kinds ;tls-kinds]
      (test (string what " by core's functions is the same, compiled " when-compiled " (" kind ")")
        (def result (run-on kind (f :value) nil nil))
        (if (= kind :tcp) (set expected result))
        (is= expected result)))))

(each [when-compiled names] [["before" before/names] ["after" (get-in after ['names :value])]]
  (test (string "names of TLS streams are returned, compiled " when-compiled)
    (run-on :tls13
      (fn [a b]
        (def [there here] (names a))
        (is= [here there] (names b))
        (is= "127.0.0.1" (first here)))
      nil nil)))

(each [when-compiled echo ask] [["before" before/echo before/ask]
                                ["after" (get-in after ['echo :value])
                                 (get-in after ['ask :value])]]
  (test (string "a server and a client without code for TLS use it, compiled " when-compiled)
    (with [listener (tls/listen "127.0.0.1" 0)]
      (def [host port] (address-of listener))
      (spawn (tls/accept-loop listener server-options echo))
      (each text ["a" (string/repeat "long" 30000)]
        (is= [(buffer text) nil] (ask (tls/connect host port client-options) text))))))

(test "functions kept as values take TLS streams"
  (each values [before/values (get-in after ['values :value])]
    (run-on :tls12
      (fn [a b]
        (is= nil ((values :write) a "x"))
        (is= @"x" ((values :read) b 10))
        (is (= a ((values :close) a))))
      nil nil)))

(test "core's own streams behave as before"
  (def [a b] (core-pair))
  (is= [@"hello" @"<hello" @" yourself" "timeout"] (before/roundtrip a b))
  (each s [a b] (ev/close s)))

(test "a value that is no stream is refused with core's text"
  (each x [5 "x" nil @{} (ev/chan)]
    (is (string/has-prefix? "bad slot #0, expected core/stream, got "
                            (last (outcome (ev/read x 1)))))
    (is (string/has-prefix? "bad slot #0, expected core/stream, got "
                            (last (outcome (net/close x)))))))

(test "core's functions without a meaning for TLS raise"
  (run-on :tls13
    (fn [a b]
      (each f [|(net/send-to $ nil "x") |(net/recv-from $ 1 @"") |(net/accept $)
               |(net/accept-loop $ (fn [s]))]
        (is= :error (first (outcome (f a))))))
    nil nil))

(end)

# ev/read and its like, once jsec is loaded: other streams answer themselves, and for the rest core
# is as it was.
(import ../support/check :prefix "")
(import ../support/fake)
(import ../support/process :prefix "")

(def native-env (require "jsec/native"))

# ---- core is as it was ----

# Evaluated in a process with the module and in one without: what they print must not differ.
(def core-only ``
  (defn shown [x] (if (abstract? x) (type x) (if (cfunction? x) (string x) x)))
  (defmacro say [& forms]
    (defn line [f] ~(printf "%s: %q" ,(string/format "%q" f) (map shown (protect ,f))))
    ~(do ,;(map line forms)))
  (def file (file/temp))
  (def channel (ev/chan))
  (def tab @{:read (fn [& xs] xs) :close (fn [& xs] xs)})
  (each f [ev/read ev/write ev/chunk ev/close net/accept net/accept-loop net/read net/write
           net/chunk net/close net/flush
           net/peername net/localname net/shutdown net/setsockopt net/send-to net/recv-from]
    (prin (if (cfunction? f) f :net/close) " ")
    (say (f) (f nil) (f nil 1) (f nil 1 2) (f nil 1 2 3) (f nil 1 2 3 4)
         (f 12 1) (f "text" 1) (f @"" 1) (f :key 1) (f [] 1) (f {} 1) (f tab 1) (f tab)
         (f file) (f file 1)
         (f file "x") (f channel) (f channel 1) (f file 1 2) (f file 1 2 3)))
  (def server (net/listen "127.0.0.1" "0"))
  (def [host port] (net/localname server))
  (def client (net/connect host port))
  (def peer (net/accept server))
  (say (ev/write client "hello") (ev/read peer 10) (net/write client @"chunked") (net/chunk peer 7)
       (ev/write client "more") (ev/chunk peer 2) (net/read peer 10 @"XX") (net/flush client)
       (net/setsockopt client :so-keepalive true) (net/setsockopt client :nonsense true)
       (ev/read peer -1) (ev/read peer 1 "text") (ev/read peer 1 nil 0.001) (ev/write peer 12)
       (= port ((net/peername client) 1)) (= port ((net/localname peer) 1))
       (net/recv-from peer 1 @"") (net/send-to peer 1 "x") (net/shutdown client :x)
       (= client (net/shutdown client :w)) (ev/read peer 1)
       (= client (ev/close client)) (ev/read client 1)
       (= peer (net/close peer)) (net/peername peer) (net/close server))
  (def udp (net/listen "127.0.0.1" "0" :datagram))
  (def from (net/listen "127.0.0.1" "0" :datagram))
  # core reads the fourth argument in any case
  (def address (net/address "127.0.0.1" ((net/localname udp) 1) :datagram false))
  (say (type (net/send-to from address "gram")) (type (net/recv-from udp 10 @"" 5)))
  (def [r w] (os/pipe))
  (say (ev/write w "piped") (ev/read r 5) (ev/close w) (ev/read r :all) (net/read r 1))
  (def trace @"")
  (def f (fiber/new (fn [] (ev/read nil 1)) :e))
  (resume f)
  (with-dyns [*err* trace] (debug/stacktrace f "" ""))
  (print (first (peg/match '(<- (thru "in ev/read")) trace)))
  ``)

(defn- lines
  "Of what core-only printed, addresses left out."
  [text]
  (string/split "\n" (peg/replace-all '(* " 0x" :h+) "" text)))

(test "core's streams, and values that are none, give the same results, errors and texts"
  (def without (run-code core-only))
  (def loaded (run-code "(require \"jsec/native\")" core-only))
  (is (string/has-suffix? "in ev/read\n" without) "it goes to its end, a stack trace")
  (each [expected actual] (map tuple (lines without) (lines loaded)) (is= expected actual))
  (is= (length (lines without)) (length (lines loaded))))

(test "the functions print as core's do"
  (is= "<cfunction ev/read>" (string/format "%v" ev/read))
  (is= "<cfunction net/recv-from>" (string/format "%v" net/recv-from)))

(test "documentation stays core's, with the addition"
  (def text ((dyn 'ev/read) :doc))
  (is (string/has-prefix? "(ev/read stream n &opt buffer timeout)" text))
  (is (string/find "end-of-stream" text))
  (is (string/find "With jsec loaded" text)))

# ---- other streams ----

(if-not fake/stream
  (skip "other streams answer themselves" "no C compiler or no janet.h")
  (do
    (def s (fake/stream))

    (test "each function gives the call to the method of its name, with all arguments"
      (is= [:read 1 @"" 2] (ev/read s 1 @"" 2))
      (is= [:write "x" 2] (ev/write s "x" 2))
      (is= [:chunk 3 nil 1] (ev/chunk s 3 nil 1))
      (is= [:close] (ev/close s))
      (is= [:read :all] (net/read s :all))
      (is= [:write @"x"] (net/write s @"x"))
      (is= [:chunk 3] (net/chunk s 3))
      (is= [:close] (net/close s))
      (is= [:peername] (net/peername s))
      (is= [:localname] (net/localname s))
      (is= [:shutdown :w] (net/shutdown s :w))
      (is= [:setsockopt :so-keepalive true] (net/setsockopt s :so-keepalive true))
      (is= [:send-to "address" "data"] (net/send-to s "address" "data"))
      (is= [:recv-from 10 @""] (net/recv-from s 10 @"")))

    (test "arguments that core would refuse reach the method, which knows its own"
      (is= [:close :now] (ev/close s :now))
      (is= [:read] (ev/read s)))

    (test "a value without such a method, or with one that can't be called, gets core's error"
      (fails-with "bad slot #0, expected core/stream, got <fake/stream" (net/flush s)))

    (test "methods park their fiber while others run"
      (def order @[])
      (def done (ev/chan))
      (ev/spawn (array/push order (ev/read s 1)) (ev/give done true))
      (ev/spawn (array/push order :other) (ev/give done true))
      (repeat 2 (ev/take done))
      (is= @[:other [:read 1]] order))

    (test "they can be called through map, apply and pipelines of functions"
      (is= @[[:write 1] [:write 2]] (map ev/write [s s] [1 2]))
      (is= [:chunk 2] (apply ev/chunk s [2])))))

# ---- loading ----

(test "the module exports the functions, and core's names are bound to the same"
  (each [name f] [['generic/ev-read ev/read] ['generic/ev-close ev/close]
                  ['generic/net-send-to net/send-to]]
    (is= f (get-in native-env [name :value]) name)))

(defn- unchanged
  ``Whether a thunk leaves ev/read as it was. The value waits in a channel, where a swap would not
  reach it.``
  [thunk]
  (def channel (ev/chan 1))
  (ev/give channel ev/read)
  (thunk)
  (= (ev/take channel) ev/read (get-in root-env ['ev/read :value])))

(test "loading it again wraps no function twice"
  (def text ((dyn 'ev/read) :doc))
  (is (unchanged (fn [] (require "jsec/native" :fresh true))))
  (is= text ((dyn 'ev/read) :doc)))

(test "a second copy of the library, loaded from another path, wraps no function again"
  (def copy (string (tmpdir) "/native.so"))
  (spit copy (slurp (native-env :native)))
  (is (unchanged (fn [] (is= ev/read (get-in (native copy) ['generic/ev-read :value])))))
  (fails-with "bad slot #0, expected core/stream" (ev/read nil 1)))

(test "what the user has bound in core's place stays"
  (run-code ``
    (def mine (fn [& xs] :mine))
    (put-in root-env ['ev/read :value] mine)
    (require "jsec/native")
    (unless (and (= mine (get-in root-env ['ev/read :value]))
                 (= "<cfunction ev/write>" (string ev/write)))
      (os/exit 1))
    ``))

(end)

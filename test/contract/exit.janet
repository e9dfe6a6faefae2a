# The end of a process with calls of all kinds pending: row 32 of docs/stream-contract.md.
(import ../support/check :prefix "")
(import jsec/tls)

(def prelude `(import ./test/support/pairs :prefix "") (import jsec/tls) `)

(defn run
  ``Run code in a fresh janet: its exit status, what it printed, the seconds it took after it said
  `ready`.``
  [code]
  (def out (string (tmpdir) "/out"))
  (def status
    (with [f (file/open out :w)]
      (os/execute ["janet" "-e" (string prelude code)] :p {:out f :err f})))
  (def text (string (slurp out)))
  (def ready
    (first (or (peg/match '(* (thru "ready ") (number (some (set "0123456789.e+")))) text) [])))
  [status text (if ready (- (os/clock :realtime) ready))])

(def ready `(print "ready " (os/clock :realtime)) (flush) `)

(def pending
  @{"reads"
    `(def [a b] (pair :tls13)) (spawn (:read a 1)) (spawn (:chunk a 10)) (spawn (:read b :all))`
    "timed reads"
    (string `(def [a b] (pair :tls13)) (spawn (:read a 1 nil 100)) (spawn (ev/with-deadline `
            `100 (:read b 1)))`)
    "writes"
    (string `(def [a b] (pair :tls12)) (spawn (:write a (string/repeat "x" 9000000))) (spawn `
            `(:write a (buffer/new-filled 9000000 65)))`)
    "closes" `(def [a b] (pair :tls13 {:close-timeout 100})) (spawn (:close a))`
    "handshakes"
    (string `(def [a b] (core-pair)) (spawn (wrap-client a)) (def [c d] (core-pair)) (def s `
            `(wrap-server c {:handshake false})) (spawn (:handshake s)) (spawn (:read s 1))`)
    "accepts"
    (string `(def l (tls/listen "127.0.0.1" 0)) (spawn (tls/accept l server-options)) (spawn `
            `(tls/accept l server-options 100))`)
    "an accept loop"
    (string `(def l (tls/listen "127.0.0.1" 0)) (spawn (tls/accept-loop l server-options (fn `
            `[s] (:read s 1)))) (turns) (def c (tls/connect ;(address-of l) client-options)) `
            `(def raw (net/connect ;(address-of l)))`)
    "an accept loop at its limit"
    (string `(def l (tls/listen "127.0.0.1" 0)) (spawn (tls/accept-loop l server-options (fn `
            `[s] (:read s 1)) {:max-connections 1})) (turns) (def c (tls/connect ;(address-of `
            `l) client-options)) (def raw (net/connect ;(address-of l)))`)
    "a drain"
    (string `(def l (tls/listen "127.0.0.1" 0)) (spawn (tls/accept-loop l server-options (fn `
            `[s] (:read s 1)))) (turns) (def c (tls/connect ;(address-of l) client-options)) `
            `(turns) (spawn (tls/drain l 100))`)
    "a connect"
    `(def l (net/listen "127.0.0.1" 0)) (spawn (tls/connect ;(address-of l) client-options))`
    "a resolution" `(spawn (tls/connect "no.such.name.invalid" 443))`
    "work on a thread" `(import jsec/crypto) (spawn (crypto/pbkdf2 :sha256 "pw" "salt" 100000 32))`
    "work that is done"
    `(import jsec/crypto) (spawn (crypto/scrypt "pw" "salt" 32 {:n 1024})) (ev/sleep 0) (spin 0.3)`
    "bytes given back"
    (string `(def [a b] (pair :tls13)) (:write a "abc") (try (:chunk b 5 nil 0.01) ([_])) `
            `(spawn (:read a 1))`)
    "results on their way" `(def [a b] (pair :tls13)) (spawn (:read b 1)) (turns) (:write a "abc")`
    "streams that were dropped" `(repeat 20 (pair :tls13)) (pair :tls13 {:handshake-timeout 1})`})

(eachp [what code] pending
  (each [how exit] [["os/exit" `(turns) (os/exit 0)`]
                    # each is a process: slow ones are started half as often
                    ;(if (os/getenv "JSEC_SLOW")
                       []
                       [["os/exit with no turn of the loop" `(os/exit 0)`]])]
    (test (string how " with " what " pending is clean")
      (def [status text took] (run (string code ready exit)))
      (is= 0 status text)
      (is= 1 (length (string/find-all "\n" text)) text)
      (if (nil? (os/getenv "JSEC_SLOW")) (is (< took 1) text)))))

(test "a process ends when nothing is pending any more"
  (def [status text took]
    (run (string `(def [a b] (pair :tls13)) (def [c d] (pair :tls12)) (:write a "x") (:read b 1) `
                 ready)))
  (is= 0 status text)
  (if (nil? (os/getenv "JSEC_SLOW")) (is (< took 1))))

(test "a process ends when a peer that does not close has been given :close-timeout"
  (def started (os/clock :monotonic))
  (def [status text]
    (run (string `(def [a b] (pair :tls13 {:close-timeout 0.3})) (:write a "x") (:close a) `
                 `(print "closed")`)))
  (is= [0 "closed\n"] [status text])
  (if (nil? (os/getenv "JSEC_SLOW")) (is (<= 0.3 (- (os/clock :monotonic) started) 2))))

(test "a process ends when the last pending call has"
  (def [status text]
    (run (string `(def [a b] (pair :tls13)) (ev/go (fn [] (:read b 1) (print "read"))) (ev/go `
                 `(fn [] (ev/sleep 0.05) (:write a "x")))`)))
  (is= [0 "read\n"] [status text]))

(test "an accept loop keeps its process until its listener is closed"
  (def [status text]
    (run (string `(def l (tls/listen "127.0.0.1" 0)) (ev/go (fn [] (tls/accept-loop l `
                 `server-options (fn [s])) (print "over"))) (ev/go (fn [] (ev/sleep 0.05) `
                 `(:close l)))`)))
  (is= [0 "over\n"] [status text]))

(test "a forked child that ends leaves its parent's connections as they were"
  (each kind [:tls13 :tls12]
    (def [status text]
      (run (string `(def [a b] (pair ` (string/format "%q" kind) `)) (def child (os/posix-fork)) `
                   `(unless child (os/exit 0)) (os/proc-wait child) (ev/go (fn [] (ev/sleep 0.05) `
                   `(:write a "x"))) (print (:read b 1 nil 10)) (os/exit 0)`)))
    (is= [0 "x\n"] [status text])))

(end)

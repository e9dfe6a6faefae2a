# The harness and the runner themselves: failures are seen, whatever shape they have.
(import ../support/check :prefix "")

(def janet (dyn *executable*))

(defn run
  "Run `command`, give its exit status and all it printed."
  [& command]
  (def log (string (tmpdir) "/log"))
  (def code (with [out (file/open log :w)]
              (os/execute command :p {:out out :err out})))
  [code (slurp log)])

(defn file-with
  "A test file with this text, harness imported."
  [text]
  (def dir (tmpdir))
  (os/mkdir (string dir "/support"))
  (spit (string dir "/support/check.janet") (slurp "test/support/check.janet"))
  (def path (string dir "/sample.janet"))
  (spit path (string "(import ./support/check :prefix \"\")\n" text))
  path)

(defn run-file [text] (run janet "test/run.janet" (file-with text)))

(test "facts that hold pass"
  (def [code text]
    (run-file
      (string `(test "a" (is= @{:x [1]} @{:x [1]}) (is 1)) (test "b" (fails-with "bo" (error `
              `"boom"))) (end)`)))
  (is= 0 code text)
  (is (string/has-suffix? "\n2 passed, 0 failed\n" text) text))

(test "a fact that fails is shown, and the rest goes on"
  (def [code text] (run-file `(test "a" (is= 1 2)) (test "b") (end)`))
  (is= 1 code text)
  (is (string/find "not ok - a\n    # error: expected 1\n    # got      2" text) text)
  (is (string/has-suffix? "\n1 passed, 1 failed\n" text) text))

(test "an expected error that is absent, or another, fails"
  (fails-with "expected an error with \"x\"\ngot the value 3" (fails-with "x" 3))
  (fails-with "got the error \"y\"" (fails-with "x" (error "y")))
  (is= "code 12" (fails-with ~(* "code " (some :d) -1) (error "code 12"))))

(test "a fact that hangs fails at its deadline"
  (def [code text] (run-file `(test "a" :deadline 0.01 (ev/take (ev/chan))) (test "b") (end)`))
  (is= 1 code text)
  (is (string/find "error: deadline expired" text) text)
  (is (string/has-suffix? "\n1 passed, 1 failed\n" text) text))

(each [what text shown]
  [["raises outside of a fact" `(test "a") (error "x") (end)` "exit status 1"]
   ["exits early" `(test "a") (os/exit 0)` "ended without (end)"]
   ["states nothing" `(end)` "printed no result"]
   ["crashes" `(test "a") (os/execute ["sh" "-c" "kill -KILL $PPID"] :p)` "ended by signal 9"]]
  (test (string "a file that " what " counts as a failure")
    (def [code text] (run-file text))
    (is= 1 code text)
    (is (string/find shown text) text)
    (is (string/find ", 1 failed" text) text)))

(peer-test "ps" "a file that runs too long is stopped with all it started"
  (def pidfile (string (tmpdir) "/pid"))
  (def limit (or (os/getenv "JSEC_SLOW") "1"))
  (def before (os/getenv "JSEC_TIMEOUT"))
  (os/setenv "JSEC_TIMEOUT" limit)
  (defer (os/setenv "JSEC_TIMEOUT" before)
    (def [code text]
      (run-file
        (string/format `(os/spawn ["sh" "-c" "echo $$ >%s; exec sleep 100"] :p) (ev/sleep 100)`
                       pidfile)))
    (is= 1 code text)
    (is (string/find (string "still running after " limit " s") text) text))
  (def [_ state] (run "ps" "-o" "stat=" "-p" (string/trim (slurp pidfile))))
  (is (or (empty? state) (string/has-prefix? "Z" state)) state))

(test "an absent program skips its fact, unless peers are required"
  (def text `(peer-test "no-such-program" "a" (error "ran")) (peer-test ["sh" "cat"] "b") (end)`)
  (def required (os/getenv "JSEC_REQUIRE_PEERS"))
  (defer (os/setenv "JSEC_REQUIRE_PEERS" required)
    (os/setenv "JSEC_REQUIRE_PEERS" nil)
    (is (string/has-suffix? "\n1 passed, 0 failed, 1 skipped\n" (get (run-file text) 1)))
    (os/setenv "JSEC_REQUIRE_PEERS" "1")
    (is (string/has-suffix? "\n1 passed, 1 failed\n" (get (run-file text) 1)))))

(test "no collection comes while a plain connection is made, and they come again after it"
  (def usual (gcinterval))
  (with [listener (net/listen "127.0.0.1" "0")]
    (def port (string ((net/localname listener) 1)))
    (def streams (ev/chan 10))
    (repeat 10 (ev/go (fn [] (ev/give streams (plain-connect "127.0.0.1" port)))))
    (ev/sleep 0)
    (repeat 10 (ev/close (ev/take streams))))
  (is= usual (gcinterval))
  (ev/go (fn [] (protect (plain-connect "127.0.0.1" "1"))))
  (def during (ev/chan 1))
  (ev/go (fn [] (ev/give during (gcinterval))))
  (is= 0xffffffff (ev/take during)))

(end)

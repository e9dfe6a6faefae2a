# Code that was compiled before jsec was loaded takes other streams too, however it holds core's
# function.
(import ../support/check :prefix "")
(import ../support/compile :prefix "")
(import ../support/early)
(import ../support/fake)
(import ../support/process :prefix "")

# An error ends these, so they can't be asked before.
(def once [:suspended-fiber :parked-task])

(def before
  (if fake/stream
    (tabseq [[name f] :pairs early/held :unless (index-of name once)]
      name (get (protect (f (fake/stream))) 1))))

(def start (os/clock :monotonic))
(require "jsec/native")
(def elapsed (- (os/clock :monotonic) start))
(printf "# jsec/native loaded in %.2f ms" (* 1e3 elapsed))

(if-not fake/stream
  (skip "code compiled earlier" "no C compiler or no janet.h")
  (do
    (test "core refuses the stream before the module is loaded, so that these tests mean something"
      (eachp [name message] before
        (is (string/has-prefix? "bad slot #0, expected core/stream" message) name)))

    (each [name f] (sort (pairs early/held))
      (test (string/format "core functions held by %v are extended" name)
        (is= [:read 7] (f (fake/stream)))))

    (test "a call in the very form that loads the module is extended"
      (def source "(do (require \"jsec/native\") (ev/read (x) 7))")
      (def env (make-env))
      (put env 'x @{:value fake/stream})
      (is= [:read 7] (eval (parse source) env)))

    (test "tuples nested a hundred thousand deep are extended to the innermost"
      (is= "100000 true\n"
           (run-code
             (string "(var chain nil) (repeat 100000 (set chain [ev/read chain])) (def table "
                     "@{:chain chain})")
             "(require \"jsec/native\")"
             "(var [depth extended] [0 true]) (set chain (table :chain))"
             (string "(while chain (++ depth) (unless (= ev/read (chain 0)) (set extended "
                     "false)) (set chain (chain 1)))")
             "(print depth \" \" extended)")))

    (test "the self-test finds a heap that is laid out in another way, and rebinding is off then"
      (def module (compile-native "other-heap"))
      (defn on? [other]
        (os/setenv "OTHER" other)
        (string/trim (run-code (string/format "(print ((((native %j) 'on?) :value)))" module))))
      (is= "true" (on? "nothing"))
      (each other ["weak" "channel" "tag" "list"] (is= "false" (on? other) other)))

    (test "with JSEC_NO_REBIND=1 only code that is compiled later is extended, and net/close"
      (def path (string (tmpdir) "/no-rebind.janet"))
      (spit path
            ``
            (def early (fn [s] (ev/read s 7)))
            (def table @{ev/read ev/read})
            (import jsec/tls)
            (def stream ((((native (os/getenv "FAKE")) 'stream) :value)))
            (pp (get (protect (early stream)) 0))
            (pp (= ev/read (get table ev/read)))
            (pp ((eval '(fn [s] (ev/read s 7))) stream))
            (pp (net/close stream))
            (pp ((tls/features) :rebinding))
            ``)
      (def environment (merge (os/environ) {"FAKE" fake/path}))
      (defn run [setting]
        (def out (string (tmpdir) "/out"))
        (with [file (file/open out :w)]
          (os/execute ["janet" path] :pe
                      (merge environment {"JSEC_NO_REBIND" setting :out file :err file})))
        (string/split "\n" (string/trim (slurp out))))
      (is= @["false" "false" "(:read 7)" "(:close)" "false"] (run "1"))
      (is= @["true" "true" "(:read 7)" "(:close)" "true"] (run "0"))
      (is= @["true" "true" "(:read 7)" "(:close)" "true"] (run "")))

    (test "net/close, which core has written in Janet, closes other streams"
      (is= [:close] (net/close (fake/stream))))

    (early/finish)))

(end)

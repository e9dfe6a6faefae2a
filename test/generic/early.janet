# Code that was compiled before jsec was loaded takes other streams too, however it holds core's function.
(import ../support/check :prefix "")
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
      (test (string/format "what is held by %v is extended" name)
        (is= [:read 7] (f (fake/stream)))))

    (test "a call in the very form that loads the module is extended"
      (def source "(do (require \"jsec/native\") (ev/read (x) 7))")
      (def env (make-env))
      (put env 'x @{:value fake/stream})
      (is= [:read 7] (eval (parse source) env)))

    (test "tuples nested a hundred thousand deep are no danger"
      (is= "true\n"
           (run-code "(var chain nil) (repeat 100000 (set chain [ev/read chain])) (def table @{:chain chain})"
                     "(require \"jsec/native\")"
                     "(print (= ev/read (get-in table [:chain 0]) (get-in table [:chain 1 0])))")))

    (test "net/close, which core has written in Janet, closes other streams"
      (is= [:close] (net/close (fake/stream))))

    (early/finish)))

(end)

# Every example runs to its end.
(import ../support/check :prefix "")

(def devnull (file/open "/dev/null"))

(each name (sorted (filter |(string/has-suffix? ".janet" $) (os/dir "examples")))
  (test (string "examples/" name " runs") :deadline 60
    (def log (string (tmpdir) "/log"))
    (def status (with [out (file/open log :w)]
                  (os/execute [(dyn *executable*) (string "examples/" name)] :p
                              {:in devnull :out out :err out})))
    (is= 0 status (slurp log))
    (is (not (empty? (slurp log))) "an example shows something")
    (is (not (string/find "O=Test" (slurp log))) "an example shows the subject of tests")))

(end)

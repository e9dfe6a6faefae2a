# What `.ci/run` says and returns, with a make that only prints.
(import ../support/check :prefix "")
(import ../support/commands :prefix "")

(defn- ci
  "Run stages of a copy of `.ci/run` with this script for make; [status output]."
  [script & stages]
  (def dir (tmpdir))
  (each folder [".ci" "bin"] (os/mkdir (string dir "/" folder)))
  (spit (string dir "/.ci/run") (slurp ".ci/run"))
  (spit (string dir "/bin/make") (string "#!/bin/sh\n" script "\n"))
  (os/chmod (string dir "/bin/make") 8r755)
  (def env (merge (os/environ) {"PATH" (string dir "/bin:" (os/getenv "PATH"))}))
  (def [status output] (run dir env (find-tool "bash") ".ci/run" ;stages))
  [status (string/split "\n" (string/trim output))])

(defn- sum-of [[status lines]] [status (last lines)])

(peer-test "bash" "stages that pass are summed up, and the status is 0"
  (is= [0 "12 passed, 0 failed"] (sum-of (ci `echo "6 passed, 0 failed"` "test" "asan"))))

(peer-test "bash" "skipped facts are counted"
  (is= [0 "5 passed, 0 failed, 2 skipped"] (sum-of (ci `echo "5 passed, 0 failed, 2 skipped"`
                                                        "test"))))

(peer-test "bash" "a failed fact makes the status 1"
  (is= [1 "6 passed, 2 failed"] (sum-of (ci `echo "6 passed, 2 failed"; exit 1` "test"))))

(peer-test "bash" "a stage that fails without a sum counts as one failure"
  (is= [1 "0 passed, 1 failed"] (sum-of (ci "exit 2" "lint"))))

(peer-test "bash" "a stage that fails although its sum has no failure counts as one failure"
  (is= [1 "6 passed, 1 failed"] (sum-of (ci `echo "6 passed, 0 failed"; exit 1` "test"))))

(peer-test "bash" "stages after one that failed run all the same"
  (is= [1 "4 passed, 1 failed"]
       (sum-of (ci `[ "$1" = lint ] && exit 2; echo "4 passed, 0 failed"` "test" "lint"))))

(peer-test "bash" "only the named stages run, and each says how it ended"
  (def [_ lines] (ci `echo "make $*"` "tsan" "lint"))
  (is= ["== lint" "make lint" "== lint: exit status 0 after N s"
        "== tsan" "make tsan" "== tsan: exit status 0 after N s" "0 passed, 0 failed"]
       (tuple ;(map |(string (peg/replace-all '(* "after " :d+) "after N" $)) lines))))

(peer-test "bash" "without a name all stages run, in the order of `.ci/run help`"
  (def [_ table] (ci "" "help"))
  (def names (map |(first (string/split " " $)) table))
  (def [status lines] (ci "exit 0"))
  (def ran (keep |(first (peg/match '(* "== " (<- (some (+ :a :d "-"))) -1) $)) lines))
  (is= [0 names] [status ran]))

(peer-test "bash" "an unknown stage is refused before any stage runs"
  (def [status lines] (ci "echo ran" "test" "nonsense"))
  (is= 2 status)
  (is= 1 (length lines))
  (is (string/has-prefix? ".ci/run: no stage \"nonsense\": choose from " (first lines))))

(end)

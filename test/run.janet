# Runs test files, each a process of its own, two (nproc) at a time: janet test/run.janet FILE...
# A file is a .janet script or a program. Shows what failing ones printed, and ends with `N passed,
# M failed`.
#   JSEC_WRAPPER   words put before each command (valgrind …)
#   JSEC_TIMEOUT   seconds that one file may take, 180 by default
#   JSEC_JOBS      files at a time
(import ./support/check)

(def- timeout (os/getenv "JSEC_TIMEOUT" "180"))
(def- wrapper (filter next (string/split " " (os/getenv "JSEC_WRAPPER" ""))))
(def- totals @{:passed 0 :failed 0 :skipped 0})

(defn- count-lines [prefix text]
  (length (filter |(string/has-prefix? prefix $) (string/split "\n" text))))

(defn- describe-exit [code]
  (cond
    (= code 124) (string "still running after " timeout " s")
    (> code 128) (string "ended by signal " (- code 128))
    (string "exit status " code)))

(defn- judge
  ``Add a file's facts to the totals; say what is wrong with it, or nil. A file that died fails
  even if its facts held.``
  [text code]
  (def failed (count-lines "not ok - " text))
  (def trouble
    (cond
      (and (not= 0 code) (or (= 0 failed) (not= 1 code))) (describe-exit code)
      (not (string/find "\n# end" (string "\n" text))) "ended without (end)"
      (= 0 (count-lines "ok - " text) (count-lines "skip - " text) failed) "printed no result"))
  (update totals :passed + (count-lines "ok - " text))
  (update totals :skipped + (count-lines "skip - " text))
  (update totals :failed + failed (if trouble 1 0))
  (or trouble (if (pos? failed) (string failed " failed"))))

(defn- run-file [logs file]
  (def log (string logs "/" (string/replace-all "/" "-" file) ".log"))
  (def command [;wrapper ;(if (string/has-suffix? ".janet" file) [(dyn *executable*)] []) file])
  (def started (os/clock :monotonic))
  # timeout(1) leads a process group of its own and stops all of it, whatever a test started. A
  # shell opens the files: core keeps copies of those that it gives to a child, and hands them on to
  # all children after it.
  (def proc (os/spawn ["sh" "-c" `exec "$@" </dev/null >"$0" 2>&1` log "timeout" "-k" "5" timeout
                       ;command] :p))
  (def [code pid] [(os/proc-wait proc) (proc :pid)])
  (os/execute ["sh" "-c" "kill -KILL -- -$0 2>/dev/null" (string pid)] :p)
  (def text (slurp log))
  (def trouble (judge text code))
  (print (if trouble "FAIL " "pass ") file
         (string/format " (%.1f s)" (- (os/clock :monotonic) started))
         (if trouble ": ") trouble)
  (each line (string/split "\n" (string/trimr text))
    (if (or trouble (string/has-prefix? "skip - " line)) (print "    " line)))
  (flush)
  text)

(defn- run-files
  "Run them all, `jobs` at a time, and return what they printed."
  [jobs files]
  (def logs (check/tmpdir))
  (def queue (reverse files))
  (def outputs @[])
  # what tests leave in their temporary folders goes with ours
  (os/setenv "TMPDIR" logs)
  (def done (ev/chan))
  (repeat jobs
    (ev/go (fn [] (while (def file (array/pop queue)) (array/push outputs (run-file logs file))))
           nil done))
  (repeat jobs
    (def [outcome fiber] (ev/take done))
    (if (= :error outcome) (propagate (fiber/last-value fiber) fiber)))
  (check/rm-rf logs)
  outputs)

(defn main [_ & files]
  (def outputs (run-files (scan-number (os/getenv "JSEC_JOBS" (string (os/cpu-count 2)))) files))
  (if (some |(string/find "is not installed\n" $) outputs)
    (print
      "Programs that some tests need are absent: tools/test-deps installs them all (as root)."))
  (print (totals :passed) " passed, " (totals :failed) " failed"
         (if (pos? (totals :skipped)) (string ", " (totals :skipped) " skipped") ""))
  (os/exit (min 1 (totals :failed))))

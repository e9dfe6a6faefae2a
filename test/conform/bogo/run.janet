# `janet run.janet RUNNER [PATTERN]`: run BoringSSL's tests on jsec. RUNNER is the folder
# ssl/test/runner of BoringSSL's sources, with runner.test in it (made by `go test -c`), or that
# program. The last line counts; failures come before it. A pattern, as for the runner's -test,
# chooses tests, those of config.json among them.

(def- here (string (os/cwd) "/test/conform/bogo/"))

(defn- program-of [path] (if (= :directory (os/stat path :mode)) (string path "/runner.test") path))

(defn- folder-of [path] (string/slice path 0 (last (string/find-all "/" path))))

(defn- command [program pattern]
  [program "-shim-path" (string here "shim.janet") "-shim-config" (string here "config.json")
   # unimplemented is what jsec does not have; error texts are jsec's own, the alerts that the peer
   # sees are compared
   "-pipe" "-allow-unimplemented" "-loose-errors" "-idle-timeout" "10s"
   ;(if pattern ["-include-disabled" "-test" pattern] [])])

(def- counts @{"PASSED" 0 "FAILED" 0 "UNIMPLEMENTED" 0})
(var- failed "Whether the lines that come belong to a failure." false)

(defn- take-line [line]
  (def kind (first (peg/match '(* (<- :w+) " (") line)))
  (if (counts kind) (update counts kind inc))
  (if (or kind (string/has-prefix? "PASS" line) (string/has-prefix? "Some tests failed" line))
    (set failed (= kind "FAILED")))
  (if (and failed (not (empty? line))) (print line)))

(defn main [_ & [path pattern]]
  (unless (and path (os/stat (program-of path)))
    (eprint "RUNNER=path is missing: see docs/conformance.md")
    (os/exit 2))
  (def program (os/realpath (program-of path)))
  (def runner (os/spawn (command program pattern) :p {:out :pipe :cd (folder-of program)}))
  (def rest @"")
  (while (ev/read (runner :out) 65536 rest)
    (def lines (string/split "\n" (string rest)))
    (buffer/clear rest)
    (buffer/push rest (last lines))
    (each line (slice lines 0 -2) (take-line line)))
  (os/proc-wait runner)
  (print (counts "PASSED") " passed, " (counts "FAILED") " failed; " (counts "UNIMPLEMENTED")
         " ask for what jsec does not have")
  (os/exit (if (and (= 0 (counts "FAILED")) (pos? (counts "PASSED"))) 0 1)))

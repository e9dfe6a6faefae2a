# Runs public programs over TCP and over TLS: usage: run.janet DIR, a folder with checkouts. It
# prints a table for docs/conformance.md, and fails when a program works over TCP alone.
(import ../support/spork)

(def root (os/cwd))
(def one (string root "/test/programs/one.janet"))

(def programs
  "Title, checkout, script with arguments. A script named suite runs the project's own tests."
  [["Janet: test/suite-net" "janet" ["suite" "/test/suite-net"]]
   ["Janet: test/suite-ev" "janet" ["suite" "/test/suite-ev"]]
   ["spork: test/suite-http" "spork" ["suite" "/test/suite-http"]]
   ["spork: test/suite-rpc" "spork" ["suite" "/test/suite-rpc"]]
   ["spork: test/suite-netrepl" "spork" ["suite" "/test/suite-netrepl"]]
   ["spork: test/suite-msg" "spork" ["suite" "/test/suite-msg"]]
   ["spork: http with tls/stream-factory" "spork" ["factory"]]
   ["spork: the lines of README.md" "spork" ["readme"]]
   ["brandonchartier/janet-irc-client" "janet-irc-client" ["irc"]]
   ["bakpakin/x43bot (IRC)" "x43bot" ["x43bot"]]
   ["joy-framework/halo2 (HTTP)" "halo2" ["halo2"]]
   ["pepe/chidi (HTTP)" "chidi" ["chidi"]]
   ["sogaiu/janet-bencode" "janet-bencode" ["bencode"]]
   ["pyrmont/grapple (REPL): test/integration" "grapple" ["suite" "/test/integration"]]])

# Some have no end over TCP to compare with, or no connections that a test suite's process counts.
(def over-tls-alone {"readme" true})
(def uncounted {"/test/suite-net" true "/test/suite-msg" true "readme" true})

# ---- modules that the programs import ----

(defn- make-modules
  "A folder for JANET_PATH: jsec, spork and what the others import."
  [folder checkouts]
  (os/symlink (string root "/build/tree/jsec") (string folder "/jsec"))
  (spork/link (string checkouts "/spork") (string folder "/spork"))
  (def queue (string checkouts "/janet-queue/queue.janet"))
  (when (os/stat queue) (os/symlink queue (string folder "/queue.janet"))))

# ---- running ----

(defn- text-of [path] (string (slurp path)))

(defn- run
  "Run a script over TCP or TLS: [fine? output]."
  [folder modules over [script & arguments]]
  (def path (string modules "/output"))
  (def environment (merge (os/environ) {"JANET_PATH" modules "JSEC_OVER" over "JSEC_ROOT" root
                                        "JSEC_FOLDER" modules}
                          (if (uncounted (or (first arguments) script)) {"JSEC_UNCOUNTED" "1"} {})))
  (def status
    (with [out (file/open path :w)]
      (def process (os/spawn ["timeout" "120" "janet" one script ;arguments]
                             :ep (merge environment {:out out :err out :cd folder})))
      (os/proc-wait process)))
  [(zero? status) (text-of path)])

(def- verdict
  (peg/compile ~{:counted (/ (* (number :d+) " of " (number :d+) " tests")
                             ,|(string $0 " of " $1 " tests"))
                 :result (* "# result: " (if-not "\n" '(to "\n")))
                 :testament (/ (* (number :d+) " tests run containing " (number :d+) " assertions")
                               ,|(string $1 " assertions"))
                 :main (any (+ :counted :result :testament 1))}))

(defn- cell [[fine output]]
  (if fine (or (last (peg/match verdict output)) "yes") "fails"))

(defn- commit-of [folder]
  (def process (os/spawn ["git" "-C" folder "log" "-1" "--format=%h"] :p {:out :pipe}))
  (def text (:read (process :out) :all))
  (os/proc-wait process)
  (string/trim (or text "")))

(defn- show-failure [title over [fine output]]
  (unless fine (eprintf "%s over %s:\n%s" title over output)))

(defn- row
  "A line of the table; false as the second value when TLS alone fails."
  [checkouts modules [title name script]]
  (def folder (string checkouts "/" name))
  (def tcp (if (over-tls-alone (first script)) nil (run folder modules "tcp" script)))
  (def tls (run folder modules "tls" script))
  (when tcp (show-failure title "TCP" tcp))
  (show-failure title "TLS" tls)
  (print "| " title " | " (commit-of folder) " | " (if tcp (cell tcp) "–") " | " (cell tls) " |")
  (flush)
  (or (first tls) (and tcp (not (first tcp)))))

(defn main [_ &opt checkouts]
  (unless (and checkouts (= :directory (os/stat checkouts :mode)))
    (eprint "usage: make programs DIR=folder with checkouts of janet, spork and others: see "
            "test/programs/run.janet")
    (os/exit 2))
  (def modules (string root "/build/programs"))
  (os/execute ["rm" "-rf" modules] :p)
  (os/mkdir modules)
  (def path (os/realpath checkouts))
  (make-modules modules path)
  (print "| program | commit | over TCP | over TLS |\n|---|---|---|---|")
  (var failed 0)
  (each program programs
    (if (os/stat (string path "/" (program 1)))
      (unless (row path modules program) (++ failed))
      (print "| " (program 0) " | not there | – | – |")))
  (os/exit (min 1 failed)))

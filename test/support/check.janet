# The harness of the tests. Each file test/FOLDER/*.janet is one process that begins with
#   (import ../support/check :prefix "")
# states facts with `test`, and says `(end)` last; test/run.janet reads the lines it prints.

(defn- env-number [name] (scan-number (os/getenv name "1")))

# How much slower than usual this run is (sanitizers, valgrind), and which share of a load it should
# carry.
(def- slowness (env-number "JSEC_SLOW"))
(def- load-share (env-number "JSEC_LOAD"))

(def- counts @{:passed 0 :failed 0 :skipped 0})
(def- tmpdirs @[])

(defn- report [outcome word & text]
  (update counts outcome inc)
  (print word " - " ;text)
  (flush))

# ---- what a file states ----

(defn- show-failure [err fiber]
  (def trace @"")
  (with-dyns [*err* trace *err-color* false] (debug/stacktrace fiber err ""))
  (each line (string/split "\n" (string/trim trace)) (print "# " line)))

(defn run-test
  "What the macro `test` expands to."
  [fact seconds body]
  (def fiber (fiber/new body :ei))
  (ev/deadline (* slowness seconds) nil fiber)
  (def result (resume fiber))
  (if (= :dead (fiber/status fiber))
    (report :passed "ok" fact)
    (do
      (report :failed "not ok" fact)
      (show-failure result fiber))))

(defmacro test
  ``Run `body` now, in this task, and print `ok - fact`, or `not ok - fact` with the error. `fact`
  is a sentence. If `body` begins with :deadline and a number, that many seconds (more in slow runs)
  replace 30.``
  [fact & body]
  (def [seconds body] (if (= :deadline (first body)) [(body 1) (drop 2 body)] [30 body]))
  ~(,run-test ,fact ,seconds (fn [] ,;body)))

(defn skip
  "Say that a fact isn't tested, and why."
  [fact reason]
  (report :skipped "skip" fact ": " reason))

# ---- assertions ----

(defn- shown
  "A value in a message: whole enough to see, short enough to read."
  [x]
  (def text (string/format "%q" x))
  (if (< (length text) 600) text (string (string/slice text 0 600) "… (" (length text) " bytes)")))

(defmacro is
  "Fail unless `x` is true. Returns it."
  [x &opt note]
  (with-syms [v]
    ~(let [,v ,x]
       (unless ,v (error (string "false: " ,(shown x) ": got " (,shown ,v) ": " ,note)))
       ,v)))

(defn is=
  "Fail unless `actual` is deeply equal to `expected`. Returns `actual`."
  [expected actual &opt note]
  (unless (deep= expected actual)
    (error (string "expected " (shown expected) "\ngot      " (shown actual) (if note "\n") note)))
  actual)

(defn check-failure
  "What the macro `fails-with` expands to."
  [pattern body]
  (def fiber (fiber/new body :ei))
  (def result (resume fiber))
  (unless (= :error (fiber/status fiber))
    (error (string "expected an error with " (shown pattern) "\ngot the value " (shown result))))
  (def message (if (bytes? result) (string result) (shown result)))
  (unless (if (bytes? pattern) (string/find pattern message) (peg/find pattern message))
    # keeps the trace of where it came from, such as a deadline or a typing error in the test
    (propagate (string "expected an error with " (shown pattern) "\ngot the error " (shown message))
               fiber))
  message)

(defmacro fails-with
  ``Fail unless `body` raises an error whose message contains the string, or somewhere matches the
  PEG, `pattern`. Returns the message.``
  [pattern & body]
  ~(,check-failure ,pattern (fn [] ,;body)))

# ---- what tests need ----

# Servers live in folders that are not on every user's PATH.
(os/setenv "PATH" (string (os/getenv "PATH" "/usr/bin:/bin") ":/usr/local/sbin:/usr/sbin:/sbin"))

(defn find-program
  ``The path of an external program, or nil. The path of a file from / on is looked at as it is.``
  [name]
  (if (string/has-prefix? "/" name) (break (if (os/stat name) "/")))
  (find |(os/stat $ :mode)
        (map |(string $ "/" name) (string/split ":" (os/getenv "PATH")))))

(defn may-make-namespaces
  "May this user make network namespaces, and are these programs there too?"
  [& programs]
  (and (all find-program ["unshare" "ip" ;programs])
       (= 0 (os/execute ["unshare" "-n" "true"] :p {:err (file/open "/dev/null" :w)}))))

(defmacro peer-test
  ``A `test` that needs an external program: `(peer-test "curl" "curl accepts our certificate" …)`.
  Without the program the fact is skipped, or fails with JSEC_REQUIRE_PEERS=1. A tuple
  names several programs.``
  [programs fact & body]
  (with-syms [names missing]
    ~(let [,names ,programs
           ,missing (find |(not (,find-program $)) (if (string? ,names) [,names] ,names))]
       (cond
         (nil? ,missing) (test ,fact ,;body)
         (= "1" (os/getenv "JSEC_REQUIRE_PEERS"))
         (test ,fact (error (string ,missing " is not installed")))
         (,skip ,fact (string ,missing " is not installed"))))))

(defn vectors
  "The path of a file of test vectors, or nil where they are absent (skip the fact then)."
  [name]
  (def path (string (os/getenv "JSEC_VECTORS" "../shared/vectors") "/" name))
  (if (os/stat path) path))

(defn load
  "A count of `n` connections, rounds or bytes, scaled down in slow runs; at least 1."
  [n]
  (max 1 (math/ceil (* n load-share))))

(defn rm-rf
  "Remove a file or a folder with all it holds."
  [path]
  (case (os/lstat path :mode)
    nil nil
    :directory (do
                 (each name (os/dir path) (rm-rf (string path "/" name)))
                 (os/rmdir path))
    (os/rm path)))

(defn tmpdir
  ``Make a fresh folder, removed by `end`, and return its path (short enough for unix sockets in
  it).``
  []
  (def name (string/join (map |(string/format "%02x" $) (os/cryptorand 6))))
  (def path (string (os/getenv "TMPDIR" "/tmp") "/jsec-" name))
  (os/mkdir path)
  (array/push tmpdirs path)
  path)

(def- connecting @{:count 0})

(defn plain-connect
  ``Core's net/connect, with no collection meanwhile. The collector of Janet 1.42 finishes a
  connection that it comes upon while it marks (net_callback_connect has no case for that
  event): tasks of the event loop are lost, and used once freed.``
  [host port & kind]
  (if (zero? (connecting :count)) (put connecting :interval (gcinterval)))
  (update connecting :count inc)
  (gcsetinterval 0xffffffff) # the maximum of a 32-bit Janet
  (defer (if (zero? ((update connecting :count dec) :count)) (gcsetinterval (connecting :interval)))
    (net/connect host port ;kind)))

(defn end
  ``The last line of each file: a file that ends without it has failed. Exits with 1 when a fact
  failed.``
  []
  (each path tmpdirs (rm-rf path))
  (print "# end: " (counts :passed) " passed, " (counts :failed) " failed, " (counts :skipped)
         " skipped")
  (flush)
  (os/exit (min 1 (counts :failed))))

# What runs out: descriptors and room on a disk. An error that says so, and all is well again when
# there are some. security-entries.janet has the accept loop without descriptors.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/tls)

(def ca (authority "Test CA"))
(def identity (issue ca))
(def trust {:ca-file (ca :cert)})

# ---- descriptors ----

(defn scarce
  "What test/support/scarce.janet says of calls with few descriptors."
  [what]
  (with-child [c "sh" "-c" `ulimit -n 40; exec "$@"` "sh" (dyn *executable*)
               "test/support/scarce.janet" what]
    (is= 0 (exit-status c) (described c))
    (filter next (string/split "\n" (c :out)))))

(def no-descriptors "Too many open files")

(test (string "without descriptors calls fail with that as the reason, what is open goes on, "
              "and with some all works again")
  (def said (scarce "calls"))
  (each line said (is (string/has-suffix? ", then :ok" line) line))
  (defn first-of [call]
    (is (first (mapcat |(or (peg/match ~(* ,call ": " (<- (to ", then"))) $) []) said)) call))
  (defn reason [call] (string/slice (first-of call) 1 -2))
  (each call ["tls/connect" "dtls/connect" "dtls/listen"]
    (is= (string call ": " no-descriptors) (reason call)))
  (each call ["tls/connect" "dtls/connect"]
    (is (peg/match ~(* ,(string call `: could not resolve \"localhost\" port \"`) :d+ `\": `
                       ,no-descriptors -1) (reason (string call " by name"))) call))
  (is= (string "tls/listen: could not bind to any sockets: " no-descriptors) (reason "tls/listen"))
  (each [call] [["ca-file"] ["keylog"]]
    (is (peg/match ~(* "tls/new-context: :" ,call ": " (to ": ") ": " ,no-descriptors -1)
                   (reason call)) call))
  (is= "timeout" (reason "tls/connect, server without"))
  (is= [`"TLSv1.3"` `@"x"`] [(first-of "open") (first-of "dtls, open")]))

(test "without descriptors the first connection of a process says so, and the next one works"
  (is= [(string `first: "jsec: can't make an event queue: ` no-descriptors `", then :ok`)]
       (tuple ;(scarce "first"))))

(test "without descriptors an accept waits, costs no time, and is served when there are some"
  (is= ["accept: waits true, idle true" "then: :ok :ok"] (tuple ;(scarce "accept"))))

# ---- a full disk ----

(defn- null [] (file/open "/dev/null" :w))

(defn may-mount []
  (and (find-program "unshare") (find-program "mount")
       (= 0 (os/execute ["unshare" "-m" "sh" "-c" "mount -t tmpfs tmpfs /mnt"] :p {:err (null)}))))

(defn on-small-disk
  ``The output of a shell script in a folder on a disk of two pages, one of them taken by the file
  `filler`.``
  [script & arguments]
  (def place (tmpdir))
  (def prelude
    (string `mount -t tmpfs -o size=8k tmpfs "$0" && cd "$0" && head -c 4096 /dev/zero >filler `
            `|| exit 99; `))
  (with-child [c "unshare" "-m" "sh" "-c" (string prelude script) place ;arguments]
    (is= 0 (exit-status c) (described c))
    (string (c :out))))

(def visitor
  ``Visits a server with a key log until that takes no more, makes room, and visits it once more;
  prints the log.``
  ``(import jsec/tls)
    (def [_ ca port] (dyn *args*))
    (defn visit [version]
      (with [c (tls/connect "127.0.0.1" port {:ca-file ca :keylog "keys.log" :max-version version})]
        (:write c "whole")
        (assert (deep= @"whole" (:chunk c 5)))))
    (repeat 5 (visit :TLS1_3) (visit :TLS1_2))
    (def size (os/stat "keys.log" :size))
    (repeat 3 (visit :TLS1_3) (visit :TLS1_2))
    (assert (= 4096 size (os/stat "keys.log" :size)) size)
    (os/rm "filler")
    (visit :TLS1_3)
    (prin (slurp "keys.log"))``)

(def line-of-log
  (peg/compile
    '(* (+ "CLIENT_RANDOM" "EXPORTER_SECRET"
           (* (+ "CLIENT" "SERVER") "_" (+ "HANDSHAKE_TRAFFIC_SECRET" "TRAFFIC_SECRET_0")))
        " " (64 :h) " " (some :h) -1)))

(defn echoed-with [options]
  (with-server [s identity echo]
    (with [c (tls/connect "127.0.0.1" (s :port) (merge trust options))] (sent-back c "whole"))))

(if (os/stat "/dev/full")
  (test "a key log that can't be written loses lines, never the connection"
    (each version [:TLS1_2 :TLS1_3]
      (is= @"whole" (echoed-with {:keylog "/dev/full" :max-version version}))))
  (skip "a key log that can't be written loses lines, never the connection"
        "there is no /dev/full"))

(def mount-reason "it needs root, mount and unshare")
(def tool (string (os/cwd) "/bin/jsec"))
(def janet (dyn *executable*))

(if (may-mount)
  (do
    (test "a key log's line that the full disk cut spoils no other, once there is room"
      (def dir (tmpdir))
      (spit (string dir "/visitor.janet") visitor)
      (with-server [s identity echo]
        (def log (on-small-disk `"$1" "$2" "$3" "$4"` janet (string dir "/visitor.janet")
                                ((saved dir "ca" ca) :cert) (s :port)))
        (def lines (filter next (string/split "\n" log)))
        (def bad (filter |(not (peg/match line-of-log $)) lines))
        (is= 1 (length bad) (string/format "%q" bad))
        (is (< (index-of (first bad) lines) (- (length lines) 5)) "none of the last connection's")))

    (test "what the tool can't write leaves nothing half written, and what was there as it was"
      (def said
        (on-small-disk
          ```echo old >a.pem; "$1" "$2" cert self a.example --out b 2>&1; echo "status $?"
             "$1" "$2" cert self a.example --out a --force 2>&1; echo "status $?"
             ls; cat a.pem```
          janet tool))
      (is= (string/join ["jsec: b.pem: No space left on device" "status 1"
                         "jsec: a.pem: No space left on device" "status 1"
                         "a.pem" "filler" "old" ""] "\n")
           said)))
  (each fact ["a key log's line that the full disk cut spoils no other, once there is room"
              "what the tool can't write leaves nothing half written, and what was there as it was"]
    (skip fact mount-reason)))

(if (os/stat "/dev/full")
  (test "the tool ends with 1 and a word where its output can't be written"
    (each words ["version" "version --json" "completions bash" "--help" "cert --help"]
      (with-child [c "sh" "-c" (string `exec "$0" "$1" ` words ` >/dev/full`) janet tool]
        (is= 1 (exit-status c) words)
        (is (peg/match '(* "jsec: " (some (if-not "\n" 1)) "\n" -1) (c :err)) (c :err)))))
  (skip "the tool ends with 1 and a word where its output can't be written"
        "there is no /dev/full"))

(end)

# A name server that never answers: calls that gave up leave nothing behind that keeps the process.
(import ../support/check :prefix "")

(def folder (tmpdir))
(spit (string folder "/resolv.conf") "nameserver 127.0.0.9\noptions timeout:5 attempts:3\n")

(def own
  "How to get a mount table of one's own; nil where there is none to be had."
  (find (fn [command]
          (with [null (file/open "/dev/null" :w)]
            (zero? (os/execute [;command "true"] :p {:err null :out null}))))
        (if (find-program "unshare") [["unshare" "-m"] ["unshare" "-rmn"]] [])))

(defn seconds
  "How long a process takes that asks for names."
  [what]
  (def start (os/clock :monotonic))
  (def script
    (string "ip link set lo up 2>/dev/null; "
            "exec janet test/support/resolver.janet " folder " " what))
  (def process (os/spawn [;own "sh" "-c" script] :p {:out :pipe}))
  (def said (ev/read (process :out) :all))
  (is= 0 (os/proc-wait process))
  (is= "done\n" (string said))
  (- (os/clock :monotonic) start))

(if-not own
  (skip "a name server that never answers" "no namespaces")
  (do
    (each [what fact]
      [["tls" "a process ends when tls/connect has given up, whatever its name lookup does"]
       ["dtls" "a process ends when dtls/connect has given up"]
       ["listen" "a process ends when tls/listen was cancelled"]
       ["many" "a hundred lookups that were given up do not delay the next"]
       ["beside" "a process ends although a fiber was giving a lookup up"]]
      (test fact (is (< (seconds what) 4))))))

(end)

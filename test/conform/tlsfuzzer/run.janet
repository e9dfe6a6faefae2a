# `janet run.janet CHECKOUT`: run tlsfuzzer's scripts on jsec, those that must pass.
# PEER=openssl runs them on `openssl s_server` in its place. ALL=1 runs the other scripts as well.
(import ./scripts)
(import jsec/cert)

(def- folder (string (os/cwd) "/build/conform/tlsfuzzer"))
(def- limit "Seconds of a script." 150)

(defn- make-certificates []
  (each path ["build" "build/conform" folder] (os/mkdir path))
  (each name ["server" "client"]
    (def made (cert/generate-self-signed-cert {:common-name "localhost" :key-type :rsa :bits 2048}))
    (spit (string folder "/" name ".pem") (made :cert))
    (spit (string folder "/" name ".key") (made :key))))

# ---- servers ----

(defn- own-server [kind]
  (def command ["janet" "test/conform/tlsfuzzer/server.janet" kind folder])
  (def child (os/spawn command :p {:out :pipe}))
  {:child child :port (string/trim (ev/read (child :out) 16))})

(def- s-server-words
  {"default" ["-cipher" "DEFAULT"]
   "legacy" ["-cipher" "DEFAULT@SECLEVEL=0" "-min_protocol" "TLSv1"]
   "mutual" ["-Verify" "1" "-CAfile" (string folder "/client.pem")]})

(defn- free-port []
  (with [listener (net/listen "127.0.0.1" "0")] (string (last (net/localname listener)))))

(defn- s-server [kind]
  (def port (free-port))
  (def command
    ["openssl" "s_server" "-www" "-quiet" "-accept" (string "127.0.0.1:" port)
     "-cert" (string folder "/server.pem") "-key" (string folder "/server.key")
     ;(s-server-words kind)])
  (def child (os/spawn command :p {:in :pipe :out :pipe :err :pipe}))
  (while (not (first (protect (:close (net/connect "127.0.0.1" port))))) (ev/sleep 0.05))
  {:child child :port port})

# ---- scripts ----

(def- client-words ["-k" (string folder "/client.key") "-c" (string folder "/client.pem")])

(defn- run-script [checkout kind port line]
  (def [name & words] (string/split " " line))
  (def more (if (= kind "mutual") client-words []))
  (def command
    ["timeout" (string limit) "python3" (string "scripts/test-" name ".py")
     "-h" "127.0.0.1" "-p" port "-n" "20" ;words ;more])
  (def env (merge (os/environ) {"PYTHONPATH" checkout :out :pipe :err :pipe :cd checkout}))
  (def child (os/spawn command :pe env))
  (def results
    (ev/gather (ev/read (child :out) :all) (ev/read (child :err) :all) (os/proc-wait child)))
  (def ended (last results))
  (unless (= 0 ended) (print kind ": " line ": exit status " ended))
  (= 0 ended))

(defn- run-kind
  "How many scripts passed, and how many did not."
  [checkout kind lines]
  (def server ((if (= "openssl" (os/getenv "PEER")) s-server own-server) kind))
  (def waiting (array ;(reverse lines)))
  (def results @[])
  (defn worker [] (while (def line (array/pop waiting))
                    (array/push results (run-script checkout kind (server :port) line))))
  (defer (os/proc-kill (server :child))
    # three scripts at a time
    (ev/gather (worker) (worker) (worker)))
  [(count truthy? results) (count not results)])

(defn main [_ & [checkout]]
  (unless (and checkout (os/stat (string checkout "/scripts/test-ccs.py")))
    (eprint "CHECKOUT=path is missing: see docs/conformance.md")
    (os/exit 2))
  (make-certificates)
  (def path (os/realpath checkout))
  (def sums
    (seq [kind :in ["default" "legacy" "mutual"]]
      (def {:pass pass :fail fail} (scripts/kinds kind))
      (def others (if (os/getenv "ALL") (mapcat last fail) []))
      (def [passed failed] (run-kind path kind [;pass ;others]))
      (printf "%s: %d of %d" kind passed (+ passed failed))
      [passed failed]))
  (def failed (sum (map last sums)))
  (printf "%d passed, %d failed" (sum (map first sums)) failed)
  (os/exit (if (zero? failed) 0 1)))

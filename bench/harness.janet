# Starts the measured programs within bounds (bench/c/bound.c), and ends them by closing their
# standard input.
(import jsec/cert)

(def built "build/bench/")
(def- patience 120) # seconds that a program has
(def- lifetime 900) # and a server, for a whole row
(def- [server-core load-core] ["0" "1"])

(defn- spawn [core command &opt seconds]
  (default seconds patience)
  (os/spawn [(string built "bound") core (string seconds) ;(map string command)] :p
            {:in :pipe :out :pipe}))

(defn- read-line [process]
  (def line @"")
  (ev/with-deadline patience
    (while (not (string/find "\n" line))
      (unless (ev/read (process :out) 4096 line) (error "a program ended without a word"))))
  line)

(defn- release [process]
  (each pipe [:in :out] (protect (ev/close (process pipe))))
  (def [ended] (protect (ev/with-deadline 5 (os/proc-wait process))))
  (unless ended (protect (os/proc-kill process true))))

(def identity
  "Paths of a CA and of a certificate for localhost, P-256."
  (do
    (def ca (cert/generate-self-signed-cert {:common-name "bench CA" :key-type :ec-p256}))
    (def server
      (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name "localhost"
                        :key-type :ec-p256}))
    (def paths
      {:ca (string built "ca.pem") :cert (string built "cert.pem") :key (string built "key.pem")})
    (spit (paths :ca) (ca :cert))
    (spit (paths :cert) (server :cert))
    (spit (paths :key) (server :key))
    paths))

(defn start
  ``A server: its command takes a mode, certificate and key, prints its port, and ends with its
  standard input.``
  [command mode &opt core extra]
  (default core server-core)
  (def process
    (spawn core [;command mode (identity :cert) (identity :key) ;(or extra [])] lifetime))
  (def [ok line] (protect (read-line process)))
  (unless ok (release process) (errorf "%s does not start: %s" (first command) (string line)))
  {:process process :pid (process :pid) :port (string/trim line)})

(defn stop [server] (release (server :process)))

(defn run
  "The last line of a program's output, as a Janet value."
  [core command]
  (def process (spawn core command))
  (defer (release process)
    (parse (read-line process))))

(defn output
  "All that a program prints, on the load generator's core."
  [command]
  (def process (spawn load-core command))
  (defer (release process)
    (string (ev/with-deadline patience (ev/read (process :out) :all)))))

(defn load
  "The figures of a load generator about a server."
  [server mode count & wishes]
  (run load-core [(string built "load") mode (server :port) (server :pid) count ;wishes]))

(defn client
  "The figures of a client about itself, with a server on the other core."
  [command server count kind]
  (run server-core [;command "client" (server :port) (identity :ca) count kind]))

(defn cost
  "CPU time of a program from start to end, from its last line."
  [command]
  (def process
    (os/spawn [(string built "bound") "-c" server-core (string patience) ;(map string command)] :p
              {:in :pipe :out :pipe}))
  (defer (release process)
    (def lines
      (string/split "\n" (string/trim (ev/with-deadline patience (ev/read (process :out) :all)))))
    (parse (last lines))))

# What a handshake costs when `connect` and `accept` are given tables of options, beside contexts made once: microseconds
# of CPU, both sides in this process, in turns, the median of all rounds:
#   janet bench/contexts.janet [ROUNDS]
# Options given by content, or as paths of files, are to cost no more than 5 % on top.
(import jsec/cert)
(import jsec/tls)

(def rounds (scan-number (get (dyn *args*) 1 "41")))
(def handshakes 50)

(def ca (cert/generate-self-signed-cert {:common-name "CA" :key-type :ec-p256}))
(def server (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name "localhost" :key-type :ec-p256}))

(def dir (string (os/getenv "TMPDIR" "/tmp") "/jsec-bench-" (os/getpid)))
(defn file [name content] (def path (string dir "/" name)) (spit path content) path)
(os/mkdir dir)
(def paths {:cert (file "server.crt" (server :cert)) :key (file "server.key" (server :key)) :ca (file "ca.crt" (ca :cert))})

# Sides as functions of nothing, that tables be made anew for each connection, as programs do.
(def [server-context client-context]
  [(tls/new-context {:cert (server :cert) :key (server :key)}) (tls/new-context {:ca-file (ca :cert) :hostname "localhost"})])
(def kinds
  {:contexts [(fn [] client-context) (fn [] server-context)]
   :content [(fn [] {:ca-file (ca :cert) :hostname "localhost"}) (fn [] {:cert (server :cert) :key (server :key)})]
   :paths [(fn [] {:ca-file (paths :ca) :hostname "localhost"}) (fn [] {:cert (paths :cert) :key (paths :key)})]})

(def listener (tls/listen "127.0.0.1" "0"))
(def port (in (net/localname listener) 1))
(def accepted (ev/chan 1))

(defn handshake [[client server]]
  (ev/go (fn [] (ev/give accepted (tls/accept listener (server)))))
  (def here (tls/connect "127.0.0.1" port (client)))
  (def there (ev/take accepted))
  (:close here true)
  (:close there true))

(defn microseconds [kind]
  (gccollect) # each round pays for its own
  (def start (os/clock :cputime))
  (repeat handshakes (handshake (kinds kind)))
  (/ (* 1e6 (- (os/clock :cputime) start)) handshakes))

(def measured (tabseq [kind :keys kinds] kind @[]))
(eachk kind kinds (microseconds kind))
(for round 0 rounds
  # none is always the first
  (def order (if (even? round) [:contexts :content :paths] [:paths :content :contexts]))
  (each kind order (array/push (measured kind) (microseconds kind))))

(defn median [figures] (in (sorted figures) (div (length figures) 2)))
(def base (median (measured :contexts)))
(print "us of CPU a handshake")
(each [kind text] [[:contexts "contexts"] [:content "options, content"] [:paths "options, paths"]]
  (def ratio (median (map / (measured kind) (measured :contexts))))
  (printf "%-18s %7.1f   x %.3f" text (median (measured kind)) ratio))

(:close listener)
(each path paths (os/rm path))
(os/rmdir dir)

# A child of test/hostile/secrets.janet: janet secrets.janet DIR holds a connection with the key in
# DIR, says so, and lets go of it all at the next line that it reads.
(import jsec/tls)

(def- dir ((dyn *args*) 1))

(defn- read-into
  "A file's bytes in a buffer of their own size, past any other buffer."
  [name]
  (def into (buffer/new 4096))
  (with [file (os/open (string dir "/" name) :r)] (:read file 4096 into))
  into)

(defn- pair-of [server-context client-options]
  (def path (string dir "/socket"))
  (with [listener (tls/listen :unix path)]
    (def accepted (ev/chan 1))
    (ev/go (fn [] (ev/give accepted (tls/accept listener server-context))))
    (def client (tls/connect :unix path client-options))
    [client (ev/take accepted)]))

(defn- hold
  "Everything that knows a secret lives in here."
  [say]
  (def password (read-into "password"))
  (def context (tls/new-context {:cert (string dir "/cert") :key (string dir "/key")
                                 :password password :keylog (string dir "/log")
                                 :session-tickets 0}))
  (buffer/clear (buffer/fill password 0))
  (def [a b]
    (pair-of context (tls/new-context {:ca-file (string dir "/cert") :hostname "localhost"})))
  (:write a "hello")
  (:read b 100)
  (say)
  (:close a true)
  (:close b true)
  nil)

(defn- wait [word]
  (print word)
  (flush)
  (file/read stdin :line))

(hold |(wait "open"))
# what a closed stream and an unused context had is freed with them
(repeat 5 (gccollect) (ev/sleep 0.01))
(wait "closed")
(os/exit 0)

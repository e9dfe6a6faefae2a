# A child of test/hostile/secrets.janet: janet key-object.janet DIR holds an object of the key in
# DIR, says so, and lets go of it at the next line that it reads.
(import jsec/crypto)

(def- dir ((dyn *args*) 1))

(defn- read-into
  "A file's bytes in a buffer of their own size, past any other buffer."
  [name]
  (def into (buffer/new 4096))
  (with [file (os/open (string dir "/" name) :r)] (:read file 4096 into))
  into)

(defn- hold [say]
  (def text (read-into "key"))
  (def password (read-into "password"))
  (def key (crypto/key text (if (string/find "ENCRYPTED" text) password)))
  (each secret [text password] (buffer/clear (buffer/fill secret 0)))
  (crypto/verify key "data" (crypto/sign key "data"))
  (crypto/cms-sign "data" (slurp (string dir "/cert")) key)
  (say)
  nil)

(defn- wait [word]
  (print word)
  (flush)
  (file/read stdin :line))

(hold |(wait "open"))
(repeat 5 (gccollect) (ev/sleep 0.01))
(wait "closed")
(os/exit 0)

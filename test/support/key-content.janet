# A child of test/hostile/secrets.janet: janet key-content.janet DIR holds a context with the text
# of the key in DIR, says so, and lets go of it at the next line that it reads.
(import jsec/tls)

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
  (def options {:cert (string dir "/cert") :key text
                :password (if (string/find "ENCRYPTED" text) password)})
  (def context (tls/new-context options))
  (tls/reload context options)
  (tls/reload context)
  (each secret [text password] (buffer/clear (buffer/fill secret 0)))
  (say)
  (tls/stats context)
  nil)

(defn- wait [word]
  (print word)
  (flush)
  (file/read stdin :line))

(hold |(wait "open"))
(repeat 5 (gccollect) (ev/sleep 0.01))
(wait "closed")
(os/exit 0)

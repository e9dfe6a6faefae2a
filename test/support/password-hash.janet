# A child of test/hostile/secrets.janet: janet password-hash.janet DIR hashes the password in DIR
# and verifies it, says so, and clears its buffer at the next line that it reads.
(import jsec/crypto)
(import jsec/tls)

(def- dir ((dyn *args*) 1))

(defn- wait [word]
  (print word)
  (flush)
  (file/read stdin :line))

(defn- hold []
  (def password (buffer/new 4096))
  (with [file (os/open (string dir "/password") :r)] (:read file 4096 password))
  (each opts [;(if ((tls/features) :argon2) [{:algorithm :argon2id :memory 1024}] [])
              {:algorithm :scrypt :n 1024} {:algorithm :pbkdf2 :iterations 1000}]
    (def stored (crypto/hash-password password opts))
    (unless (crypto/verify-password password stored) (error "not verified")))
  (wait "open")
  (buffer/clear (buffer/fill password 0))
  nil)

(hold)
(repeat 5 (gccollect) (ev/sleep 0.01))
(wait "closed")
(os/exit 0)

# jsec cert acme: a certificate from a CA that speaks ACME, once, for nginx and other servers.
(import ../acme)
(import ../acme/store)
(import ../cert)
(import ../crypto)
(import ./args)
(import ./connection)
(import ./files)
(import ./making)

# ---- the line ----

(def- staging "https://acme-staging-v02.api.letsencrypt.org/directory")

(def- challenges [:http :tls-alpn :dns-hook])

(defn- check-line
  "Raise before anything is written or asked for."
  [given names]
  (if (empty? names) (args/usage-error "a NAME is needed: a host's, or *.NAME with --dns-hook"))
  (unless (given :directory)
    (args/usage-error "acme needs --directory, the CA's URL; to try: " staging))
  (unless (given :agree)
    (args/usage-error "acme needs --agree: you agree to the CA's terms of service"))
  (unless (= 1 (count |(given $) challenges))
    (args/usage-error "acme needs one of --http, --tls-alpn and --dns-hook, to prove the names"))
  (unless (= (nil? (given :eab-kid)) (nil? (given :eab-key-file)))
    (args/usage-error "--eab-kid and --eab-key-file need each other")))

(defn- account-file [given base]
  (def folder (string/slice base 0 (inc (last [-1 ;(string/find-all "/" base)]))))
  (def path (get given :account-key (string folder "acme-account.key")))
  (if (= path (string base ".key"))
    (args/usage-error "--account-key and the certificate's key are one file: " path))
  path)

# ---- proofs ----

(defn- call-hook [program action name value]
  (def [fine status] (protect (os/execute [program action name value] :p {:out stderr})))
  (unless (and fine (zero? status))
    (string "--dns-hook: " program " " action " " name " " value ": "
            (if fine (string "exit status " status) status))))

(defn- dns-functions
  "A record that could not be removed is reported, and harms no certificate."
  [program]
  {:add (fn [name value] (if-let [why (call-hook program "add" name value)] (error why)))
   :remove (fn [name value]
             (if-let [why (call-hook program "remove" name value)] (eprint "jsec: " why)))})

(defn- place [text port]
  (args/target (if (scan-number text) (string "0.0.0.0:" text) text) port))

(defn- proof-of
  "The option of `acme/obtain` for the challenge."
  [{:http http :tls-alpn tls-alpn :dns-hook hook}]
  (cond
    http {:http-01 (place http "80")}
    tls-alpn {:tls-alpn-01 (place tls-alpn "443")}
    {:dns-01 (dns-functions hook)}))

# ---- whether to obtain ----

(defn- same-names? [certificate names]
  (deep= (sorted (distinct (map |(string/replace "DNS:" "" $) (certificate :san))))
         (sorted (distinct (map string/ascii-lower names)))))

(defn- lasts?
  "Do the files hold a CA's certificate for these names, with its key, that ends after `seconds`?"
  [[cert-file key-file] names seconds]
  (def chain (slurp cert-file))
  (def certificate (cert/parse chain))
  (and (os/stat key-file)
       (= (crypto/jwk-thumbprint chain) (crypto/jwk-thumbprint (slurp key-file)))
       (not (certificate :self-signed))
       (same-names? certificate names)
       (> (certificate :not-after) (+ (os/time) seconds))))

(defn- due? [given paths names]
  (def existing (find os/lstat paths))
  (def days (given :renew-within))
  (cond
    (or (given :force) (nil? existing)) true
    (nil? days) (error (string existing " is there already: --force replaces it, --renew-within "
                               "when it ends soon"))
    (not (os/stat (first paths))) true
    (not (lasts? paths names (* days 86400)))))

# ---- obtaining ----

(defn- check-writable
  "A certificate that can't be written would be lost, and count in the CA's quota."
  [base]
  (def probe (string base ".probe"))
  (files/write-secret probe "")
  (os/rm probe))

(defn- account-key [path]
  (unless (os/stat path)
    (files/write-secret path (crypto/generate-key :ec-p256))
    (print "wrote " path " (keep it secret)"))
  (string (slurp path)))

(defn- find-account [given path]
  (acme/account (given :directory)
                {:terms true :email (given :email) :key (account-key path)
                 :tls {:ca-file (given :ca)}
                 :eab (if-let [file (given :eab-key-file)]
                        {:kid (given :eab-kid)
                         :key (connection/password {:password-file file})})}))

(defn- obtain [given names base account-path proof]
  (check-writable base)
  (def options {:key-type (keyword (get given :key-type "ec-p256"))
                :profile (given :profile) :timeout (given :timeout)})
  (def account (find-account given account-path))
  (def made (acme/obtain account names (merge options proof)))
  (making/write (merge given {:force true}) base ".pem" (made :cert) (made :key)))

(defn run
  "jsec cert acme NAME..."
  [given names]
  (check-line given names)
  (def base (making/base-name given names))
  (def account-path (account-file given base))
  (def proof (proof-of given))
  # runs with one account may want the same port or the same files: one after the other
  (store/with-lock-file (string account-path ".lock")
    (fn []
      (if (due? given [(string base ".pem") (string base ".key")] names)
        (obtain given names base account-path proof)
        0))))

# The commands of jsec cert for a CA in a folder: ca, issue, list, revoke, crl, dev.
(import ../ca)
(import ../cert)
(import ../crypto)
(import ./args)
(import ./connection)
(import ./record)
(import ./show)

(defn ca-file
  "The path of the CA's certificate that --ca names: a file, or the folder of the CA."
  [given]
  (def path (get given :ca "ca.pem"))
  (if (= :directory (os/stat path :mode)) (string (string/trimr path "/") "/ca.pem") path))

(defn- need-ca [given]
  (def path (ca-file given))
  (unless (os/stat path)
    (error (string "there is no " path
                   ": jsec cert ca makes one, --ca and --ca-key name another")))
  path)

(defn- ca-password [given]
  (if-let [path (given :ca-password-file)] (connection/password {:password-file path})))

(defn- beside [path ending] (string (string/slice path 0 (- (length path) (length ".pem"))) ending))

(defn- key-options
  "The CA's key, when it is not beside its certificate, and its password."
  [given]
  {:ca-key (if-let [path (given :ca-key)] (slurp path)) :ca-password (ca-password given)})

(defn- show-written [path &opt secret]
  (print "wrote " path (if secret " (keep it secret)" "")))

# ---- ca ----

(defn- place-of-new [given names]
  (case (length names)
    0 (string (get given :out "ca") ".pem")
    1 (string (string/trimr (first names) "/") "/ca.pem")
    (args/usage-error "ca takes one FOLDER: --organization says whose CA it is")))

(defn make-ca
  "jsec cert ca [FOLDER]"
  [given names]
  (def path (place-of-new given names))
  (each file [path (beside path ".key") (beside path ".index")]
    (if (and (os/lstat file) (not (given :force)))
      (error (string file " is there already: --force makes a new CA"))))
  (ca/create path {:organization (get given :organization "jsec")
                   :days-valid (get given :days 3650)
                   :key-type (keyword (get given :key-type "ec-p256"))
                   :key (if-let [key (given :key)] (slurp key))
                   :ca-password (or (ca-password given) (connection/password given))
                   :force (given :force)})
  (show-written path)
  (show-written (beside path ".key") true)
  0)

# ---- issue ----

(defn- check-new
  "Raise if a file exists that --force does not allow to replace."
  [given & paths]
  (each path paths
    (if (and (os/lstat path) (not (given :force)))
      (error (string path " is there already: --force replaces it")))))

(defn- subject-options [given names]
  (if-let [organization (given :organization)] {:organization organization} {}))

(defn- key-for-issue [given csr]
  (cond
    csr {:csr csr}
    (given :key) {:key (slurp (given :key)) :password (connection/password given)}
    {:key-type (keyword (get given :key-type "ec-p256"))}))

(defn issue
  "jsec cert issue NAME..."
  [given names base]
  (def csr (if-let [path (given :csr)] (slurp path)))
  (def place (need-ca given))
  (def [cert-file key-file] [(string base ".pem") (string base ".key")])
  (def new-key (not (or csr (given :key))))
  (check-new given cert-file ;(if new-key [key-file] []))
  (ca/issue place (if (empty? names) nil names)
            (merge (subject-options given names) (key-for-issue given csr) (key-options given)
                   {:ext-key-usage [(if (given :client) :client-auth :server-auth)]
                    :days-valid (given :days) :crl-urls (given :crl-url)
                    :cert-file cert-file :key-file (if new-key key-file)}))
  (show-written cert-file)
  (if new-key (show-written key-file true))
  0)

# ---- list, revoke, crl ----

(defn- show-entry [entry]
  (def names (map |(last (string/split ":" $ 0 2)) (entry :names)))
  (def shown (if (empty? names) (entry :subject) (string/join names ", ")))
  (def [colour text]
    (case (entry :status)
      :valid [:good (string "until " (show/date (entry :not-after)))]
      :expired [:warn (string "ended " (show/date (entry :not-after)))]
      [:bad (string "revoked " (show/date (entry :revoked))
                    (if-let [reason (entry :reason)] (string ", " reason) ""))]))
  (print (entry :serial) "  " (show/clean shown) "\n  " (show/paint colour text)))

(defn list-issued
  "jsec cert list"
  [given names]
  (unless (empty? names) (args/usage-error "list takes no NAME: --ca names the CA"))
  (def all (ca/list (need-ca given)))
  (if (given :json) (show/print-json (map record/issued all)) (each entry all (show-entry entry)))
  0)

(defn revoke
  "jsec cert revoke NAME|SERIAL|FILE"
  [given names]
  (unless (= 1 (length names))
    (args/usage-error "one NAME, serial number or FILE of a certificate is needed"))
  (def which (first names))
  (def [is-file certificate] (protect (crypto/convert-cert (slurp which) :pem)))
  (def place (need-ca given))
  (def options {:reason (given :reason) :all (given :all)})
  (each entry
    (ca/revoke place (if is-file certificate which) options)
    (print "revoked " (entry :serial) " " (show/clean (entry :subject))))
  (print "next: jsec cert crl makes the list for verifiers")
  0)

(defn make-list
  "jsec cert crl"
  [given names]
  (unless (empty? names) (args/usage-error "crl takes no NAME: --ca names the CA"))
  (def place (need-ca given))
  (def info
    (cert/parse-crl (ca/crl place (merge (key-options given) {:days-valid (get given :days 30)}))))
  (print "wrote " (beside place ".crl") ": "
         (show/plural (length (info :revoked)) "certificate") ", valid until "
         (show/date (info :next-update)))
  0)

# ---- dev ----

(defn make-dev
  "jsec cert dev NAME..."
  [given names]
  (def made (ca/dev ;names))
  (if (given :json)
    (show/print-json made)
    (do
      # paths stay whole
      (each key [:cert :key :ca-file] (print (string/format "  %-12s " key) (made key)))
      (print "clients trust the CA with --ca, :ca-file, or after: jsec cert trust")))
  0)

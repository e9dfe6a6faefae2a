# The functions of jsec/ca. Their names have its prefix, as those of the native module do.
(import ../cert)
(import ../crypto)
(import ../lib/arguments)
(import ./files)
(import ./folder)

(def- day 86400)
(def- max-common-name "Characters (RFC 5280, appendix A)." 64)

(defn- without [options & names]
  (def left (arguments/flat options))
  (each name names (put left name nil))
  left)

# ---- making a CA ----

(defn- make-ca-key [{:key given :key-type kind :ca-password password}]
  (def key (or given (crypto/generate-key (or kind :ec-p256))))
  (if (and password (not given)) (crypto/export-key key {:password password}) key))

(defn create-locked [paths options]
  (unless (options :force)
    (each path [(paths :cert) (paths :key) (paths :index)]
      (if (os/lstat path) (folder/fail path " is there already: :force makes a new CA"))))
  (def key (make-ca-key options))
  (def made
    (cert/generate-self-signed-from-key
      key (merge {:common-name "Development CA" :organization "jsec" :country "" :san []
                  :days-valid 3650 :path-length 0}
                 (if (options :not-after) {:days-valid nil} {})
                 (without options :key :key-type :ca-password :force)
                 {:password (options :ca-password) :ca true})))
  # the certificate last: it is what tells that there is a CA
  (files/replace [[(paths :key) key 8r600] (folder/index-file paths 0 [])
                  [(paths :cert) made 8r644]])
  made)

(defn ca/create
  ``Make a certificate authority that is kept in a folder: its certificate `ca.pem`, its key
  `ca.key`, which only the owner can read, and `ca.index`, which lists what it issues. In place of
  the folder, all functions of this module take the path of the CA's certificate, "corp.pem", with
  the other files beside it. Returns the certificate as a PEM string. Raises when there is a CA
  already, and when the folder can't be written.

  Files are replaced whole. Processes and fibers may use the folder at once: a lock lets them take
  turns. A disk that is full leaves all files as they were, a loss of power the old or the new ones.

  Options, and those of `cert/generate-self-signed-from-key`:
  * `:common-name` - CN of the CA. Default: "Development CA".
  * `:organization` - O of the CA. Default: "jsec".
  * `:days-valid` - Days of validity. Default: 3650.
  * `:key` - Private key in place of a new one.
  * `:key-type` - Type of the new key, as in `cert/issue-cert`. Default: :ec-p256.
  * `:ca-password` - Password to encrypt the new key with, or to open `:key` with.
  * `:force` - Whether to replace a CA that is there, and its index. Default: false.``
  [place &opt opts]
  (arguments/check-options "ca/create" 1 opts)
  (def paths (folder/paths "ca/create" place))
  (if-let [slash (last (string/find-all "/" (paths :cert)))]
    (files/make-folder (string/slice (paths :cert) 0 slash)))
  (folder/with-lock "ca/create" paths (fn [] (create-locked paths (or opts {})))))

# ---- issuing ----

(defn- entry-of [certificate]
  (def {:serial serial :subject-text subject :san names :sha256 sha256
        :not-before from :not-after to :subject {:common-name common-name}}
    (cert/parse certificate))
  (def common (if (indexed? common-name) (first common-name) common-name))
  {:serial serial :subject subject :names names :common-name common
   :sha256 sha256 :not-before from :not-after to :issued (os/time)})

(defn- check-names [names]
  (unless (or (nil? names) (bytes? names) (and (indexed? names) (all bytes? names)))
    (arguments/refuse "ca/issue" "names" 1 "name or list of names" names)))

(defn- name-options [given]
  (def names (map string (if (bytes? given) [given] (or given []))))
  (if (empty? names)
    {}
    {:common-name (if (> (length (first names)) max-common-name) "" (first names)) :san names}))

(defn issue-locked [paths names options]
  (def index (folder/read-index paths))
  (def issuer (slurp (paths :cert)))
  (def [cert-file key-file] [(options :cert-file) (options :key-file)])
  (if (and key-file (or (options :key) (options :csr)))
    (folder/fail ":key-file is for a new key: leave it out with :key and :csr"))
  (def made
    (cert/issue-cert
      (merge {:key-type :ec-p256 :ext-key-usage [:server-auth]} (name-options names)
             (without options :cert-file :key-file :ca-password :ca-key)
             {:issuer-cert issuer :issuer-password (options :ca-password)
              :issuer-key (or (options :ca-key) (slurp (paths :key)))})))
  (def entry (entry-of (made :cert)))
  (if (some |(= (entry :serial) ($ :serial)) (index :certificates))
    (folder/fail "serial number " (entry :serial) " is taken"))
  # the index first: no certificate exists that it does not list
  (files/replace
    [(folder/index-file paths (index :crl-number) [;(index :certificates) entry])
     ;(if cert-file [[cert-file (made :cert) 8r644]] [])
     ;(if key-file [[key-file (made :key) 8r600]] [])])
  made)

(defn ca/issue
  ``Issue a certificate by the CA in a folder and enter it into the index. `names` is a name or a
  list of names: DNS names, IP addresses, email addresses, as in the option `:san`; nil takes those
  of `:csr`. The first becomes the common name. Returns a struct of PEM strings `{:cert … :key …}`,
  without `:key` if `:key` or `:csr` was given. Raises as `cert/issue-cert` does, and when the
  folder can't be written: then nothing was issued.

  Options, and those of `cert/issue-cert`:
  * `:days-valid` - Days of validity. Default: 365, or the rest of the CA's own time.
  * `:key-type` - Type of the new key. Default: :ec-p256.
  * `:ext-key-usage` - What the certificate is for. Default: [:server-auth].
  * `:cert-file` - Path to write the certificate to, together with the index: both or none.
  * `:key-file` - Path to write the new key to, likewise; only its owner can read it.
  * `:ca-password` - Password of the CA's key, if it is encrypted.
  * `:ca-key` - Private key of the CA, in place of `ca.key`.``
  [place names &opt opts]
  (check-names names)
  (arguments/check-options "ca/issue" 2 opts)
  (def paths (folder/paths "ca/issue" place))
  (folder/with-lock "ca/issue" paths (fn [] (issue-locked paths names (or opts {})))))

# ---- the index ----

(defn- status [entry]
  (cond
    (entry :revoked) :revoked
    (< (entry :not-after) (os/time)) :expired
    :valid))

(defn ca/list
  ``The certificates that the CA in a folder issued, the oldest first, as an array of structs:
  `:serial`, `:subject` (a line), `:names` (as in `:san` of `cert/parse`), `:not-before`,
  `:not-after`, `:issued` (times in seconds since the epoch), `:sha256` (fingerprint), `:status`
  (`:valid`, `:expired` or `:revoked`), and for revoked ones `:revoked` (time) and `:reason`. Raises
  when there is no CA, or its index is damaged.``
  [place]
  (with-dyns [folder/*function* "ca/list"]
    (map |(table/to-struct (merge $ {:status (status $)}))
         ((folder/read-index (folder/paths "ca/list" place)) :certificates))))

# ---- revoking ----

(def- reasons
  [:unspecified :keyCompromise :cACompromise :affiliationChanged :superseded :cessationOfOperation
   :certificateHold :privilegeWithdrawn :aACompromise])

(defn- plain-word [word]
  (string/ascii-lower (string/replace-all "-" "" (string/replace-all "_" "" word))))

(defn- find-reason [given]
  (or (find |(and (bytes? given) (= (plain-word given) (plain-word $))) reasons)
      (folder/fail "bad option :reason, expected one of " (string/join reasons ", "))))

(defn- has-name? [entry name]
  (def wanted (string/ascii-lower name))
  (or (= name (entry :common-name))
      (some |(or (= wanted (string/ascii-lower $))
                 (= wanted (string/ascii-lower (last (string/split ":" $ 0 2)))))
            (entry :names))))

(defn- plain-serial [text]
  (string/ascii-lower (string/triml (string/replace-all ":" "" text) "0")))

(defn- has-serial? [entry text]
  (and (not (empty? text)) (= (plain-serial (entry :serial)) (plain-serial text))))

(defn- shown
  "A name or serial number for an error text; other bytes may be a secret."
  [which]
  (if (peg/match '(* (between 1 255 (range "!~")) -1) which) which "given"))

(defn- certificate? [which] (string/find "-----BEGIN" which))

(defn- entry-to-revoke
  "The entry of a certificate that is given itself; one that the index lacks is added to it."
  [paths entries certificate]
  (def entry (entry-of certificate))
  (unless ((cert/verify-chain certificate {:roots (slurp (paths :cert)) :time (entry :not-before)})
            :valid)
    (folder/fail "the certificate is not of this CA"))
  (or (find |(has-serial? $ (entry :serial)) entries) entry))

(defn- find-entries [paths entries which many?]
  (def found
    (cond
      (certificate? which) [(entry-to-revoke paths entries which)]
      (let [exact (filter |(has-serial? $ which) entries)]
        (if (next exact) exact (filter |(has-name? $ which) entries)))))
  (if (empty? found)
    (folder/fail "no certificate of this CA has the name or serial number " (shown which)))
  (def open (filter |(not ($ :revoked)) found))
  (if (empty? open) (folder/fail "revoked already: " ((first found) :serial)))
  (if (and (next open 0) (not many?))
    (folder/fail (length open) " certificates have the name " (shown which)
                 ": give a serial number, or :all: "
                 (string/join (map |($ :serial) open) ", ")))
  open)

(defn- revoke-locked [paths which {:reason reason :time time :all many?}]
  (def index (folder/read-index paths))
  (def entries (index :certificates))
  (def mark
    (merge {:revoked (or time (os/time))}
           (if (nil? reason) {} {:reason (find-reason reason)})))
  (def chosen (find-entries paths entries (string which) many?))
  (def marked (map |(table/to-struct (merge $ mark)) chosen))
  (defn place-of [entry] (find-index |(= (entry :serial) ($ :serial)) chosen))
  (def known (map |(if-let [at (place-of $)] (marked at) $) entries))
  (def added (filter (fn [entry] (not (some |(= (entry :serial) ($ :serial)) entries))) marked))
  (files/replace [(folder/index-file paths (index :crl-number) [;known ;added])])
  marked)

(defn- check-revocation [opts]
  (arguments/check-options "ca/revoke" 2 opts [:reason :time :all])
  (def time (get opts :time))
  (unless (or (nil? time) (and (number? time) (>= time 0) (= time (math/floor time))))
    (error "ca/revoke: bad option :time, expected seconds since the epoch")))

(defn ca/revoke
  ``Revoke a certificate of the CA in a folder: mark it in the index, for the lists that `ca/crl`
  makes. `which` is its serial number, one of its names, or the certificate itself, PEM; that may
  also be one that the index lacks. Returns an array of the revoked entries, as `ca/list` has them.
  Raises when there is none, when it is revoked already, and when several that are not have the
  name.

  Options:
  * `:reason` - :keyCompromise, :superseded, :cessationOfOperation, :affiliationChanged,
    :privilegeWithdrawn, :cACompromise, :aACompromise, :certificateHold or :unspecified (default).
  * `:time` - When, in seconds since the epoch. Default: now.
  * `:all` - Whether to revoke all that have the name. Default: false.``
  [place which &opt opts]
  (unless (bytes? which)
    (arguments/refuse "ca/revoke" "which" 1 "name, serial number or certificate" which))
  (check-revocation opts)
  (def paths (folder/paths "ca/revoke" place))
  (folder/with-lock "ca/revoke" paths (fn [] (revoke-locked paths which (or opts {})))))

(defn- revocation [{:serial serial :revoked time :reason reason}]
  {:serial serial :time time :reason reason})

(defn- crl-locked [paths options]
  (def {:crl-number last-number :certificates entries} (folder/read-index paths))
  (def list
    (cert/issue-crl (merge (without options :ca-password :ca-key)
                           {:issuer-cert (slurp (paths :cert))
                            :issuer-key (or (options :ca-key) (slurp (paths :key)))
                            :issuer-password (options :ca-password)
                            :number (inc last-number)
                            :revoked (map revocation (filter |($ :revoked) entries))})))
  (files/replace [(folder/index-file paths (inc last-number) entries) [(paths :crl) list 8r644]])
  list)

(defn ca/crl
  ``Make the revocation list of the CA in a folder and write it to `ca.crl`. Its number is one more
  than that of the list before. Returns the list as a PEM string; verifiers take it as `:crl` or
  `:crls`. Make one after each revocation, and before the last one is out of date. Raises as
  `cert/issue-crl` does.

  Options, and those of `cert/issue-crl`:
  * `:days-valid` - Days until the next list is due. Default: 30.
  * `:ca-password` - Password of the CA's key, if it is encrypted.
  * `:ca-key` - Private key of the CA, in place of `ca.key`.``
  [place &opt opts]
  (arguments/check-options "ca/crl" 1 opts)
  (def paths (folder/paths "ca/crl" place))
  (folder/with-lock "ca/crl" paths (fn [] (crl-locked paths (or opts {})))))

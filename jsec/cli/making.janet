# The commands of jsec cert that make a key with its certificate or request: self, csr, issue.
(import ../cert)
(import ../crypto)
(import ./args)
(import ./connection)
(import ./files)
(import ./lazy)

(defn base-name
  "The base of file names: a NAME without characters that do not belong into file names."
  [given names]
  (or (given :out) (string/replace "*" "_" (string/replace-all "/" "_" (first names)))))

(defn- need-names [given names]
  (if (empty? names)
    (args/usage-error "a NAME is needed: a host's, an IP address, an email address"))
  (struct :common-name (if (< (length (first names)) 65) (first names) "") :san names
          :organization (get given :organization "") :country nil))

(defn- make-key
  "A new private key, or nil if --key was given."
  [given]
  (unless (given :key) (crypto/generate-key (keyword (get given :key-type "ec-p256")))))

(defn- key-in-use [given new-key] (or new-key (slurp (given :key))))

(defn write
  "Write the certificate or request, and the key if it is new, and print their names."
  [given base ending text new-key]
  (def contents
    [[(string base ending) text] ;(if new-key [[(string base ".key") new-key true]] [])])
  (files/write-all contents (given :force))
  (each [path _ secret] contents (print "wrote " path (if secret " (keep it secret)" "")))
  0)

(defn self
  "jsec cert self NAME..."
  [given names]
  (def subject (need-names given names))
  (def key (make-key given))
  (def made (cert/generate-self-signed-from-key
              (key-in-use given key)
              (merge subject {:country "" :days-valid (get given :days 365)
                              :password (connection/password given)})))
  (write given (base-name given names) ".pem" made key))

(defn issue
  "jsec cert issue NAME..."
  [given names]
  (if (and (empty? names) (not (given :csr))) (need-names given names))
  ((lazy/value "authority" 'issue) given names
                   (if (empty? names)
                     (or (given :out) (string/replace ".csr" "" (given :csr)))
                     (base-name given names))))

(defn request
  "jsec cert csr NAME..."
  [given names]
  (def subject (need-names given names))
  (def key (make-key given))
  (def made (crypto/generate-csr (key-in-use given key)
                                 (merge subject {:password (connection/password given)})))
  (write given (base-name given names) ".csr" made key))

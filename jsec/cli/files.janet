# Files of certificates and keys: replaced whole, and read in any of their formats.
(import ../ca/files)
(import ../cert)
(import ../crypto)

(defn write-secret
  "Write or replace a file that only its owner can read."
  [path bytes]
  (files/replace [[path bytes 8r600]]))

(defn write-all
  ``Write `contents`, tuples of [path text secret?]. Raises, and writes none, if a file exists and
  `force` is not set.``
  [contents force]
  (each [path] contents
    (if (and (os/lstat path) (not force))
      (error (string path " is there already: --force replaces it"))))
  (files/replace (seq [[path text secret] :in contents] [path text (if secret 8r600 8r644)])))

# ---- the contents of a file ----

(def- pem-block
  (peg/compile '{:label (* "-----BEGIN " '(to "-----") "-----")
                 :block (* '(* "-----BEGIN " (to "-----END ") "-----END " (to "-----") "-----"))
                 :main (any (+ (group (* (> 0 :label) :block)) 1))}))

(defn pem-blocks
  "[label text] of each PEM block in a text."
  [text]
  (peg/match pem-block text))

(defn- attempt [f & arguments]
  (def [fine value] (protect (f ;arguments)))
  (if fine value))

(defn- unknown [what] {:kind :unknown :what what})

(defn- certificate [data]
  (def [fine facts] (protect (cert/parse data)))
  (if fine (merge {:kind :certificate} facts) (unknown (string/replace "cert/parse: " "" facts))))
(defn- certificates
  "DER certificates may follow each other."
  [data]
  (if-let [message (attempt crypto/cms-certs-only data)]
    (map certificate (crypto/cms-get-certs message))))

(defn- request [data]
  (if-let [facts (attempt crypto/parse-csr data)] (merge {:kind :request} facts)))
(defn- revocation-list [data]
  (if-let [facts (attempt cert/parse-crl data)] (merge {:kind :list} facts)))
(defn- key [data password]
  (if-let [facts (or (attempt crypto/key-info data password) (attempt crypto/key-info data))]
    (merge {:kind :key} facts)))
(defn- message [data]
  (if-let [certificates (attempt crypto/cms-get-certs data)]
    {:kind :message :certificates (map cert/parse certificates)}))

(defn- bundle [data password]
  (def [fine found] (protect (crypto/parse-pkcs12 data password)))
  (cond
    fine {:kind :bundle :friendly-name (found :friendly-name)
          :key (if (found :key) (crypto/key-info (found :key)))
          :certificates (map cert/parse
                             [;(if (found :cert) [(found :cert)] []) ;(get found :chain [])])}
    (string/find "password" found)
    {:kind :bundle :locked (if password "the password is wrong" "it needs a password")}))

(defn- inspect-pem [[kind text] password]
  (def found
    (cond
      (string/has-suffix? "CERTIFICATE REQUEST" kind) (request text)
      (string/has-suffix? "CERTIFICATE" kind) (certificate text)
      (string/has-suffix? "CRL" kind) (revocation-list text)
      (string/has-suffix? "KEY" kind) (key text password)
      (or (= "CMS" kind) (= "PKCS7" kind)) (message text)))
  (or found (unknown (string "PEM block " kind))))

(defn- left-over
  "What is no block, but may be a certificate: Base64 or DER, or a block with damaged lines."
  [data]
  (def [fine why] (protect (cert/parse data)))
  (def reason
    (unless fine
      (peg/match '(thru (* "not a certificate: "
                           '(+ (* (thru "was not read") (any 1)) (* "line " (any 1))))) why)))
  (map unknown (or reason [])))

(defn inspect
  ``The contents of a file as an array of structs, with `:kind` :certificate, :request, :list
  (CRL), :key, :bundle (PKCS#12), :message (CMS) or :unknown.``
  [data &opt password]
  (def blocks (pem-blocks data))
  (if (empty? blocks)
    (or (certificates data)
        [(or (request data) (revocation-list data) (key data password)
             (bundle data password) (message data)
             (unknown "neither PEM nor DER of a kind that jsec knows"))])
    [;(map |(inspect-pem $ password) blocks) ;(left-over data)]))

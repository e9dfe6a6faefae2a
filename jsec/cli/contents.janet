# jsec cert show: what is in files.
(import ./args)
(import ./connection)
(import ./files)
(import ./record)
(import ./show)

(defn- show-key [facts]
  (show/row "kind" (if (facts :private) "private key" "public key"))
  (show/row "type"
            (show/key-text {:key-type (or (facts :type) "unknown") :key-curve (facts :curve)
                            :key-bits (facts :bits)}))
  (if (facts :encrypted)
    (show/row "encrypted" "yes" (if-let [cipher (facts :cipher)] (string ", " cipher) ""))))

(defn- show-request [facts]
  (print "certificate request " (show/paint :bold (show/clean (facts :subject-text))))
  (show/row "names" (show/clean (string/join (map string (get facts :san [])) ", ")))
  (show/row "key" (show/key-text facts) ", signed with " (facts :signature-algorithm))
  (show/row "signature"
            (if (facts :signature-valid) (show/paint :good "valid") (show/paint :bad "NOT VALID"))))

(defn- show-list [facts]
  (print "revocation list of " (show/paint :bold (show/clean (facts :issuer-text))))
  (show/row "number" (or (facts :number) "none"))
  (show/row "valid" (show/date (facts :this-update)) " to "
            (if-let [next-update (facts :next-update)] (show/date next-update) "no end"))
  (show/row "revoked" (show/plural (length (facts :revoked)) "certificate"))
  (each {:serial serial :time time :reason reason} (facts :revoked)
    (print "  " serial "  " (show/date time) (if reason (string ", " reason) ""))))

(defn- show-item [item]
  (case (item :kind)
    :certificate (connection/show-certificate "certificate" item)
    :request (show-request item)
    :key (do (print "key") (show-key item))
    :list (show-list item)
    :message (do
               (print "CMS message with " (show/plural (length (item :certificates)) "certificate"))
               (eachp [i facts] (item :certificates) (connection/show-certificate i facts)))
    :bundle (if-let [why (item :locked)]
              (print "PKCS#12 bundle: " (show/paint :warn why))
              (do
                (print "PKCS#12 bundle " (show/clean (or (item :friendly-name) "")))
                (if (item :key) (show-key (item :key)))
                (eachp [i facts] (item :certificates) (connection/show-certificate i facts))))
    (print (show/paint :warn "unknown: ") (show/clean (item :what)))))

(def- times [:this-update :next-update :time :invalidity-date])

(defn- in-json
  ``Facts without the raw values of extensions, which are not text, and with times as RFC 3339 has
  them.``
  [value]
  (cond
    (dictionary? value)
    (from-pairs (seq [[k v] :pairs value :unless (and (= k :value) (value :oid))]
                  [k (if (and (number? v) (index-of k times)) (show/timestamp v) (in-json v))]))
    (indexed? value) (map in-json value)
    value))

(defn- json-item
  "An item with its certificates in the form of the other commands."
  [item]
  (if (= :certificate (item :kind))
    (merge (record/certificate item) {"file" (item :file) "kind" "certificate"})
    (merge (in-json item)
           (if-let [certificates (item :certificates)]
             {:certificates (map record/certificate certificates)}
             {}))))

(defn run
  "jsec cert show FILE..."
  [given paths]
  (if (empty? paths) (args/usage-error "a FILE is needed"))
  (def items (mapcat (fn [path]
                       (def data (if (= "-" path) (file/read stdin :all) (slurp path)))
                       (map |(merge {:file path} $)
                            (files/inspect (or data "") (connection/password given))))
                     paths))
  (if (given :json)
    (show/print-json (map json-item items))
    (each item items
      (if (next paths) (print (item :file) ":"))
      (show-item item)))
  (if (some |(or (= :unknown ($ :kind)) ($ :locked)) items) 1 0))

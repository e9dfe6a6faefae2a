# jsec version: versions and features.
(import ../tls)
(import ./args)
(import ./show)

(def command
  {:name "version"
   :usage ""
   :summary "print the versions of jsec and OpenSSL, and their features"
   :text "Prints what (tls/features) returns: protocols, groups, cipher suites."
   :options [{:name "json" :doc "as JSON"}]
   :examples []})

(defn line
  "The versions on one line."
  []
  (def features (tls/features))
  (string "jsec " (features :jsec) ", OpenSSL " (features :openssl) ", Janet " janet/version))

(defn run [given]
  (unless (empty? (given :words)) (args/usage-error "version takes no argument"))
  (def features (tls/features))
  (if (given :json)
    (show/print-json features)
    (do
      (print (line))
      (each key (sort (filter |(indexed? (features $)) (keys features)))
        (show/row key (if (empty? (features key)) "none" (string/join (features key) " "))))
      (show/row "also"
                (string/join (map string (sort (filter |(= true (features $)) (keys features))))
                             " "))))
  0)

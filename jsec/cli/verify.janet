# jsec cert verify: verifies certificates in files, as a client would those of a server.
(import ../cert)
(import ./args)
(import ./connection)
(import ./files)
(import ./record)
(import ./show)

(defn- chain-options [given]
  (merge (if-let [host (given :host)] {:host host} {})
         (if-let [path (given :ca)] {:roots (slurp path)} {})
         (if-let [path (given :crl)] {:crls (slurp path)} {})
         {:purpose (if (given :client) :client (if (given :host) :server :any))}))

(defn- verify-file
  ``{:file :ok :reason :certificates}, with the certificates of the verified chain, or those of the
  file.``
  [path given]
  (def data (if (= "-" path) (file/read stdin :all) (slurp path)))
  (def found (filter |(= :certificate ($ :kind)) (files/inspect (or data ""))))
  (when (empty? found) (error (string path ": no certificate is in it")))
  (def result (cert/verify-chain data (chain-options given)))
  (if (result :valid)
    {:file path :ok true :certificates (map cert/parse (result :chain))}
    {:file path :ok false :certificates found
     :reason (connection/diagnosis (string "certificate verify failed: " (result :reason)) found)}))

(defn- show-result [{:file file :ok ok :reason reason :certificates certificates} host]
  (def own (first certificates))
  (print (show/clean file) ": "
         (if ok (show/paint :good "verified") (show/paint :bad "NOT VERIFIED"))
         (if host (string ", as " (show/clean host)) ""))
  (unless ok (print "  " (show/wrap (show/clean reason) 2)))
  (eachp [i certificate] certificates
    (show/row (string i) (show/clean (certificate :subject-text)) ", " (show/span certificate))))

(defn run [given paths]
  (if (empty? paths) (args/usage-error "a FILE is needed"))
  (def results (map |(verify-file $ given) paths))
  (if (given :json)
    (show/print-json
      (map |(merge $ {:reason (or ($ :reason) show/null)
                      :certificates (map record/certificate ($ :certificates))})
           results))
    (each result results (show-result result (given :host))))
  (if (every? (map |($ :ok) results)) 0 3))

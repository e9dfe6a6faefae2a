# Client certificates and a revocation list: a server turns away a client whose certificate was
# revoked, also one that came in before.
(import jsec/cert)
(import jsec/tls)

(def ca (cert/generate-self-signed-cert {:common-name "Our CA" :key-type :ec-p256}))

(defn issue [name usage]
  (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name
                    :key-type :ec-p256 :ext-key-usage [usage]}))

(defn revocation-list [revoked]
  (cert/issue-crl {:issuer-cert (ca :cert) :issuer-key (ca :key) :days-valid 7
                   :revoked (map |{:cert ($ :cert) :reason "keyCompromise"} revoked)}))

(def server (issue "localhost" :server-auth))
(def [alice bob] (map |(issue $ :client-auth) ["alice" "bob"]))

(defn server-options [crl]
  {:cert (server :cert) :key (server :key) :verify true :ca-file (ca :cert) :crl crl})

(defn greet [stream]
  (with [_ stream]
    (:write stream (string "welcome, " (get-in (:peer-certificate stream :data)
                                               [:subject :common-name])))))

(defn visit [port who]
  (def [fine answer]
    (protect (with [s (tls/connect "localhost" port (merge {:ca-file (ca :cert)} who))]
               (:read s 100))))
  (print (if fine answer (string "refused: " answer)))
  fine)

(with [listener (tls/listen "127.0.0.1" 0)]
  (def [_ port] (net/localname listener))
  # a list without entries: without any list the server could not tell
  (def context (tls/new-context (server-options (revocation-list []))))
  (ev/go (fn [] (tls/accept-loop listener context greet {:on-error |(print "  server: " $)})))
  (assert (visit port alice))
  (assert (visit port bob))
  (tls/reload context (server-options (revocation-list [bob])))
  (print "bob's certificate is revoked")
  (assert (visit port alice))
  (assert (not (visit port bob))))

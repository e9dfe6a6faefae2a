# A directory judges clients: `:on-verify` is called after the verification of a certificate, may
# wait, and refuses with words of its own. The client remembers a server's key, as SSH does.
(import jsec/cert)
(import jsec/tls)

(def ca (cert/generate-self-signed-cert {:common-name "Our CA" :key-type :ec-p256}))

(defn issue [name]
  (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name
                    :key-type :ec-p256 :ext-key-usage [:client-auth]}))

# ---- the server asks its directory ----

(def directory @{"alice" true "bob" true})

(defn ask-directory [{:chain [certificate] :ok ok}]
  (ev/sleep 0.01) # a directory elsewhere takes its time; other clients are served meanwhile
  (def name (get-in certificate [:subject :common-name]))
  (if (and ok (not (directory name))) (string name " has left us")))

(def server (cert/generate-self-signed-cert {:common-name "localhost" :san ["DNS:localhost"]
                                             :key-type :ec-p256}))
(def server-options {:cert (server :cert) :key (server :key) :verify true :ca-file (ca :cert)
                     :on-verify ask-directory})

# ---- the client knows the server by its key ----

(def known-hosts @{})

(defn remember [{:chain [certificate] :host host}]
  (def before (known-hosts host))
  (put known-hosts host (or before (certificate :sha256)))
  (if (and before (not= before (certificate :sha256)))
    (string "the certificate of " host " has changed")))

(defn visit [port name]
  (def {:cert certificate :key key} (issue name))
  (def [fine answer]
    (protect (with [s (tls/connect "localhost" port {:cert certificate :key key :verify false
                                                     :on-verify remember})]
               (:read s 100))))
  (print name ": " (if fine (string/trim answer) "refused"))
  fine)

(with [listener (tls/listen "127.0.0.1" 0)]
  (def [_ port] (net/localname listener))
  (ev/go (fn []
           (tls/accept-loop listener server-options
                            (fn [s] (:write s "welcome\n") (:close s))
                            {:on-error |(print "  the server: " $)})))
  (assert (visit port "alice"))
  (put directory "bob" nil)
  (assert (not (visit port "bob"))))

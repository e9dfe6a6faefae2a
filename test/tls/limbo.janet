# Path validation in handshakes: TLS judges x509-limbo's chains as cert/verify-chain does, whose
# verdicts pki/limbo.janet compares with what limbo expects.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/cert)
(import jsec/tls)

(defn- given [value] (if (not= :null value) value))

(defn- server-case?
  "Can a server of ours play it? Revocation is asked for in another way by each of the two."
  [item]
  (and (= "SERVER" (item "validation_kind")) (given (item "peer_certificate_key"))
       (dictionary? (item "expected_peer_name"))
       (empty? (item "crls"))
       (not= "webpki::forbidden-dsa-leaf" (item "id")))) # no suite of ours has DSA

(defn- seconds-of [date]
  (def [year month day & time] (map scan-number
                                    (string/split
                                      " " (string/replace-all ":" " "
                                                              (string/replace-all "-" " "
                                                                                  (string/replace
                                                                                    "T" " "
                                                                                    (string/slice
                                                                                      date 0
                                                                                      19)))))))
  (os/mktime {:year year :month (dec month) :month-day (dec day) :hours (time 0) :minutes (time 1)
              :seconds (time 2)}))

(defn- options-of [item strict trusted host time depth]
  (def options
    @{trusted (item "trusted_certs") host ((item "expected_peer_name") "value") :strict strict})
  (if-let [date (given (item "validation_time"))] (put options time (seconds-of date)))
  (if-let [max-depth (given (item "max_chain_depth"))] (put options depth max-depth))
  options)

(defn- by-verify-chain [item strict]
  (def options (options-of item strict :roots :host :time :depth))
  (def [read answer] (protect (cert/verify-chain (item "peer_certificate")
                                                 (merge options
                                                        {:intermediates
                                                         (item "untrusted_intermediates")}))))
  (and read (answer :valid)))

(defn- by-handshake
  "Is the server's certificate accepted? Nil where our server can't serve it."
  [item strict version]
  (def chain (string/join [(item "peer_certificate") ;(item "untrusted_intermediates")] "\n"))
  (def [fine context]
    (protect (tls/new-context {:cert chain :key (item "peer_certificate_key") :max-version version
                               :security-level 0})))
  (def options (options-of item strict :ca :hostname :verify-time :verify-depth))
  (put options :ca (string/join (options :ca) "\n"))
  (when fine
    (with [listener (tls/listen "127.0.0.1" "0")]
      (ev/go (fn []
               (protect (tls/accept-loop listener context
                                         (fn [s] (protect (:write s "x")) (protect (:close s)))))))
      (first (protect (with [s (tls/connect "127.0.0.1" (in (net/localname listener) 1) options)]
                        (:read s 1)))))))

(each version [:TLS1_2 :TLS1_3]
  (each strict [false true]
    (vectors-of "limbo/limbo.json"
                (fn [path] (map |(merge $ {"name" (string ($ "id") " strict " strict " " version)})
                                ((read-json path) "testcases")))
                (fn [item]
                  (def verdict (if (server-case? item) (by-handshake item strict version)))
                  (if (nil? verdict) :skip (= verdict (by-verify-chain item strict)))))))

(end)

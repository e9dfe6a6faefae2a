# jsec check: finds what a browser or an auditor would object to.
(import ../cert)
(import ../crypto)
(import ./args)
(import ./connection)
(import ./dial)
(import ./judge)
(import ./probe)
(import ./lazy)
(import ./registry)
(import ./show)

(def command
  {:name "check"
   :usage "HOST[:PORT]... | URL..."
   :summary "check servers: certificates, protocols, cipher suites, resumption"
   :text ``
Makes some twenty connections to each server, and reports on the certificate (its verification,
validity, key, signature and chain), on versions of TLS and SSL, weak cipher suites, post-quantum
key exchange, OCSP stapling, resumption, the request for a client certificate, and HSTS for web
servers.
Versions and suites are asked for byte by byte, also those that this OpenSSL does not have.

The exit status is 3 if there is a problem, with --strict also if there is a warning.
``
   :options [{:name "hostname" :value "NAME"
              :doc "name to ask for (SNI) and to verify, in place of HOST"}
             {:name "ca" :value "FILE" :kind :file
              :doc "trust these CAs (PEM) in place of the system's"}
             {:name "starttls" :value "PROTOCOL" :kind dial/starttls-names
              :doc "begin in plaintext, then upgrade to TLS"}
             {:name "days" :value "DAYS" :kind :integer
              :doc "warn if fewer days of validity are left (default 14)"}
             {:name "timeout" :value "SECONDS" :kind :integer
              :doc "give up a connection after this time (default 15)"}
             {:name "suites" :doc "list all cipher suites and groups that the server takes"}
             {:name "strict" :doc "count warnings as problems"}
             {:name "json" :doc "report as JSON"}]
   :examples [["jsec check example.org" "a web server"]
              ["jsec check --suites --starttls smtp mail.example.org:25"
               "a mail server, with all its cipher suites"]
              ["jsec check --json --ca ca.pem a.example b.example | jq ."
               "two servers of our own CA, for a script"]]})

# ---- attempts ----

(defn- attempt
  ``Connect with the site's options and these. Returns {:stream :facts}, or {:failure}; the caller
  closes the stream.``
  [site options]
  (def [fine result] (protect (connection/open site (merge (site :options) options))))
  (if fine
    (let [[stream connect handshake] result]
      {:stream stream :facts (connection/facts (site :place) stream connect handshake)})
    {:failure (show/failure result)}))

(defn- close [{:stream stream}] (if stream (:close stream true)))

(defn- facts-with [site options]
  (def found (attempt site options))
  (close found)
  (found :facts))

(defn- pem-of [der] (crypto/convert-cert der :pem))

(defn- facts-of-answer
  ``The facts in the plaintext of a handshake that could not be finished: the server's certificates
  and its request for the client's, up to TLS 1.2.``
  [site offers]
  (def {:certificates found :request request}
    (or (find |(not (empty? (or ($ :certificates) []))) (reverse offers)) {}))
  (def [fine chain] (protect (map |(merge (cert/parse $) {:pem (pem-of $)}) (or found []))))
  (when (and fine (not (empty? chain)))
    {:host (string (first (site :place))) :port (in (site :place) 1)
     :address (string/join (site :address) " port ")
     :chain chain
     :request (if request {:cas (map judge/name-text (request :cas)) :required true})}))

(defn- verify-alone
  "Why certificates do not verify, or nil, without a connection."
  [site chain]
  (def roots (get-in site [:options :ca-file]))
  (def result
    (cert/verify-chain (string/join (map |($ :pem) chain))
                       (merge {:host (site :name)} (if roots {:roots (slurp roots)} {}))))
  (unless (result :valid)
    (connection/diagnosis (string "certificate verify failed: " (result :reason)) chain)))

(defn- request-of [found]
  (def {:facts facts :stream stream} found)
  (if-let [request (facts :request)]
    (if stream
      (merge request {:required (connection/requires-certificate? stream)})
      request)))

# ---- more connections ----

(defn- how-resumed [site options]
  (def found (attempt site options))
  (def session (defer (close found)
                 (if (found :stream) (connection/await-session (found :stream)))))
  (cond
    (nil? session) nil
    (get (facts-with site (merge options {:session session})) :resumed) :resumed
    :refused))

(defn- get-head [stream host]
  (:write stream (string "GET / HTTP/1.1\r\nHost: " host
                         "\r\nUser-Agent: jsec\r\nConnection: close\r\n\r\n"))
  (def answer @"")
  (while (and (not (string/find "\r\n\r\n" answer)) (< (length answer) 65536))
    (unless (:read stream 4096 answer 15) (break)))
  answer)

(defn- http-head
  "The head of a web server's answer, or nil."
  [site options]
  (def found (attempt site (merge options {:alpn ["http/1.1"]})))
  (defer (close found)
    (def [fine answer]
      (if (found :stream) (protect (get-head (found :stream) (site :name))) [false]))
    (if fine answer)))

# ---- a site ----

(defn- no-tls
  "Raise why a server has no TLS at all."
  [offers failure]
  (def {:foreign foreign} (or (find |($ :foreign) offers) {}))
  (if foreign
    (show/failed :handshake "the server does not answer in TLS: it speaks " foreign)
    (error failure)))

(defn- look
  ``A connection, verified or else not: {:facts :trouble :stream}. Without one the facts are those
  of the plaintext. Raises if there are none.``
  [site offers]
  (def trusting (attempt site {:alpn ["h2" "http/1.1"]}))
  (def found
    (if (= :verification (get-in trusting [:failure :stage]))
      (merge (attempt site {:verify false}) {:trouble (get-in trusting [:failure :text])})
      trusting))
  (if-let [facts (found :facts)]
    (merge found
           {:trouble (if-let [text (found :trouble)]
                       (connection/diagnosis text (facts :chain)))})
    (let [facts (facts-of-answer site offers)]
      (unless facts (no-tls offers (found :failure)))
      {:facts facts :trouble (verify-alone site (facts :chain))})))

(defn- certificate-findings [site {:facts facts :trouble trouble} request]
  (def chain (facts :chain))
  (def own (first chain))
  [(judge/verification trouble (get-in site [:options :ca-file]))
   ;(if own
      [(judge/validity own (site :days)) ;(judge/lifetime own) (judge/key own)
       (judge/signature own) ;(judge/names own) (judge/chain chain trouble)]
      [])
   ;(judge/client-certificate request)])

(defn- protocol-findings [site offers]
  [;(judge/versions offers (probe/ssl2? site))
   (judge/weak-suites (probe/takes site offers registry/broken?))
   (judge/forward-secrecy
     (probe/takes site offers
                  |(not (or (registry/broken? $) (registry/forward-secret? $)))))
   (judge/post-quantum
     (if-let [tls13 (find |(and ($ :taken) (= "TLS 1.3" ($ :name))) offers)]
       ((probe/groups site tls13) :groups)
       []))])

(defn- connection-findings
  "Of further connections, where the server makes them."
  [site {:stream stream :trouble trouble} request]
  (def options (if trouble {:verify false} {}))
  (if (and stream (not (get request :required)))
    [(judge/stapling (facts-with site {:ocsp :require}))
     (judge/resumption (how-resumed site options))
     ;(if (site :starttls) [] (judge/hsts (http-head site options)))]
    []))

(defn- lists
  "All suites and groups, if they were asked for."
  [given site offers]
  (def taken (if (given :suites) (filter |($ :taken) (reverse offers)) []))
  (defn graded [suite] (merge suite {:level (registry/level (suite :suite))}))
  {:suites (map |(merge $ {:suites (map graded ($ :suites))})
                (probe/at-once |(probe/suites site $) taken))
   :groups (probe/at-once |(probe/groups site $) taken)})

(defn- check-site
  "{:facts :trouble :findings :suites :groups} of a site. Raises if it has no TLS."
  [given site]
  (def site (merge site {:address (dial/reach (site :place) (site :seconds))}))
  (def offers (probe/offers site))
  (def found (look site offers))
  (def request (request-of found))
  (close found)
  (merge {:facts (merge (found :facts) {:request request}) :trouble (found :trouble)
          :findings [;(certificate-findings site found request)
                     ;(protocol-findings site offers)
                     ;(connection-findings site found request)]}
         (lists given site offers)))

# ---- the report ----

(def- record-target (lazy/function "record" 'target))

(def- marks {:good [:good "ok  "] :note [:faint "note"] :warn [:warn "warn"] :bad [:bad "BAD "]})

(defn- count-of [level findings] (count |(= level ($ :level)) findings))

(defn- mark [level]
  (def [kind word] (marks level))
  (show/paint kind word))

(defn- show-lists [suites groups]
  (each {:version version :server-order server-order :suites suites} suites
    (print "  suites of " version (if server-order ", in the server's order" ""))
    (each {:suite suite :group group :prime-bits bits :level level} suites
      (print "    " (mark level) "  " suite
             (cond group (string ", " group) bits (string ", DHE of " bits " bits") ""))))
  (each {:version version :groups groups} groups
    (unless (empty? groups)
      (print "  " (show/wrap (string "groups of " version ": " (string/join groups ", ")) 4 2)))))

(defn- show-report [site {:facts facts :findings findings :suites suites :groups groups}]
  (show/title (dial/name-of (site :place))
              (if-let [address (facts :address)] (string " (" address ")") ""))
  (each {:level level :text text} findings
    (print "  " (mark level) "  " (show/wrap (show/clean text) 8)))
  (show-lists suites groups)
  (print "  " (show/plural (count-of :bad findings) "problem") ", "
         (show/plural (count-of :warn findings) "warning")))

(defn- status-of [given findings]
  (if (or (pos? (count-of :bad findings)) (and (given :strict) (pos? (count-of :warn findings))))
    3
    0))

(defn- site-of [given text]
  (def place (args/target text "443"))
  {:place place
   :name (get given :hostname (if (= :unix (first place)) "localhost" (first place)))
   :starttls (given :starttls) :seconds (get given :timeout 15) :days (get given :days 14)
   :options {:hostname (given :hostname) :ca-file (given :ca)}})

(defn- check-and-report
  "Check a site, print the report, and return the exit status."
  [given site]
  (def [fine result]
    (protect (show/progress (string "checking " (site :name)) |(check-site given site))))
  (def failure (if-not fine (show/failure result)))
  (cond
    (given :json) (show/print-json
                    (record-target (site :place) (if fine (result :facts))
                                   (merge {:asked true :failure failure} (if fine result {}))))
    fine (show-report site result)
    (eprint "jsec: " (dial/name-of (site :place)) ": " (show/clean (failure :text))))
  (if fine (status-of given (result :findings)) 1))

(defn run [given]
  (if (empty? (given :words)) (args/usage-error "a HOST is needed"))
  (max ;(map |(check-and-report given (site-of given $)) (given :words))))

# What jsec check sees of a server: its connections, and the findings about them.
(import ../cert)
(import ../crypto)
(import ./connection)
(import ./dial)
(import ./judge)
(import ./probe)
(import ./registry)
(import ./show)

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

(defn check
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

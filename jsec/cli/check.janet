# jsec check: finds what a browser or an auditor would object to.
(import ./args)
(import ./dial)
(import ./lazy)
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

# ---- the report ----

(def- check-site (lazy/function "site" 'check))
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

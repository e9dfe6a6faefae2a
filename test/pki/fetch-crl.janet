# Revocation lists that are fetched from the addresses in certificates: which are taken, how long
# they are kept, and what a server that lies or waits can do.
(import ../support/check :prefix "")
(import ../support/judges)
(import ../support/pairs :prefix "")
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/tls)

(def ca (authority "Revoking CA"))
(def other (authority "Revoking CA"))

(defn- crl [&opt options issuer]
  (default issuer ca)
  (cert/issue-crl (merge {:issuer-cert (issuer :cert) :issuer-key (issuer :key) :revoked []
                          :format :der}
                         (or options {}))))

(defn- answer-of [body]
  (string "HTTP/1.1 200 OK\r\nContent-Length: " (length body) "\r\n\r\n" body))

(defn- with-site
  ``Run `f` with the base of URLs, and an array of the paths that were asked for. `answer` makes the
  answer to a path.``
  [answer f &opt listener serve]
  (default listener (net/listen "127.0.0.1" 0))
  (def asked @[])
  (defn handle [s]
    (defer (:close s)
      (def text @"")
      (while (not (string/find "\r\n\r\n" text)) (:read s 4096 text))
      (def path ((string/split " " text) 1))
      (array/push asked path)
      (:write s (answer path))))
  (defer (:close listener)
    (ev/go (or serve |(net/accept-loop listener handle)) handle (ev/chan 100))
    (f (string "://127.0.0.1:" ((net/localname listener) 1)) asked)))

(defn- certificate [& urls]
  ((cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name "client"
                     :key-type :ec-p256 :crl-urls urls})
    :cert))

(test "a list is fetched, verified, and kept until its next update"
  (def list (crl))
  (with-site (fn [_] (answer-of list))
    (fn [base asked]
      (def client (certificate (string "http" base "/ca.crl")))
      (def options {:issuer-cert (ca :cert) :cache @{}})
      (def pem (cert/fetch-crl client options))
      (is= (cert/parse-crl list) (cert/parse-crl pem))
      (is= false (cert/revoked? client pem {:issuer-cert (ca :cert)}))
      (is= pem (cert/fetch-crl client options))
      (is= @["/ca.crl"] asked)
      (is= pem (cert/fetch-crl client (merge options {:fresh true})))
      (is= pem (cert/fetch-crl client))
      (is= pem (cert/fetch-crl client))
      (is= 3 (length asked) "a table of the thread is the default"))))

(peer-test "openssl" "the PEM is what OpenSSL writes"
  (def list (crl {:revoked [{:serial 5}]}))
  (with-site (fn [_] (answer-of list))
    (fn [base _]
      (def pem (cert/fetch-crl (certificate (string "http" base "/ca.crl")) {:cache @{}}))
      (is= (judges/run ["openssl" "crl" "-inform" "DER"] list) pem))))

(test "a folder keeps lists for other processes; a damaged or old one is fetched again"
  (var list (crl {:this-update (- (os/time) 100) :next-update (+ (os/time) 1000)}))
  (def folder (string (tmpdir) "/new/lists"))
  (with-site (fn [_] (answer-of list))
    (fn [base asked]
      (def client (certificate (string "http" base "/ca.crl")))
      (defn fetch [] (cert/fetch-crl client {:issuer-cert (ca :cert) :cache folder}))
      (fetch)
      (fetch)
      (is= 1 (length asked))
      (def file (string folder "/" (first (os/dir folder))))
      (each kept ["" "x" (crl {} other)
                  (crl {:this-update (- (os/time) 100) :next-update (- (os/time) 10)})]
        (spit file kept)
        (array/clear asked)
        (is= (cert/parse-crl list) (cert/parse-crl (fetch)))
        (is= 1 (length asked))
        (is= list (string (slurp file)))))))

(test "a list that must not be taken raises, with the host and the reason"
  (def der (crl))
  (def port-less "cert/fetch-crl: no list could be had: 127.0.0.1: ")
  (each [why answer]
    [["its signature does not verify" (answer-of (crl {} other))]
     ["the list of another CA" (answer-of (crl {} (authority "Another CA")))]
     ["a list that is not current"
      (answer-of (crl {:this-update (- (os/time) 100) :next-update (- (os/time) 10)}))]
     ["a list that is not current"
      (answer-of (crl {:this-update (+ (os/time) 5000) :next-update (+ (os/time) 9000)}))]
     ["no list in DER" (answer-of "")]
     ["no list in DER" (answer-of (ca :cert))]
     ["no list in DER" (answer-of (string der "0"))]
     ["no list in DER" (answer-of (string/slice der 0 -2))]
     ["no list in DER" (answer-of (crl {:format :pem}))]
     ["status 302" "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"]
     ["status 404" "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n"]
     ["the answer is too long" (answer-of (string/repeat "x" 9000))]
     ["the answer is too long" (string "HTTP/1.1 200 OK\r\n\r\n" (string/repeat "x" 9000))]
     ["the answer ends in the midst of its body" (string/slice (answer-of der) 0 -2)]
     ["the answer is no HTTP" "SSH-2.0-x\r\n\r\n"]]
    (with-site (fn [_] answer)
      (fn [base _]
        (def cache @{})
        (def client (certificate (string "http" base "/secret")))
        (def [fine text] (protect (cert/fetch-crl client {:issuer-cert (ca :cert) :cache cache
                                                          :max-size 8192})))
        (is= false fine)
        (is (string/has-prefix? port-less text) text)
        (is (string/find why text) text)
        (is (not (string/find "secret" text)) text)
        (is= @{} cache)))))

(test "a list that is past its time says nothing, also when it names the certificate"
  (with-site (fn [_] (answer-of (crl {:revoked [{:serial 1}] :this-update (- (os/time) 100)
                                      :next-update (- (os/time) 10)})))
    (fn [base _]
      (fails-with "not current"
                  (cert/fetch-crl (certificate (string "http" base "/")) {:cache @{}})))))

(test "the next address is tried when one has no list"
  (def list (crl))
  (with-site (fn [path] (if (= path "/good") (answer-of list) "HTTP/1.1 500 x\r\n\r\n"))
    (fn [base asked]
      (def client (certificate (string "http" base "/bad") "ldap://127.0.0.1/x"
                               (string "http" base "/good")))
      (is (cert/fetch-crl client {:cache @{} :issuer-cert (ca :cert)}))
      (is= @["/bad" "/good"] asked))))

(test "a server that never answers costs :timeout, and a deadline of the caller holds"
  (with-site (fn [_] (ev/sleep 60) "")
    (fn [base _]
      (def client (certificate (string "http" base "/a") (string "http" base "/b")))
      (fails-with "127.0.0.1: deadline expired, 127.0.0.1: deadline expired"
                  (cert/fetch-crl client {:cache @{} :timeout 0.1}))
      (def [fine why] (protect (ev/with-deadline 0.1 (cert/fetch-crl client {:cache @{}}))))
      (is= [false "deadline expired"] [fine why]))))

(test "an https address is asked with the options of :tls"
  (def list (crl))
  (def listener (tls/listen "127.0.0.1" 0))
  (with-site (fn [_] (answer-of list))
    (fn [base _]
      (def client (certificate (string/replace "127.0.0.1" "localhost"
                                               (string "https" base "/ca.crl"))))
      (is (cert/fetch-crl client {:cache @{} :tls {:ca (identity :cert)}}))
      (fails-with "localhost: tls/connect: certificate verify failed"
                  (cert/fetch-crl client {:cache @{}})))
    listener
    (fn [handle] (tls/accept-loop listener server-options handle {:on-error (fn [&])}))))

(test "a context takes the list, and the next one by reload"
  (var list (crl))
  (with-site (fn [_] (answer-of list))
    (fn [base _]
      (def made (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key)
                                  :common-name "localhost" :key-type :ec-p256
                                  :crl-urls (string "http" base "/ca.crl")}))
      (defn options [] {:ca-file (ca :cert) :crl (cert/fetch-crl (made :cert)
                                                                 {:cache @{} :fresh true})})
      (with [listener (tls/listen "127.0.0.1" 0)]
        (ev/go (fn [] (tls/accept-loop listener made |(:close $) {:on-error (fn [&])})))
        (def context (tls/new-context (options)))
        (defn visit [] (:close (tls/connect "localhost" ((net/localname listener) 1) context)))
        (visit)
        (set list (crl {:revoked [{:cert (made :cert)}]}))
        (tls/reload context (options))
        (fails-with "revoked" (visit))))))

(defn- openssl-crl
  "A list, DER, with further lines of OpenSSL's configuration for its extensions."
  [& lines]
  (def dir (tmpdir))
  (defn at [name] (string dir "/" name))
  (spit (at "cnf") (string "[ca]\ndefault_ca=d\n[d]\ndatabase=" (at "index") "\ncrlnumber="
                           (at "number") "\ndefault_md=sha256\ndefault_crl_days=30\n"
                           "crl_extensions=e\n[e]\n" (string/join lines "\n") "\n"))
  (spit (at "index") "")
  (spit (at "number") "1F\n")
  (spit (at "ca.key") (ca :key))
  (spit (at "ca.pem") (ca :cert))
  (judges/run ["openssl" "ca" "-config" (at "cnf") "-cert" (at "ca.pem") "-keyfile" (at "ca.key")
               "-gencrl" "-out" (at "list.pem")] "")
  (judges/run ["openssl" "crl" "-in" (at "list.pem") "-outform" "DER"] ""))

(peer-test "openssl" "the list of a part of the certificates is taken from its own address only"
  (var list nil)
  (with-site (fn [_] (answer-of list))
    (fn [base _]
      (def url (string "http" base "/7.crl"))
      (def options {:issuer-cert (ca :cert) :cache @{}})
      (set list (openssl-crl "issuingDistributionPoint=critical,@i" "[i]" "onlyuser=TRUE"
                             (string "fullname=URI:" url)))
      (def client (certificate url))
      (is= (cert/parse-crl list) (cert/parse-crl (cert/fetch-crl client options)))
      (fails-with "the list of another distribution point"
                  (cert/fetch-crl (certificate (string "http" base "/8.crl")) options)))))

(peer-test "openssl" "a delta list is no list"
  (def list (openssl-crl "2.5.29.27=critical,DER:020101"))
  (with-site (fn [_] (answer-of list))
    (fn [base _]
      (fails-with "a delta list"
                  (cert/fetch-crl (certificate (string "http" base "/")) {:cache @{}})))))

(test "a certificate without an address, and addresses that :allow refuses, raise"
  (each made [(certificate) (certificate "ldap://127.0.0.1/x") (certificate "ftp://127.0.0.1/x")]
    (fails-with "has no address of a list" (cert/fetch-crl made)))
  (def seen @[])
  (fails-with ":allow refuses it"
              (cert/fetch-crl (certificate "http://a.example/x")
                              {:allow (fn [url] (array/push seen url) false)}))
  (is= @["http://a.example/x"] seen))

(test "wrong arguments are refused"
  (fails-with "cert/fetch-crl: not a certificate" (cert/fetch-crl "x"))
  (fails-with "bad slot #0" (cert/fetch-crl 5))
  (fails-with "unknown option" (cert/fetch-crl (certificate) {:casche 1}))
  (each [name value] [[:cache 5] [:cache ""] [:allow 5] [:timeout 0] [:timeout "x"] [:timeout -1]
                      [:max-size 0] [:max-size 1.5]]
    (fails-with (string "bad option :" name) (cert/fetch-crl (certificate) {name value}))))

(end)

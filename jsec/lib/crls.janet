# Revocation lists from the addresses that certificates have for them (RFC 5280, 4.2.1.13).
(import ../ca/files)
(import ./arguments)
(import ./https)

(def- natives (require "../native"))
(defn- native-function [name] (get-in natives [name :value]))
(def- parse (native-function 'cert/parse))
(def- parse-crl (native-function 'cert/parse-crl))
(def- revoked? (native-function 'cert/revoked?))
(def- digest (native-function 'crypto/digest))
(def- hex-encode (native-function 'crypto/hex-encode))
(def- base64-encode (native-function 'crypto/base64-encode))

(def- max-kept "Lists in memory." 32)
(def- default-size "Bytes." 10485760)
(def- default-timeout "Seconds." 10)

# ---- the addresses in a certificate ----

# Not uint-be: Janet 1.42 can't load such a pattern in another thread ("invalid peg bytecode").
(def- elements
  "[tag content] of each element of DER, for lengths below 64 KB."
  (peg/compile ~{:length (+ (* "\x81" (uint 1))
                            (* "\x82" (/ (* (uint 1) (uint 1)) ,|(+ (* 256 $0) $1)))
                            (cmt (uint 1) ,|(if (< $ 128) $)))
                 :element (group (* (uint 1) (/ (lenprefix :length '1) ,string)))
                 :main (* (any :element) -1)}))

(defn- children [der] (or (peg/match elements der) []))

(defn- extension [info oid]
  (def found (find |(= oid ($ :oid)) (info :extensions)))
  (if found (get-in (children (found :value)) [0 1])))

(defn- addresses
  "The URIs in the fullName of a DistributionPoint or an IssuingDistributionPoint."
  [point]
  (seq [[outer name] :in (children point) :when (= outer 0xa0)
        [inner full-name] :in (children name) :when (= inner 0xa0)
        [kind uri] :in (children full-name) :when (= kind 0x86)]
    uri))

(defn- is-whole?
  "Whether the list at a point is by the certificate's issuer and for all reasons."
  [point]
  (not (some |(index-of (first $) [0x81 0xa2]) (children point))))

(defn- urls-of [info]
  (def points (map last (children (or (extension info "2.5.29.31") ""))))
  (filter |(or (https/parse-plain-url $) (https/parse-url $))
          (mapcat addresses (filter is-whole? points))))

(defn- host-of [url] (first (or (https/parse-plain-url url) (https/parse-url url))))

# ---- what a list must be ----

(defn- check-signature [certificate list issuer]
  (try (revoked? certificate list {:issuer-cert issuer})
    # the last thing that revoked? checks; the scope is checked here
    ([why] (unless (string/find "it is about some certificates" why)
             (error (string/replace "cert/revoked?: " "" why))))))

(defn- check-scope [info url]
  (if (info :base-number) (error "it sent a delta list"))
  (def scope (addresses (or (extension info "2.5.29.28") "")))
  (unless (or (empty? scope) (index-of url scope))
    (error "it sent the list of another distribution point")))

(defn- check-list
  "Raise unless this list, DER, is current, of the certificate's issuer, and for the URL."
  [certificate list url {:issuer-cert issuer}]
  (unless (string/has-prefix? "0" list) (error "it sent no list in DER"))
  (def [fine info] (protect (parse-crl list)))
  (unless fine (error "it sent no list in DER"))
  (def now (os/time))
  (unless (= (info :issuer) ((parse certificate) :issuer))
    (error "it sent the list of another CA"))
  (unless (and (info :this-update) (<= (info :this-update) now)
               (< now (get info :next-update math/inf)))
    (error "it sent a list that is not current"))
  (check-scope info url)
  (if issuer (check-signature certificate list issuer))
  info)

# ---- lists that are kept ----

(def- in-memory "URLs and lists of this thread." @{})

(defn- file-of [folder url] (string folder "/" (hex-encode (digest :sha256 url)) ".crl"))

(defn- read-kept [cache url]
  (if (bytes? cache)
    (let [file (file-of cache url)]
      (if (= :file (os/stat file :mode)) (string (slurp file))))
    (get cache url)))

(defn- keep-list [cache url list]
  (cond
    (bytes? cache) (do
                     (files/make-folder cache)
                     (files/replace [[(file-of cache url) list 8r644]]))
    (do
      (if (>= (length cache) max-kept) (put cache (next cache) nil))
      (put cache url list))))

(defn- kept-list
  "The list that is kept for a URL, if it still holds for the certificate."
  [certificate url options]
  (def [_ list] (protect (unless (options :fresh) (read-kept (options :cache) url))))
  (if (and (bytes? list) (first (protect (check-list certificate list url options)))) list))

# ---- fetching ----

(defn- download [url {:tls tls :timeout timeout :max-size max-size}]
  (def {:status status :body body}
    (https/request "GET" url {:plain true :tls (or tls {}) :timeout timeout :max-body max-size}))
  (unless (= 200 status) (errorf "it answered with status %d" status))
  body)

(defn- fetch-from [certificate url options]
  (def list (download url options))
  (def info (check-list certificate list url options))
  (if (info :next-update) (keep-list (options :cache) url list))
  list)

(defn- try-all
  "The first list that one of the addresses has."
  [certificate urls options]
  (var list nil)
  (def problems @[])
  (each url urls
    (if list (break))
    (def [had result] (https/attempt (fn [] (fetch-from certificate url options))))
    (if had (set list result) (array/push problems (string (host-of url) ": " result))))
  (or list (errorf "cert/fetch-crl: no list could be had: %s" (string/join problems ", "))))

(defn- to-pem [der]
  (def text (base64-encode der))
  (def lines (seq [at :range [0 (length text) 64]]
               (string/slice text at (min (length text) (+ at 64)))))
  (string "-----BEGIN X509 CRL-----\n" (string/join lines "\n") "\n-----END X509 CRL-----\n"))

# ---- the function ----

(def- known [:issuer-cert :cache :fresh :allow :tls :timeout :max-size])

(defn- check-values [{:cache cache :allow allow :timeout timeout :max-size max-size}]
  (unless (or (table? cache) (and (bytes? cache) (next cache)))
    (error "cert/fetch-crl: bad option :cache, expected a folder or a table"))
  (unless (or (nil? allow) (function? allow) (cfunction? allow))
    (error "cert/fetch-crl: bad option :allow, expected a function"))
  (unless (and (number? timeout) (< 0 timeout math/inf))
    (error "cert/fetch-crl: bad option :timeout, expected a positive number"))
  (unless (and (nat? max-size) (pos? max-size))
    (error "cert/fetch-crl: bad option :max-size, expected a positive integer")))

(defn- options-of [opts]
  (arguments/check-options "cert/fetch-crl" 1 opts known)
  (def options (merge {:cache in-memory :timeout default-timeout :max-size default-size}
                      (arguments/flat opts)))
  (check-values options)
  options)

(defn cert/fetch-crl
  ``Fetch the revocation list that a certificate, PEM or DER, names in its distribution points
  (RFC 5280, 4.2.1.13), and return it as a PEM string, for `:crl` of contexts and `:crls` of
  `verify-chain`. The addresses are tried in their order until one has a list that is current, of
  the certificate's issuer and for that address. It is kept until its next update. Nothing is
  redirected. Options:

  * `:issuer-cert` - certificate of the CA. When given, the list must have its signature. TLS and
    `verify-chain` verify the signature in any case.
  * `:cache` - folder for the lists, made if there is none; or a table. Default: a table of this
    thread, for at most 32 lists.
  * `:fresh` - true: fetch the list although one is kept. Default: false.
  * `:allow` - function of a URL: whether to connect there. Default: all http and https URLs. Give
    it for certificates that are not verified yet: their makers choose the URLs.
  * `:tls` - options of `tls/connect` for https URLs. Most lists are at http URLs.
  * `:timeout` - seconds for each address. Default: 10.
  * `:max-size` - bytes of the list. Default: 10485760.

  Raises when the certificate has no such address, and when none has a list: the error names each
  host and its reason.

      (def context (tls/new-context {:cert "server.pem" :key "server.key" :verify true
                                     :ca-file "ca.pem" :crl (cert/fetch-crl client-cert)}))``
  [cert &opt opts]
  (def options (options-of opts))
  (unless (bytes? cert)
    (arguments/refuse "cert/fetch-crl" "cert" 0 "a certificate, string or buffer" cert))
  (def info (arguments/under-name "cert/fetch-crl" (parse cert)))
  (def urls (filter (or (options :allow) (fn [_] true)) (urls-of info)))
  (if (empty? urls)
    (error "cert/fetch-crl: the certificate has no address of a list, or :allow refuses it"))
  (to-pem (or (some |(kept-list cert $ options) urls)
              (try-all cert urls options))))

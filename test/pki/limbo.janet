# Path validation: x509-limbo's cases. OpenSSL decides some of them otherwise; these, and only
# these, are named here.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/cert)
(import jsec/tls)

(def- deviations
  ``Where OpenSSL is laxer or stricter than a case of limbo expects, with every strictness that it
  has turned on.``
  (tabseq [id :in
           ["crl::crlnumber-missing"
            "crl::issuer-no-keyusage-extension"
            "cve::cve-2024-0567"
            "cve::cve-2025-61727"
            "pathlen::validation-ignores-pathlen-in-leaf"
            "pathlen::max-chain-depth-1-self-issued"
            "rfc5280::nc::permitted-dns-match-noncritical"
            "rfc5280::nc::invalid-dnsname-leading-period"
            "rfc5280::nc::not-allowed-in-ee-noncritical"
            "rfc5280::nc::not-allowed-in-ee-critical"
            "rfc5280::nc::nc-permits-invalid-dns-san"
            "rfc5280::nc::nc-permits-invalid-email-san"
            "rfc5280::nc::nc-forbids-alternate-chain-ica"
            "rfc5280::nc::nc-forbids-same-chain-ica"
            "rfc5280::nc::nc-forbids-dnsname-wildcard-san"
            "rfc5280::pc::ica-noncritical-pc"
            "rfc5280::san::underscore-dns"
            "rfc5280::validity::notafter-exact"
            "rfc5280::validity::notafter-fractional"
            "rfc5280::ca-as-leaf"
            "rfc5280::root-and-intermediate-swapped"
            "webpki::aki::root-with-aki-missing-keyidentifier"
            "webpki::cn::ipv4-hex-mismatch"
            "webpki::cn::ipv4-leading-zeros-mismatch"
            "webpki::cn::ipv6-uppercase-mismatch"
            "webpki::cn::ipv6-uncompressed-mismatch"
            "webpki::cn::ipv6-non-rfc5952-mismatch"
            "webpki::cn::punycode-not-in-san"
            "webpki::cn::utf8-vs-punycode-mismatch"
            "webpki::cn::not-in-san"
            "webpki::cn::case-mismatch"
            "webpki::eku::ee-anyeku"
            "webpki::eku::ee-critical-eku"
            "webpki::eku::ee-without-eku"
            "webpki::eku::root-has-eku"
            "webpki::nc::intermediate-permitted-excluded-subtrees-both-null"
            "webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences"
            "webpki::san::public-suffix-multi-label-wildcard-san"
            "webpki::san::public-suffix-private-namespace-wildcard-san"
            "webpki::san::san-critical-with-nonempty-subject"
            "webpki::malformed-aia"
            "webpki::forbidden-dsa-root"
            "webpki::forbidden-dsa-leaf"
            "webpki::forbidden-rsa-not-divisible-by-8-in-root"
            "webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf"
            "webpki::ee-basicconstraints-ca"
            # those that OpenSSL 4.0 no longer refuses even with X509_V_FLAG_X509_STRICT
            ;(if (string/has-prefix? "4." ((tls/features) :openssl))
               ["rfc5280::san::noncritical-with-empty-subject"
                "rfc5280::root-non-critical-basic-constraints"]
               [])]]
    id true))

(def- purposes {"SERVER" :server "CLIENT" :client})

(defn- options-of [item]
  (def name (item "expected_peer_name"))
  (def options @{:roots (item "trusted_certs")
                 :intermediates (item "untrusted_intermediates")
                 :strict true
                 :purpose (purposes (item "validation_kind"))})
  (unless (empty? (item "crls")) (put options :crls (item "crls")))
  (when (table? name) (put options :host (name "value")))
  (when (string? (item "validation_time"))
    (put options :time (string (string/slice (item "validation_time") 0 19) "Z")))
  (when (number? (item "max_chain_depth")) (put options :depth (item "max_chain_depth")))
  options)

(defn- verdict [item]
  # a certificate that does not even parse is refused as well
  (def [read answer] (protect (cert/verify-chain (item "peer_certificate") (options-of item))))
  (if (and read (answer :valid)) "SUCCESS" "FAILURE"))

(vectors-of "limbo/limbo.json"
            (fn [path] (map |(merge $ {"name" ($ "id")}) ((read-json path) "testcases")))
            (fn [item]
              (cond
                (= (item "expected_result") (verdict item)) true
                (deviations (item "id")) :skip
                false)))

(end)

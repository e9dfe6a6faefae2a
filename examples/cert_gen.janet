# Certificates: a self-signed one, and a small CA that issues a server's certificate.
#   janet examples/cert_gen.janet
(import jsec/cert)
(import jsec/crypto)

(defn show [title pem]
  (def info (cert/parse pem))
  (printf "%s\n  subject  %s\n  issuer   %s\n  names    %s\n  key      %s, %d bits\n  sha256   %s\n"
          title (info :subject-text)
          (info :issuer-text) (string/join (info :san) " ") (info :key-type) (info :key-bits)
          (info :sha256)))

# Self-signed, for tests and for peers that trust this one certificate.
(def {:cert pem :key key}
  (cert/generate-self-signed-cert {:common-name "localhost" :san ["localhost" "127.0.0.1" "::1"]
                                   :organization "Example" :country "DE"
                                   :key-type :ec-p256 :days-valid 30}))
(show "Self-signed" pem)

# A second certificate for the same key.
(show "Again, with the same key"
      (cert/generate-self-signed-from-key key {:common-name "example.com"
                                                   :organization "Example" :country "DE"}))

# An own CA: root, intermediate, server.
(def root (cert/generate-self-signed-cert {:common-name "Example Root" :organization "Example"
                                           :country "DE" :key-type :ec-p384 :days-valid 3650}))
(defn issue [issuer opts]
  (cert/issue-cert (merge {:issuer-cert (issuer :cert) :issuer-key (issuer :key) :key-type :ec-p256}
                          opts)))
(def middle
  (issue root {:common-name "Example Issuing CA" :ca true :path-length 0 :days-valid 730}))
(def server (issue middle {:san ["www.example.com" "example.com"] :common-name "www.example.com"
                           :ext-key-usage [:server-auth] :days-valid 90}))
(show "Issued" (server :cert))

# An applicant that keeps its key private sends a request: inspect it, then issue.
(def csr (crypto/generate-csr (crypto/generate-key :ed25519)
                              {:common-name "api.example.com" :organization "Example"}))
(def asked (crypto/parse-csr csr))
(assert (asked :signature-valid))
(printf "Requested: %s for %s\n" (asked :subject-text) (string/join (asked :san) " "))
(def api (cert/issue-cert {:issuer-cert (middle :cert) :issuer-key (middle :key) :csr csr}))

(each [host leaf] [["www.example.com" server] ["api.example.com" api] ["www.example.org" server]]
  (def answer
    (cert/verify-chain (leaf :cert) {:roots (root :cert) :intermediates (middle :cert) :host host}))
  (print host ": " (if (answer :valid)
                     (string "valid, a chain of " (length (answer :chain)))
                     (answer :reason))))

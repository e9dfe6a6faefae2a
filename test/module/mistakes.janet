# Mistakes that programmers make: each raises an error that names function, argument and cure.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/tls)

(def ca (authority "Test CA"))
(def made (issue ca))
(def context (tls/new-context {:verify false}))
(def port (free-port))
(defn- connect [options] (tls/connect "localhost" port options))

# [mistake, call, parts of the error]
(def mistakes
  [["Node's :rejectUnauthorized" |(connect {:rejectUnauthorized false})
    ["tls/connect: " ":rejectUnauthorized" "did you mean :verify"]]
   ["curl's :insecure" |(connect {:insecure true}) ["tls/connect: " "did you mean :verify false"]]
   ["Go's :InsecureSkipVerify" |(connect {:InsecureSkipVerify true}) ["did you mean :verify false"]]
   ["Python's :verify_mode" |(connect {:verify_mode 0}) ["did you mean :verify"]]
   ["Node's :servername" |(connect {:servername "a"}) ["did you mean :hostname"]]
   ["Python's :server_hostname" |(connect {:server_hostname "a"}) ["did you mean :hostname"]]
   ["Python's :check_hostname" |(connect {:check_hostname true}) ["did you mean :verify-hostname"]]
   ["Go's :RootCAs" |(connect {:RootCAs "ca.pem"}) ["did you mean :ca-file"]]
   ["cert's :roots in tls" |(connect {:roots "ca.pem"}) ["tls/connect: " "did you mean :ca-file"]]
   ["tls's :ca-file in cert" |(cert/verify-chain (made :cert) {:ca-file "ca.pem"})
    ["cert/verify-chain: " "did you mean :roots"]]
   ["curl's :cacert" |(connect {:cacert "ca.pem"}) ["did you mean :ca-file"]]
   ["nginx's :certificate" |(tls/new-context {:certificate "a.pem"})
    ["tls/new-context: " "did you mean :cert"]]
   ["Python's :certfile" |(tls/new-context {:certfile "a.pem"}) ["did you mean :cert"]]
   ["Python's :keyfile" |(tls/new-context {:keyfile "a.key"}) ["did you mean :key"]]
   ["Node's :passphrase" |(tls/new-context {:passphrase "secret"}) ["did you mean :password"]]
   ["Node's :ALPNProtocols" |(connect {:ALPNProtocols ["h2"]}) ["did you mean :alpn"]]
   ["Go's :MinVersion" |(connect {:MinVersion :TLS1_3}) ["did you mean :min-version"]]
   ["Node's :requestCert" |(tls/new-context {:requestCert true}) ["did you mean :verify :optional"]]
   ["a misspelt option" |(connect {:hostnam "a"}) ["did you mean :hostname"]]
   ["an option as a string" |(connect {"verify" false}) ["tls/connect: " "did you mean :verify"]]
   ["a server's option for a client" |(connect {:ticket-keys []})
    ["tls/connect: option :ticket-keys is for servers only"]]
   ["virtual hosts for a client" |(connect {:sni {"a.example" made}})
    ["tls/connect: option :sni is for servers only"]]
   ["virtual hosts for a DTLS client" |(dtls/connect "localhost" port {:sni {"a.example" made}})
    ["dtls/connect: bad option :sni, expected string or buffer"]]
   ["host and port in one" |(tls/connect "localhost:443" 443)
    ["tls/connect: host: a port follows the name: give it as the next argument"]]
   ["a URL as the host" |(tls/connect "https://a.example/" 443)
    ["tls/connect: host: a URL is no host name: give its host and its port"]]
   ["host and port swapped" |(tls/connect 443 "localhost") ["tls/connect: host: " "got 443"]]
   ["no port" |(tls/connect "localhost")
    ["tls/connect: arity mismatch" "(tls/connect host port"]]
   ["options in place of the port" |(tls/connect "localhost" {:verify false})
    ["tls/connect: port: " "expected string"]]
   ["a port beyond 65535" |(tls/connect "localhost" 70000) ["tls/connect: port: " "65535"]]
   ["certificate and key swapped" |(tls/new-context {:cert (made :key) :key (made :cert)})
    ["tls/new-context: " "certificate"]]
   ["a certificate without its key" |(tls/new-context {:cert (made :cert)})
    ["tls/new-context: " ":key"]]
   ["the key of another certificate"
    |(tls/new-context {:cert (made :cert) :key ((issue ca) :key)}) ["tls/new-context: " "key"]]
   ["a path of no file" |(cert/parse "cert.pem")
    ["cert/parse: not a certificate: cert.pem: No such file"]]
   ["a key's path of no file" |(crypto/sign "own.key" "data")
    ["crypto/sign: not a private key: own.key: No such file"]]
   ["a context in place of options" |(cert/verify-chain (made :cert) context)
    ["cert/verify-chain: bad options, expected table or struct"]]
   ["a DTLS context for TLS" |(connect (dtls/new-context {:verify false}))
    ["tls/connect: " "expected options or TLS context"]]
   ["arguments of hmac swapped" |(crypto/hmac "key" :sha256 "data") ["crypto/hmac: " "digest"]]
   ["the algorithm last" |(crypto/digest "data" :sha256) ["crypto/digest: " "digest"]]
   ["a server without a certificate" |(tls/accept (net/listen "127.0.0.1" "0") {})
    ["tls/accept: " ":cert"]]
   ["a stream in place of a listener" |(tls/accept context {}) ["tls/accept: listener: "]]
   ["a handler in place of a context" |(tls/accept-loop (net/listen "127.0.0.1" "0") (fn [s]))
    ["tls/accept-loop: arity mismatch" "listener opts handler"]]
   ["seconds as text" |(connect {:timeout "5"}) ["tls/connect: " ":timeout" "seconds"]]])

(test "there are thirty mistakes at least" (is (>= (length mistakes) 30)))

(each [what call parts] mistakes
  (test (string "an error names function, argument and cure: " what)
    (def err (fails-with (first parts) (call)))
    (each part parts (is (string/find part err) (string "no \"" part "\" in: " err)))))

(end)

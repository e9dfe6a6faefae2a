# Nine servers, eight of them with one fault each, for the tool and other programs to judge.
(import ./check :prefix "")
(import ./peers :prefix "")
(import jsec/cert)

(def names
  "The servers: [name what it is]."
  [["good" "sound"] ["expired" "its certificate has expired"]
   ["incomplete" "its intermediate certificate is not sent"]
   ["rsa-1024" "its key is RSA of 1024 bits"] ["tls-1.0" "it has TLS 1.0 only"]
   ["wrong-host" "its certificate names another host"]
   ["sha-1" "its certificate is signed with SHA-1"]
   ["client-cert" "it requires a client's certificate"] ["http" "it speaks plain HTTP"]])

(def- weak ["-cipher" "DEFAULT:@SECLEVEL=0"])

(defn- run-openssl [& words]
  (with-child [c "openssl" ;words] (is= 0 (exit-status c) (described c))))

(defn- sign-with-sha1
  "A certificate for a key, signed by a CA with SHA-1, which the library does not do."
  [dir ca made]
  (defn path [name] (string dir "/" name))
  (spit (path "sha1.ext") "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
  (run-openssl "req" "-new" "-key" (made :key) "-subj" "/CN=localhost" "-out" (path "sha1.csr"))
  (run-openssl "x509" "-req" "-in" (path "sha1.csr") "-CA" (ca :cert) "-CAkey" (ca :key) "-sha1"
               "-days" "30" "-CAcreateserial" "-extfile" (path "sha1.ext") "-out" (path "sha1.crt"))
  {:cert (path "sha1.crt") :key (made :key)})

(defn- certificates
  "Paths of certificate and key by the server's name, and of the CA."
  [dir]
  (def made (authority "Test CA"))
  (def ca (saved dir "ca" made))
  (def middle (issue made :common-name "Test Intermediate" :san [] :ca true))
  (def good (saved dir "good" (issue made)))
  {:ca (ca :cert)
   "good" good "tls-1.0" good "client-cert" good
   "expired" (saved dir "expired" (issue made :not-before (- (os/time) (* 10 86400)) :days-valid 9))
   "incomplete" (saved dir "incomplete" (issue middle))
   "rsa-1024" (saved dir "rsa" (issue made :key-type :rsa :bits 1024))
   "wrong-host" (saved dir "wrong" (issue made :common-name "" :san ["DNS:other.example"]))
   "sha-1" (sign-with-sha1 dir ca good)})

(defn- words-of [name ca]
  (case name
    "rsa-1024" weak
    "sha-1" weak
    "tls-1.0" ["-tls1" ;weak]
    "client-cert" ["-Verify" "1" "-verify_return_error" "-CAfile" ca]
    []))

(defn- start-server [name port made]
  (if (= "http" name)
    (start "python3" "-m" "http.server" "--bind" "127.0.0.1" port)
    (let [{:cert cert :key key} (made name)]
      (start "openssl" "s_server" "-quiet" "-www" "-accept" (string "127.0.0.1:" port)
             "-cert" cert "-key" key ;(words-of name (made :ca))))))

(defn with-servers
  "Call `f` with a table of the servers' ports by name, and the path of their CA."
  [dir f]
  (def made (certificates dir))
  (def ports (from-pairs (map |[(first $) (free-port)] names)))
  (def servers (map |(start-server $ (ports $) made) (keys ports)))
  (defer (each server servers (stop server))
    (each [name port] (map tuple (keys ports) (values ports))
      (until-up (in servers (index-of name (keys ports))) port))
    (f ports (made :ca))))

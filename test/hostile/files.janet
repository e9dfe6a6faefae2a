# Certificates and keys that are missing, damaged, encrypted or another's.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/tls)
(import jsec/tls-stream)

(def dir (tmpdir))
(def ca (authority "Test CA"))
(def server (issue ca))
(def other (issue ca))
(def rsa (issue ca :key-type :rsa))

(defn path-of [name text]
  (def path (string dir "/" name))
  (spit path text)
  path)

(def file-options # options that take a path or content, and what goes with them
  {:cert (fn [value] {:cert value :key (server :key)})
   :key (fn [value] {:cert (server :cert) :key value})
   :ca-file (fn [value] {:ca-file value})
   :trusted-cert (fn [value] {:trusted-cert value})
   :crl (fn [value] {:ca-file (ca :cert) :crl value})})

(defn each-option [f] (eachp [option fill] file-options (f option |(tls/new-context (fill $)))))

(test "a file that is missing is named, with the system's reason"
  (each-option
    (fn [option make]
      (each path [(string dir "/missing.pem") (string dir "/no/such/folder.pem") "missing.pem"
                  (buffer dir "/missing.pem")]
        (is= (string "tls/new-context: :" option ": " path ": No such file or directory")
             (fails-with "No such file" (make path)))))))

(test "a folder in place of a file is refused"
  (each-option
    (fn [option make]
      (is= (string "tls/new-context: :" option ": " dir ": is a directory")
           (fails-with "is a directory" (make dir)))
      (fails-with ": " (make (string dir "/"))))))

(test "a file in place of a folder, and a missing one, are refused for :ca-path"
  (each path [(path-of "file" "x") (string dir "/missing") "" (string/repeat "x" 5000)]
    (fails-with "tls/new-context: :ca-path: " (tls/new-context {:ca-path path}))))

(def unreadable (path-of "unreadable.pem" (server :key)))
(os/chmod unreadable 0)
(def refused-words (string ": " unreadable ": Permission denied"))
(def without-rights ["setpriv" "--reuid" "65534" "--regid" "65534" "--clear-groups"])
(cond
  (not (first (protect (slurp unreadable))))
  (test "a file that can't be read is refused"
    (each-option
      (fn [option make]
        (fails-with (string ":" option refused-words) (make unreadable)))))

  # root reads everything, but can become a user that doesn't
  (and (find-program "setpriv")
       (= 0 (os/execute [;without-rights (dyn *executable*) "-e" "(import jsec/tls)"] :p
                        {:out (file/open "/dev/null" :w) :err (file/open "/dev/null" :w)})))
  (test "a file that can't be read is refused"
    (def code (path-of "without-rights.janet" ```(import jsec/tls) (def [_ path cert] (dyn *args*))
               (each options [{:ca-file path} {:trusted-cert path} {:cert path :key path}
                              {:cert cert :key path} {:ca-file cert :crl path}]
                 (print (last (protect (tls/new-context options)))))```))
    (with-child [c ;without-rights (dyn *executable*) code unreadable (server :cert)]
      (is= 0 (exit-status c) (described c))
      (is= (string/join (map |(string "tls/new-context: :" $ refused-words "\n")
                             ["ca-file" "trusted-cert" "cert" "key" "crl"]))
           (string (c :out)))))

  (skip "a file that can't be read is refused" "this user can read everything"))

(peer-test "mkfifo" "a silent pipe and an endless device are refused soon"
  (def pipe (string dir "/pipe"))
  (is= 0 (os/execute ["mkfifo" pipe] :p))
  (each-option (fn [option make] (fails-with (string ":" option ": ") (make pipe))))
  # another program holds it open, and is silent
  (with-child [c "sh" "-c" `exec 3<>"$0"; echo open; read x` pipe]
    (await c :out "open")
    (fails-with ~(* ":ca-file: " (thru "/pipe: ") (+ "Connection timed out" "Operation timed out"))
                (tls/new-context {:ca-file pipe})))
  (each-option (fn [option make] (fails-with "/dev/zero: larger than 16 MB" (make "/dev/zero")))))

(peer-test "sh" "a certificate may come through a pipe"
  (with-child [c "sh"
               "-c"
               (string `cat | "$0" -e '(import jsec/tls) (tls/new-context {:ca-file `
                       `"/dev/stdin"}) (print "taken")'`) (dyn *executable*)]
    (feed c (ca :cert))
    (is= 0 (exit-status c) (described c))
    (is (string/find "taken" (c :out)))))

(test "what is neither PEM nor DER is refused, as content and in a file"
  (each [content text] [["" "empty, expected PEM, DER or the path of a file"]
                        [@"" "empty, expected PEM, DER or the path of a file"]
                        ["no\npem" "path of a file"]
                        [(string/repeat "x" 5000) "path of a file"]]
    (each-option (fn [option make]
                   (fails-with ~(* ,(string ":" option ": ") (thru ,text)) (make content)))))
  (each content ["" "hello\n" (string/repeat "\xff" 5000) "-----BEGIN" "\x30\x82\xff\xff"
                 (string (os/cryptorand 1000))]
    (each-option (fn [option make]
                   (fails-with (string ":" option ": ") (make (path-of "nonsense" content)))))))

(test "PEM of another kind is refused"
  (fails-with ":cert: not a certificate: no CERTIFICATE block in the PEM"
              (tls/new-context {:cert (server :key) :key (server :key)}))
  (fails-with ":ca-file: not a certificate: no CERTIFICATE block in the PEM"
              (tls/new-context {:ca-file (server :key)}))
  (fails-with ":key: not a private key: no PRIVATE KEY block in the PEM"
              (tls/new-context {:cert (server :cert) :key (server :cert)}))
  (fails-with ":crl: " (tls/new-context {:ca-file (ca :cert) :crl (server :cert)})))

(defn damaged
  "PEM with the middle of its Base64 spoiled, cut off, or empty."
  [pem]
  (def middle (div (length pem) 2))
  (def start (inc (string/find "\n" pem)))
  (def finish (last (string/find-all "-----END" pem)))
  @[(string (string/slice pem 0 middle) "!!!!" (string/slice pem (+ middle 4)))
   (string/slice pem 0 middle)
   (string (string/slice pem 0 start) (string/slice pem finish))
   (string (string/slice pem 0 middle) (string/slice pem finish))
   (string (string/slice pem 0 (- middle 20)) "AAAAAAAA" (string/slice pem (- middle 12)))
   (string/replace "-----END" "-----END X" pem)])

(test "damaged PEM is refused or harmless"
  (each pem (damaged (server :cert))
    (each option [:cert :ca-file :trusted-cert]
      # a change inside of the signature or a name leaves it well-formed
      (match (protect ((file-options option) pem))
        [false why]
        (is (string/find (string ":" option ": not a certificate") why)))
      (protect (tls/new-context ((file-options option) pem)))))
  # a byte that changed in an EC key leaves it well-formed: only others can tell that it signs
  # nothing
  (each pem (array/remove (damaged (server :key)) 4)
    (fails-with ":key: not a private key: damaged, or of a kind that OpenSSL does not know"
                (tls/new-context {:cert (server :cert) :key pem}))))

(test "a certificate cut at any byte is refused"
  (def pem (server :cert))
  (def lines (string/split "\n" (string/trim pem)))
  (for n 0 (- (length pem) 2)
    (when (or (zero? (% n 7)) (< n 60) (> n (- (length pem) 60)))
      (fails-with "tls/new-context: :ca-file: "
                  (tls/new-context {:ca-file (string/slice pem 0 n)}))))
  (is (> (length lines) 5)))

(test "one bad certificate in a bundle or chain makes it fail: none is dropped silently"
  (def [bad] (damaged (other :cert)))
  (fails-with ":ca-file: not a certificate" (tls/new-context {:ca-file (string (ca :cert) bad)}))
  (fails-with ":cert: not a certificate"
              (tls/new-context {:cert (string (server :cert) bad) :key (server :key)})))

(test "text around PEM blocks, CRLF and a missing last newline are fine"
  (each pem [(string "Certificate of a host\n" (server :cert) "\n\n")
             (string/replace-all "\n" "\r\n" (server :cert))
             (string/trimr (server :cert)) (string (server :key) (server :cert))
             (buffer (server :cert))]
    (is (tls/new-context {:cert pem :key (server :key)}))))

(test "a key of another certificate is refused"
  (each key [(other :key) (rsa :key) (ca :key)]
    (is= "tls/new-context: :key does not belong to :cert: they hold different public keys"
         (fails-with ":key does not belong" (tls/new-context {:cert (server :cert) :key key})))))

# ---- encrypted keys ----

(defn encrypted [form & more]
  (def out (string dir "/encrypted-" form ".pem"))
  (def in (path-of "plain.pem" (server :key)))
  (def status (with [devnull (file/open "/dev/null" :w)]
                (os/execute ["openssl" form "-in" in "-out" out ;more] :p {:err devnull})))
  (is= 0 status)
  out)

(peer-test "openssl"
  "an encrypted key is opened with its password only, without a prompt on a terminal"
  (each path [(encrypted "pkcs8" "-topk8" "-v2" "aes256" "-passout" "pass:sésame")
              (encrypted "ec" "-aes256" "-passout" "pass:sésame")]
    (each key [path (slurp path)]
      (defn make [& more] (tls/new-context (merge {:cert (server :cert) :key key} (struct ;more))))
      (is (make :password "sésame"))
      (is (make :password @"sésame"))
      (fails-with "tls/new-context: :key: private key is encrypted: give its password" (make))
      (each password ["" @"" "sesame" "sésame " "s" (string/repeat "x" 1000)
                      (string/repeat "x" 100000)]
        (fails-with '(+ "private key is encrypted: wrong password or damaged key"
                        "password too long") (make :password password))))))

(test "a password for an unencrypted key is ignored"
  (is (tls/new-context {:cert (server :cert) :key (server :key) :password "x"})))

(peer-test "openssl" "without a password OpenSSL does not read it from the terminal"
  (def path (encrypted "pkcs8" "-topk8" "-v2" "aes256" "-passout" "pass:secret"))
  (with-child [c (dyn *executable*) "-e"
               (string/format
                 (string `(import jsec/tls) (print (protect (tls/new-context {:cert %q :key `
                         `%q}))) (print "went on")`)
                 (server :cert) path)]
    (feed c "secret\nsecret\n")
    (exit-status c)
    (is (string/find "went on" (c :out)) (described c))
    (is= nil (string/find "pass phrase" (string (c :out) (c :err))))))

(test "no encrypted block of any kind makes OpenSSL ask on the terminal"
  (def code ```(import jsec/tls) (import jsec/cert) (import jsec/crypto)
    (def [_ ca body] (dyn *args*))
    (defn locked [kind]
      (string "-----BEGIN " kind "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,"
              (string/repeat "0" 32) "\n\n" body "-----END " kind "-----\n"))
    (each [kind call] [["CERTIFICATE" cert/parse] ["CERTIFICATE" |(tls/new-context {:ca-file $})]
                        ["TRUSTED CERTIFICATE" |(tls/new-context {:trusted-cert $})]
                        ["CERTIFICATE REQUEST" crypto/parse-csr]
                        ["X509 CRL" |(tls/new-context {:ca-file ca :crl $})]
                        ["CMS" crypto/cms-get-certs] ["PKCS7" crypto/cms-get-certs]
                        ["PRIVATE KEY" crypto/key-info] ["ENCRYPTED PRIVATE KEY" crypto/key-info]
                        ["PUBLIC KEY" crypto/key-info] ["DH PARAMETERS" crypto/key-info]]
      (def [fine why] (protect (call (locked kind))))
      (unless (or (string? why) (and fine (dictionary? why))) (printf "%s: %q" kind why)))
    (print "went on")```)
  (def body (string/slice (server :cert) (length "-----BEGIN CERTIFICATE-----\n")
                          (string/find "-----END" (server :cert))))
  (with-child [c (dyn *executable*) (path-of "asks.janet" code) (ca :cert) body]
    (feed c (string/repeat "secret\n" 50))
    (exit-status c)
    (is= ["went on\n" ""] [(string (c :out)) (string (c :err))])))

# ---- what becomes of it ----

(test "each entry point raises with its own name"
  (def listener (tls/listen "127.0.0.1" "0"))
  (def bad {:cert (server :cert) :key (other :key)})
  (defer (ev/close listener)
    (each [name call] [["tls/connect" |(tls/connect "127.0.0.1" (port-of listener) bad)]
                       ["tls/accept" |(tls/accept listener bad)]
                       ["tls/accept-loop" |(tls/accept-loop listener bad (fn [s]))]
                       ["tls/new-context" |(tls/new-context bad)]]
      (fails-with (string name ": :key does not belong to :cert") (call)))
    (with [plain (net/connect "127.0.0.1" (port-of listener))]
      (fails-with "tls/wrap: :key does not belong to :cert" (tls/wrap plain bad))
      (fails-with "tls/upgrade: :key does not belong to :cert" (tls/upgrade plain "localhost" bad))
      (:write plain "the stream is still the caller's"))))

(test "trust-cert refuses what is no certificate, and leaves the context as it was"
  (def context (tls/new-context {:ca-file (ca :cert)}))
  (each bad ["" "/no/such/file" dir (server :key) "no\npem" ;(slice (damaged (server :cert)) 0 3)]
    (fails-with "tls-stream/trust-cert: " (tls-stream/trust-cert context bad)))
  (with-server [s server echo]
    (with [c (tls/connect "127.0.0.1" (s :port) context)] (is= @"x" (sent-back c "x")))))

(test "a file that was replaced is read anew, also where options are a table each time"
  (def cert (path-of "changing.crt" (server :cert)))
  (def key (path-of "changing.key" (server :key)))
  (def trusted (path-of "trusted.crt" (other :cert)))
  (is (tls/new-context {:cert cert :key key}))
  (def listener (tls/listen "127.0.0.1" "0"))
  (defer (ev/close listener)
    (defn meet [trust]
      (def seen (ev/chan 1))
      (ev/go (fn []
               (ev/give seen
                        (protect (with [s (tls/accept listener {:cert cert :key key})]
                                   (:read s 1))))))
      (def met (protect (with [c (tls/connect "127.0.0.1" (port-of listener) {:trusted-cert trust})]
                          true)))
      (ev/take seen)
      (first met))
    (is= [true false] [(meet (server :cert)) (meet (other :cert))])
    (spit cert (other :cert))
    (spit key (other :key))
    (is= [false true] [(meet (server :cert)) (meet (other :cert))])
    (is= true (meet trusted))
    (spit trusted (server :cert))
    (is= false (meet trusted))))

(test "a file that is gone is missed"
  (def path (path-of "gone.crt" (ca :cert)))
  (def options {:ca-file path})
  (with-server [s server echo]
    (with [c (tls/connect "127.0.0.1" (s :port) options)])
    (os/rm path)
    (fails-with "No such file or directory" (tls/connect "127.0.0.1" (s :port) options))))

(end)

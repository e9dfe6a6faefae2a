# A certificate authority in a folder: what it issues, lists and revokes; several processes at once;
# a full disk. And the CA for development.
(import ../support/check :prefix "")
(import ../support/compile :prefix "")
(import ../support/peers :prefix "")
(import jsec/ca)
(import jsec/ca/files)
(import jsec/ca/folder)
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def dir (tmpdir))
(defn at [& parts] (string/join [dir ;parts] "/"))
(defn fresh "A new CA; its folder." [&opt opts]
  (def place (at (string "ca" (length (os/dir dir)))))
  (ca/create place opts)
  place)
(defn serial [made] ((cert/parse (made :cert)) :serial))
(defn serials [place] (map |($ :serial) (ca/list place)))
(defn run [& command]
  (with-child [c ;command] [(exit-status c) (string (c :out) (c :err))]))
(defn as-process "A Janet program, to run as a process." [code & words]
  (def path (at (string "program" (length (os/dir dir)) ".janet")))
  (spit path code)
  [(dyn *executable*) path ;words])

# ---- one process ----

(test "a CA is a few files in a folder, its key is its owner's only"
  (def place (fresh {:common-name "My CA"}))
  (is= ["ca.index" "ca.key" "ca.lock" "ca.pem"] (tuple ;(sorted (os/dir place))))
  (is= "rw-------" (os/stat (string place "/ca.key") :permissions))
  (def info (cert/parse (slurp (string place "/ca.pem"))))
  (is= ["CN=My CA,O=jsec" true 0] [(info :subject-text) (info :is-ca) (info :path-length)])
  (is= @[] (ca/list place)))

(test "options that a prototype holds count"
  (def info (cert/parse (slurp (string (fresh (struct/with-proto {:path-length 2} :days-valid 9))
                                       "/ca.pem"))))
  (is= 2 (info :path-length))
  (def made (ca/issue (fresh) "a.example" (table/setproto @{} @{:ext-key-usage [:client-auth]})))
  (is= [:clientAuth] ((cert/parse (made :cert)) :ext-key-usage)))

(test "an issued certificate verifies, and the index has it"
  (def place (fresh))
  (def made (ca/issue place ["a.example" "192.0.2.1"]))
  (is= [:cert :key] (tuple ;(sorted (keys made))))
  (is ((cert/verify-chain (made :cert) {:roots (slurp (string place "/ca.pem")) :host "a.example"})
        :valid))
  (def [entry] (ca/list place))
  (def info (cert/parse (made :cert)))
  (is= [:valid (info :serial) ["DNS:a.example" "IP:192.0.2.1"] (info :not-after) (info :sha256)]
       [(entry :status) (entry :serial) (entry :names) (entry :not-after) (entry :sha256)])
  (is= [:serverAuth] (info :ext-key-usage))
  (is= 365 (math/round (/ (- (info :not-after) (os/time)) 86400))))

(test "options of cert/issue-cert go through"
  (def place (fresh))
  (def key (crypto/generate-key :p256))
  (def csr (crypto/generate-csr key {:common-name "b.example"}))
  (def made (ca/issue place nil {:csr csr :days-valid 3 :crl-urls "http://a.example/ca.crl"}))
  (is= [nil ["DNS:b.example"]] [(made :key) ((cert/parse (made :cert)) :san)])
  (def client (ca/issue place "jo@a.example" {:ext-key-usage [:client-auth] :key-type :ed25519}))
  (is= @[["email:jo@a.example"] :ed25519]
       (map (cert/parse (client :cert)) [:san :key-type]))
  (def long (string (string/repeat "a" 60) ".example"))
  (is= [(string "DNS:" long)] (tuple ;((cert/parse ((ca/issue place long) :cert)) :san)))
  (fails-with "serial number 05 is taken"
              (repeat 2 (ca/issue place "x.example" {:serial 5})))
  (fails-with ":key-file is for a new key" (ca/issue place "x" {:key key :key-file (at "k")}))
  (fails-with "unknown option :day-valid" (ca/issue place "x" {:day-valid 3}))
  (fails-with "is not an IP address" (ca/issue place "300.1.1.1"))
  (is= 4 (length (ca/list place)) "what was refused is not listed"))

(test "a certificate ends with its CA at the latest"
  (def place (fresh {:days-valid 10}))
  (def info (cert/parse ((ca/issue place "a.example") :cert)))
  (is= ((cert/parse (slurp (string place "/ca.pem"))) :not-after) (info :not-after)))

(test "a revoked certificate is in the next list, and verifiers refuse it"
  (def place (fresh))
  (def roots (slurp (string place "/ca.pem")))
  (def [good bad] [(ca/issue place "good.example") (ca/issue place "bad.example")])
  (is= "01" ((cert/parse-crl (ca/crl place)) :number))
  (def [entry] (ca/revoke place "bad.example" {:reason :key-compromise}))
  (is= [(serial bad) :keyCompromise] [(entry :serial) (entry :reason)])
  (def list (ca/crl place {:days-valid 5}))
  (is= list (string (slurp (string place "/ca.crl"))))
  (def info (cert/parse-crl list))
  (is= ["02" (serial bad) :keyCompromise (entry :revoked)]
       [(info :number) ;(map (get-in info [:revoked 0]) [:serial :reason :time])])
  (is= @[true false]
       (map |(cert/revoked? ($ :cert) list {:issuer-cert roots}) [bad good]))
  (is= [:valid :revoked] (tuple ;(map |($ :status) (ca/list place))))
  (each [made version answer] [[good :TLS1_2 true] [bad :TLS1_2 false] [bad :TLS1_3 false]]
    (with-server [server (merge made {:max-version version}) |(:read $ 1)]
      (def name (if (= made good) "good.example" "bad.example"))
      (is= answer
           (first (protect
                    (with [s (tls/connect "127.0.0.1" (server :port)
                                          {:ca-file (string place "/ca.pem") :hostname name
                                           :crl (string place "/ca.crl")})]
                      (:version s))))))))

(test "certificates are revoked by serial number, by name, and by themselves"
  (def place (fresh))
  (def made (seq [i :range [0 6]] (ca/issue place (if (< i 3) "same.example" "10.0.0.1"))))
  (def [a b c d] made)
  (fails-with "3 certificates have the name same.example" (ca/revoke place "same.example"))
  (ca/revoke place (string/ascii-upper (serial a)))
  (fails-with "ca/revoke: revoked already: " (ca/revoke place (serial a)))
  (fails-with "2 certificates" (ca/revoke place "SAME.example"))
  (is= 2 (length (ca/revoke place "same.example" {:all true :time 1700000000})))
  (is= (serial d) (get-in (ca/revoke place (d :cert) {:reason "superseded"}) [0 :serial]))
  (is= 2 (length (ca/revoke place "10.0.0.1" {:all true})))
  (fails-with "no certificate of this CA" (ca/revoke place "none.example"))
  (fails-with "or serial number given" (ca/revoke place (string/repeat "secret" 50)))
  (fails-with "bad option :reason" (ca/revoke place "x" {:reason :because}))
  (fails-with "not of this CA" (ca/revoke place ((authority "Other") :cert)))
  (is= @[1700000000 1700000000] (map |($ :revoked) (slice (ca/list place) 1 3))))

(test "a certificate that the index lacks can be revoked, too"
  (def place (fresh))
  (def [cert key] (map |(slurp (string place $)) ["/ca.pem" "/ca.key"]))
  (def stray (cert/issue-cert {:issuer-cert cert :issuer-key key :common-name "x.example"
                               :key-type :p256}))
  (ca/revoke place (stray :cert))
  (is (cert/revoked? (stray :cert) (ca/crl place)))
  (is= [:revoked] (tuple ;(map |($ :status) (ca/list place)))))

(test "a CA's key can be encrypted"
  (def place (fresh {:ca-password "geheim"}))
  (is ((crypto/key-info (slurp (string place "/ca.key"))) :encrypted))
  (fails-with "password" (ca/issue place "a.example"))
  (is (ca/issue place "a.example" {:ca-password "geheim"}))
  (is (ca/crl place {:ca-password "geheim"})))

(test "a CA that other tools made is taken, and starts its index"
  (def made (authority "Foreign CA"))
  (def base (at "foreign"))
  (spit (string base ".pem") (made :cert))
  (spit (string base ".secret") (made :key))
  (ca/issue (string base ".pem") "a.example" {:ca-key (slurp (string base ".secret"))})
  (is= 1 (length (ca/list (string base ".pem")))))

(test "a CA is not replaced by chance, and no CA is a clear error"
  (def place (fresh))
  (fails-with "is there already" (ca/create place))
  (ca/issue place "a.example")
  (ca/create place {:force true})
  (is= 0 (length (ca/list place)))
  (each f [ca/list ca/crl |(ca/issue $ "a.example") |(ca/revoke $ "x")]
    (def folder (at "nothing"))
    (os/mkdir folder)
    (fails-with "there is no CA" (f folder)))
  (fails-with "No such file" (ca/issue (at "nowhere") "a"))
  (each place [nil 5 ""] (fails-with "bad slot #0" (ca/list place))))

(test "a damaged index raises and stays as it is"
  (def place (fresh))
  (ca/issue place "a.example")
  (def whole (string (slurp (string place "/ca.index"))))
  (each text ["" "{" (string/slice whole 0 -20) "5" "{:version 2}" "{:version 1 :crl-number 0}"
              "{:version 1 :crl-number 0 :certificates [5]}" "\xff" "(os/exit 1)"]
    (spit (string place "/ca.index") text)
    (each f [ca/list ca/crl |(ca/issue $ "b.example") |(ca/revoke $ "a.example")]
      (fails-with "is damaged" (f place)))
    (is= text (string (slurp (string place "/ca.index")))))
  (spit (string place "/ca.index") whole)
  (is= 1 (length (ca/list place))))

# ---- several at once ----

(test "fibers of one process issue at once, and the index has all" :deadline 60
  (def place (fresh))
  (def count (inc (load 9)))
  (def ended (ev/chan count))
  # an RSA key is made on a worker, so other fibers run meanwhile
  (repeat count
    (ev/go (fn [] (ev/give ended (protect (ca/issue place "a.example" {:key-type :rsa}))))))
  (repeat count
    (def [issued why] (ev/take ended))
    (is issued why))
  (is= count (length (distinct (serials place)))))

(test "processes issue and revoke at once, and no entry is lost" :deadline 60
  (def place (fresh))
  (def code ```(import jsec/ca)
    (def [_ place count] (dyn *args*))
    (repeat (scan-number count)
      (def made (ca/issue place "a.example"))
      (ca/revoke place (made :cert))
      (ca/crl place))```)
  (def count (load 15))
  (def command (as-process code place (string count)))
  (with-child [a ;command]
    (with-child [b ;command]
      (with-child [c ;command]
        (each child [a b c] (is= [0 ""] [(exit-status child) (string (child :err))])))))
  (def listed (ca/list place))
  (is= (* 3 count) (length (distinct (serials place))))
  (is (all |(= :revoked ($ :status)) listed))
  (def list (cert/parse-crl (slurp (string place "/ca.crl"))))
  (is= (* 3 count) (length (list :revoked)))
  (is= (string/format "%02x" (* 3 count)) (list :number)))

(test "a process that is killed leaves neither a lock nor rubbish"
  (def place (fresh))
  (def paths (folder/paths "x" place))
  (def code ```(import jsec/ca/folder)
    (def [_ place] (dyn *args*))
    (folder/with-lock "x" (folder/paths "x" place)
      (fn []
        (spit (string place "/ca.index.0123456789abcdef.part") "half")
        (print "locked")
        (flush)
        (ev/sleep 60)))```)
  (with-child [c ;(as-process code place)]
    (await c :out "locked")
    (def waiting (ev/chan 1))
    (ev/go (fn [] (ev/give waiting (protect (ca/issue place "a.example")))))
    (ev/sleep 0.1)
    (is= 0 (ev/count waiting) "it waits for the lock")
    (os/proc-kill (c :proc) false :kill)
    (is (first (ev/take waiting))))
  (is= ["ca.index" "ca.key" "ca.lock" "ca.pem"] (tuple ;(sorted (os/dir place)))))

# ---- a full disk ----

(def full-disk ```(import jsec/ca)
  (def [_ place filler] (dyn *args*))
  (ca/create place)
  (ca/issue place "a.example")
  (ca/crl place)
  (defn contents [] (from-pairs (map |[$ (string (slurp (string place "/" $)))] (os/dir place))))
  (def before (contents))
  (def out (file/open filler :wb))
  (protect (forever (file/write out (string/repeat "x" 4096)) (file/flush out)))
  (protect (file/close out))
  (each f [|(ca/issue place "b.example" {:cert-file (string place "/b.pem")})
           |(ca/revoke place "a.example") |(ca/crl place) |(ca/create place {:force true})]
    (def [fine err] (protect (f)))
    (assert (not fine))
    (assert (string/find "No space left" err) err)
    (assert (deep= before (contents))))
  (os/rm filler)
  (ca/issue place "b.example")
  (assert (= 2 (length (ca/list place))))
  (print "whole")```)

(if (and (find-program "unshare") (find-program "mount")
         (= 0 (os/execute ["unshare" "-m" "true"] :p {:err (file/open "/dev/null" :w)})))
  (test "on a full disk calls raise, and all files stay as they were"
    (def mounted (at "small"))
    (os/mkdir mounted)
    (def command (as-process full-disk (string mounted "/ca") (string mounted "/filler")))
    (def [status text]
      (run "unshare" "-m" "sh" "-c"
           (string "mount -t tmpfs -o size=64k none " mounted " && exec \"$@\"") "sh" ;command))
    (is= [0 "whole\n"] [status text]))
  (skip "on a full disk calls raise, and all files stay as they were"
        "no file system may be mounted here"))

# ---- a loss of power, a bad disk ----

(def calls-of (if (= :linux (os/which)) (compile-native "sync")))
(defn- watched
  "The calls of a program that move data to the disk, each as [call name], and what it printed."
  [failing code & words]
  (def settings [(string "LD_PRELOAD=" calls-of) (string "JSEC_FAIL_SYNC=" failing)
                 (string "ASAN_OPTIONS=" (os/getenv "ASAN_OPTIONS" "")
                         ":verify_asan_link_order=0")])
  (with-child [c "env" ;settings ;(as-process code ;words)]
    (exit-status c)
    # where janet is for another processor, `env` says that it can't load the library
    (def lines (filter |(not (string/has-prefix? "ERROR: ld.so:" $))
                       (string/split "\n" (string/trim (string (c :err))))))
    [(map |(string/split " " $) lines) (string (c :out))]))

(def- issue-code ```(import jsec/ca) (import jsec/crypto)
  (def [_ place folder] (dyn *args*))
  (def [fine why] (protect (ca/issue place "a.example" {:cert-file (string folder "/a.pem")
                                                        :key-file (string folder "/a.key")})))
  (unless fine (print why))```)

(def- durable "a change is on the disk, step by step, the index first")
(def- bad-disk "a disk that fails before the first rename changes nothing, and raises")
(if calls-of
  (do
    (test durable
      (def [place folder] [(fresh) (at "made")])
      (os/mkdir folder)
      (def [calls out] (watched 0 issue-code place folder))
      (is= "" out)
      (def parts (take 3 calls))
      (is= @["fsync" "fsync" "fsync"] (map first parts))
      (each [[_ name] start] (map tuple parts ["ca.index." "a.pem." "a.key."])
        (is (string/has-prefix? start name) name))
      (def place-name (last (string/split "/" place)))
      (is= @[["rename" "ca.index"] ["fsync" place-name] ["rename" "a.pem"] ["fsync" "made"]
             ["rename" "a.key"] ["fsync" "made"]]
           (map |(tuple ;$) (drop 3 calls))))
    (test bad-disk
      (def place (fresh))
      (def before (map slurp [(string place "/ca.index") (string place "/ca.pem")]))
      (each failing [1 2 3]
        (def [_ out] (watched failing issue-code place dir))
        (is (string/find "not written to the disk: Input/output error" out) out)
        (is= before (map slurp [(string place "/ca.index") (string place "/ca.pem")]))
        (is= nil (or (os/stat (at "a.pem")) (os/stat (at "a.key")))))))
  (each name [durable bad-disk] (skip name "it takes Linux, a C compiler and janet.h")))

# ---- judges ----

(peer-test "openssl" "the openssl command verifies what the CA issues, and its list"
  (def place (fresh))
  (ca/issue place "a.example" {:cert-file (at "a.pem") :key-file (at "a.key")})
  (ca/issue place "b.example" {:cert-file (at "b.pem") :key-file (at "b.key")})
  (is= "rw-------" (os/stat (at "a.key") :permissions))
  (ca/revoke place "b.example")
  (ca/crl place)
  (defn verify [name]
    (first (run "openssl" "verify" "-x509_strict" "-crl_check" "-CAfile" (string place "/ca.pem")
                "-CRLfile" (string place "/ca.crl") "-verify_hostname"
                (string name ".example") (at (string name ".pem")))))
  (is= @[0 2] (map verify ["a" "b"])))

# ---- development ----

(os/setenv "XDG_DATA_HOME" (at "data"))

(test "a development certificate works at once, for server and client"
  (def made (ca/dev "localhost" "127.0.0.1"))
  (is= [:ca-file :cert :key] (tuple ;(sorted (keys made))))
  (each path made (is (string/has-prefix? (at "data" "jsec") path)))
  (is= "rwx------" (os/stat (at "data" "jsec") :permissions))
  (is= "rw-------" (os/stat (made :key) :permissions))
  (with-server [server made echo]
    (each host ["localhost" "127.0.0.1"]
      (with [s (tls/connect host (server :port) {:ca-file (made :ca-file)})]
        (:write s "hello")
        (is= "hello" (string (:chunk s 5)))))))

(test "a development certificate is made once, and again when it can't be used"
  (defn made [& names] (string (slurp ((ca/dev ;names) :cert))))
  (def first-one (made "localhost" "127.0.0.1"))
  (is= first-one (made "localhost" "127.0.0.1"))
  (is (not= first-one (made "other.example")))
  (is= ["DNS:localhost" "IP:127.0.0.1" "IP:::1"] ((cert/parse (made)) :san))
  (def {:key key :cert path} (ca/dev "localhost" "127.0.0.1"))
  (spit key (crypto/generate-key :p256))
  (def second-one (made "localhost" "127.0.0.1"))
  (is (not= first-one second-one) "the key was another")
  (ca/revoke (at "data" "jsec") second-one)
  (is (not= second-one (made "localhost" "127.0.0.1")) "it was revoked")
  (spit path "nonsense")
  (is (cert/parse (made "localhost" "127.0.0.1"))))

(test "a development CA that ends soon is replaced"
  (def place (at "data" "jsec"))
  (ca/create place {:days-valid 20 :force true})
  (ca/dev "localhost")
  (is (> ((cert/parse (slurp (string place "/ca.pem"))) :not-after) (+ (os/time) (* 1000 86400)))))

(test "the data folder is that of the standard"
  (os/setenv "XDG_DATA_HOME" "relative")
  (os/setenv "HOME" (at "home"))
  (is (string/has-prefix? (at "home" ".local" "share" "jsec") ((ca/dev) :cert)))
  (os/setenv "XDG_DATA_HOME" nil)
  (os/setenv "HOME" nil)
  (fails-with "neither XDG_DATA_HOME nor HOME is set" (ca/dev)))

(test "processes that need the same certificate get the same one"
  (def code `(import jsec/ca) (print (slurp ((ca/dev "x.example") :cert)))`)
  (def command ["env" (string "XDG_DATA_HOME=" (at "shared")) ;(as-process code)])
  (with-child [a ;command]
    (with-child [b ;command]
      (is= [0 0] [(exit-status a) (exit-status b)])
      (is= (string (a :out)) (string (b :out))))))

(end)

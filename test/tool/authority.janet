# jsec cert with a CA in a folder: ca, issue, list, revoke, crl, dev, trust.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def tool (string (os/cwd) "/bin/jsec"))
(def dir (tmpdir))
(defn at [& parts] (string/join [dir ;parts] "/"))

(defn run-in
  "Run a program in a folder. Returns [status out err]."
  [folder & command]
  (with-child [c "env" (string "--chdir=" folder) (string "XDG_DATA_HOME=" (at "data")) ;command]
    (feed c "")
    [(exit-status c) (string (c :out)) (string (c :err))]))

(defn jsec [folder & words] (run-in folder (dyn *executable*) tool "cert" ;words))

(defn fine
  "What the tool prints in a folder; fails unless it ends with 0."
  [folder & words]
  (def [status out err] (jsec folder ;words))
  (is= [0 ""] [status err] (string/join words " "))
  out)

(defn fails
  "The error of the tool in a folder."
  [folder & words]
  (def [status _ err] (jsec folder ;words))
  (is= 1 status)
  err)

(defn has [text & parts] (each part parts (is (string/find part text) (string part "\nin\n" text))))
(defn fresh [] (def folder (tmpdir)) (fine folder "ca") folder)

(test "a CA issues, lists, revokes, and makes its list"
  (def folder (fresh))
  (is= "wrote a.example.pem\nwrote a.example.key (keep it secret)\n"
       (fine folder "issue" "a.example" "10.0.0.1"))
  (fine folder "issue" "jo@b.example" "--client" "-o" "jo")
  (has (fine folder "list") "a.example, 10.0.0.1\n  until 2" "jo@b.example\n  until 2")
  (has (fine folder "revoke" "a.example" "--reason" "key-compromise") "revoked " "CN=a.example"
       "jsec cert crl")
  (has (fine folder "list") "keyCompromise")
  (has (fine folder "crl") "wrote ca.crl: 1 certificate, valid until 2")
  (has (fine folder "show" "ca.crl") "revocation list of CN=Development CA,O=jsec"
       "number       01" "keyCompromise")
  (has (fine folder "list" "--json") `"status":"revoked"` `"names":["email:jo@b.example"]`))

(test "--reason takes all reasons of RFC 5280, in its spelling, OpenSSL's and with dashes"
  (def folder (fresh))
  (each [given reason]
    [["unspecified" "unspecified"] ["keyCompromise" "keyCompromise"]
     ["key-compromise" "keyCompromise"] ["CACompromise" "cACompromise"]
     ["ca-compromise" "cACompromise"] ["affiliationChanged" "affiliationChanged"]
     ["superseded" "superseded"] ["cessationOfOperation" "cessationOfOperation"]
     ["certificateHold" "certificateHold"] ["privilege-withdrawn" "privilegeWithdrawn"]
     ["aACompromise" "aACompromise"]]
    (fine folder "issue" (string given ".example") "-o" given)
    (fine folder "revoke" (string given ".pem") "--reason" given)
    (has (fine folder "list") (string given ".example\n  revoked 20")
         (string ", " reason "\n")))
  (has (fine folder "crl") "11 certificates"))

(peer-test "openssl" "openssl refuses what is revoked, and accepts the rest"
  (def folder (fresh))
  (each name ["good.example" "bad.example"] (fine folder "issue" name))
  (fine folder "revoke" "bad.example.pem")
  (fine folder "crl" "--days" "3")
  (defn verify [name]
    (first (run-in folder "openssl" "verify" "-x509_strict" "-crl_check" "-CAfile" "ca.pem"
                   "-CRLfile" "ca.crl" "-verify_hostname" name (string name ".pem"))))
  (is= @[0 2] (map verify ["good.example" "bad.example"])))

(test "a certificate to revoke is given by name, serial number, or file in PEM or DER"
  (def folder (fresh))
  (defn path [name] (string folder "/" name))
  (each name ["a" "b" "c" "d"] (fine folder "issue" (string name ".example") "-o" name))
  (spit (path "b.der") (crypto/convert-cert (slurp (path "b.pem")) :der))
  (spit (path "key.der") (crypto/convert-key (slurp (path "c.key")) :der))
  (spit (path "c.example") "a file that has the name of a host")
  (each which ["a.pem" "b.der" "c.example" ((cert/parse (slurp (path "d.pem"))) :serial)]
    (has (fine folder "revoke" which) "revoked "))
  (each which ["a.key" "key.der"]
    (is= (string "jsec: no certificate of this CA has the name or serial number " which "\n")
         (fails folder "revoke" which))))

(test "a CA lies in a folder of its own, or under a name of its own"
  (def folder (tmpdir))
  (is= "wrote pki/own/ca.pem\nwrote pki/own/ca.key (keep it secret)\n" (fine folder "ca" "pki/own"))
  (is= "wrote corp.pem\nwrote corp.key (keep it secret)\n" (fine folder "ca" "-o" "corp"))
  (each [ca name] [["pki/own" "a"] ["pki/own/ca.pem" "b"] ["corp.pem" "c"]]
    (fine folder "issue" "--ca" ca (string name ".example")))
  (has (fine folder "list" "--ca" "pki/own/") "a.example" "b.example")
  (has (fine folder "list" "--ca" "corp.pem") "c.example"))

(test "a CA's key can have a password"
  (def folder (tmpdir))
  (spit (string folder "/pw") "geheim\n")
  (fine folder "ca" "--ca-password-file" "pw")
  (has (fails folder "issue" "a.example") "password")
  (fine folder "issue" "a.example" "--ca-password-file" "pw")
  (fine folder "crl" "--ca-password-file" "pw"))

(test "mistakes are told, and nothing is issued or replaced"
  (def folder (fresh))
  (has (fails folder "ca") "ca.pem is there already: --force")
  (has (fails folder "issue" "300.1.1.1") "is not an IP address")
  (fine folder "issue" "a.example")
  (has (fails folder "issue" "a.example") "a.example.pem is there already: --force replaces it")
  (fine folder "issue" "a.example" "--force")
  (has (fails folder "revoke" "a.example") "2 certificates have the name a.example" "--all")
  (has (fails folder "revoke" "b.example") "no certificate of this CA")
  (has (fine folder "revoke" "a.example" "--all") "CN=a.example")
  (is= 2 (length (string/find-all "\n  revoked 2" (fine folder "list"))))
  (has (fails (tmpdir) "list") "there is no ca.pem: jsec cert ca makes one")
  (each words [["revoke"] ["revoke" "a" "b"] ["list" "x"] ["crl" "x"] ["ca" "x" "y"] ["issue"]
               ["revoke" "a" "--reason" "because"]]
    (is= 2 (first (jsec folder ;words)) (string/join words " "))))

(test "certificates of the tool have no defaults of a test"
  (def folder (fresh))
  (fine folder "issue" "a.example")
  (fine folder "self" "b.example")
  (def text (fine folder "show" "a.example.pem" "b.example.pem" "ca.pem"))
  (has text "certificate CN=a.example\n" "certificate CN=b.example\n")
  (each part ["O=Test" "C=US"] (is (not (string/find part text)))))

(test "certificates name the place of the list"
  (def folder (fresh))
  (fine folder "issue" "a.example" "--crl-url" "http://a.example/ca.crl")
  (has (fine folder "show" "a.example.pem" "--json") "URI:http://a.example/ca.crl"))

# ---- development ----

(test "dev makes a certificate once, and says where it is"
  (def folder (tmpdir))
  (def text (fine folder "dev" "localhost" "a.test"))
  (has text (at "data" "jsec" "ca.pem") "localhost-" ".key")
  (is= text (fine folder "dev" "localhost" "a.test"))
  (has (fine folder "dev" "--json") `"ca-file":"`))

(test "trust shows the commands of each system, for the right CA"
  (def folder (tmpdir))
  (def own (string (os/realpath (at "data")) "/jsec/ca.pem"))
  (has (fine folder "trust") own "sudo update-ca-certificates" "sudo update-ca-trust"
       "trust anchor --store" "security add-trusted-cert" "certutil -d sql:")
  (def other (string folder "/it's"))
  (fine folder "ca" other)
  (has (fine folder "trust" "--ca" other) `'\''s/ca.pem' /usr/local/share/ca-certificates/jsec-`)
  (fine folder "self" "a.example")
  (fine folder "ca")
  (fine folder "issue" "b.example")
  (has (fails folder "trust" "--ca" "b.example.pem") "is no CA's certificate"))

(def can-mount
  (and (find-program "unshare") (find-program "update-ca-certificates") (find-program "openssl")
       (= 0 (os/execute ["unshare" "-m" "mount" "-t" "tmpfs" "none" "/mnt"] :p
                        {:err (file/open "/dev/null" :w)}))))

(if can-mount
  (test "trust --install makes this system trust the CA" :deadline 120
    (def folder (fresh))
    (fine folder "issue" "a.example")
    (def script ``
      set -e
      certs=$(mktemp -d)
      cp -a /etc/ssl/certs/. "$certs"
      mount -t tmpfs none /etc/ssl/certs
      cp -a "$certs"/. /etc/ssl/certs
      mount -t tmpfs none /usr/local/share/ca-certificates
      rm -r "$certs"
      ! openssl verify a.example.pem >/dev/null 2>&1
      PATH=$(dirname "$(command -v "$1")"):/usr/bin:/bin "$@" >log
      grep -q "trusts the CA now" log
      openssl verify a.example.pem
      ``)
    (def [status out err]
      (run-in folder "unshare" "-m" "sh" "-c" script "sh" (dyn *executable*) tool "cert" "trust"
              "--install"))
    (is= [0 "a.example.pem: OK\n"] [status out] err))
  (skip "trust --install makes this system trust the CA" "no file system may be mounted here"))

(end)

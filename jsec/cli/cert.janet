# jsec cert: makes certificates for development, and shows the contents of files.
(import ./args)
(import ./lazy)

(def command
  {:name "cert"
   :usage (string "self NAME... | csr NAME... | show FILE... | verify FILE... | ca [FOLDER] | "
                  "issue NAME... | list | revoke NAME | crl | dev NAME... | trust | acme NAME...")
   :summary "make, issue, revoke, show and verify certificates, with an own CA or by ACME"
   :text ``
self NAME...   a key and a self-signed certificate for these names (DNS names,
               IP addresses, email addresses)
csr NAME...    a key and a certificate request, to send to a CA
show FILE...   the certificates, requests, lists, keys and CMS in files (PEM,
               DER, PKCS#12; "-": stdin)
verify FILE... a certificate, followed by its intermediates: --ca trusts,
               --host is the name wanted

ca [FOLDER]    an own CA: clients trust ca.pem, ca.key is secret, ca.index
               lists what it issued
issue NAME...  a key and a certificate by that CA, for a server or with
               --client for a client
list           what the CA issued: serial numbers, names, dates
revoke NAME    revoke the certificate with that name or serial number, or the
               one in that file
crl            the CA's revocation list, ca.crl: make it anew after each
               revocation, and monthly
dev NAME...    a certificate for development by a CA of this user, kept in
               $XDG_DATA_HOME/jsec, and made once
trust          the commands that make a system trust the CA; --install runs
               them on Debian

acme NAME...   a certificate from a CA that speaks ACME, such as Let's Encrypt,
               for these DNS names; with --renew-within fit for cron

Files are named after --out, or after the first NAME: NAME.pem (or NAME.csr) and NAME.key, which
only its owner can read. Existing files are not replaced. Keys are P-256 unless --key-type is given.
``
   # :of lists the actions that take the option
   :options [{:name "out" :short "o" :value "BASE" :doc "write BASE.pem, BASE.key"
              :of ["self" "csr" "ca" "issue" "acme"]}
             {:name "days" :value "DAYS" :kind :integer :of ["self" "ca" "issue" "crl"]
              :doc "validity (default 365; of a CA 3650, of a list 30)"}
             {:name "key-type" :value "TYPE" :kind ["ec-p256" "ec-p384" "ec-p521" "ed25519" "rsa"]
              :doc "kind of the key" :of ["self" "csr" "ca" "issue" "acme"]}
             {:name "key" :value "FILE" :kind :file :of ["self" "csr" "ca" "issue"]
              :doc "use this private key in place of a new one"}
             {:name "ca" :value "FILE" :kind :file
              :of ["verify" "issue" "list" "revoke" "crl" "trust" "acme"]
              :doc (string "the CA's certificate or folder (default ca.pem); verify, and of the "
                           "server of acme: in place of the system's CAs")}
             {:name "ca-key" :value "FILE" :kind :file :of ["issue" "crl"]
              :doc "the CA's key (default: beside its certificate)"}
             {:name "ca-password-file" :value "FILE" :kind :file :of ["ca" "issue" "crl"]
              :doc "file whose first line is the password of the CA's key"}
             {:name "csr" :value "FILE" :kind :file :of ["issue"]
              :doc "issue for this request, with its names unless NAMEs are given"}
             {:name "client" :doc "issue, verify: a client's certificate" :of ["issue" "verify"]}
             {:name "crl-url" :value "URL" :many true :of ["issue"]
              :doc "issue: where verifiers find the CA's list; may be repeated"}
             {:name "reason" :value "REASON" :of ["revoke"]
              :doc "revoke: why, in this or RFC 5280's spelling"
              :kind ["key-compromise" "superseded" "cessation-of-operation" "affiliation-changed"
                     "privilege-withdrawn" "certificate-hold" "ca-compromise" "aa-compromise"
                     "unspecified"]}
             {:name "all" :doc "revoke: all certificates with that name" :of ["revoke"]}
             {:name "install" :doc "trust: run the commands, as root on Debian" :of ["trust"]}
             {:name "host" :value "NAME" :doc "verify: the DNS name or IP address wanted"
              :of ["verify"]}
             {:name "crl" :value "FILE" :kind :file :doc "verify: the CA's revocation list"
              :of ["verify"]}
             {:name "organization" :value "TEXT" :doc "O of the subject"
              :of ["self" "csr" "ca" "issue"]}
             {:name "password-file" :value "FILE" :kind :file
              :of ["self" "csr" "show" "ca" "issue"]
              :doc "file whose first line is the password of a key or bundle"}
             {:name "directory" :value "URL" :of ["acme"] :doc "acme: the CA's directory, required"}
             {:name "agree" :of ["acme"]
              :doc "acme: you agree to the CA's terms of service; required"}
             {:name "http" :value "[HOST:]PORT" :of ["acme"]
              :doc "acme: prove the names by HTTP here; the CA connects to port 80"}
             {:name "tls-alpn" :value "[HOST:]PORT" :of ["acme"]
              :doc "acme: or by TLS here; the CA connects to port 443"}
             {:name "dns-hook" :value "PROGRAM" :of ["acme"]
              :doc (string "acme: or by this program, called with add or remove, the name of a TXT "
                           "record and its value; it returns when the DNS servers have it")}
             {:name "renew-within" :value "DAYS" :kind :integer :of ["acme"]
              :doc (string "acme: do nothing where BASE.pem lasts longer, is for these names, "
                           "has its key and is not self-signed")}
             {:name "account-key" :value "FILE" :of ["acme"]
              :doc "acme: the account's key, made once (default acme-account.key beside BASE.pem)"}
             {:name "email" :value "ADDRESS" :of ["acme"] :doc "acme: where the CA may write to"}
             {:name "eab-kid" :value "ID" :of ["acme"]
              :doc "acme: the account's id, from a CA that binds accounts"}
             {:name "eab-key-file" :value "FILE" :kind :file :of ["acme"]
              :doc "acme: file whose first line is the key for --eab-kid"}
             {:name "profile" :value "NAME" :of ["acme"]
              :doc "acme: the CA's profile for the certificate"}
             {:name "timeout" :value "SECONDS" :kind :integer :of ["acme"]
              :doc "acme: give up after this time (default 300)"}
             {:name "force" :short "f" :doc "replace existing files"
              :of ["self" "csr" "ca" "issue" "acme"]}
             {:name "json" :doc "show, verify, list, dev: as JSON"
              :of ["show" "verify" "list" "dev"]}]
   :examples [["jsec cert ca && jsec cert issue localhost 127.0.0.1"
               "a CA, and a certificate for this machine"]
              ["jsec cert revoke localhost --reason key-compromise && jsec cert crl"
               "revoke it, and make the list for verifiers"]
              ["jsec cert self dev.example -o dev" "dev.pem and dev.key"]
              ["jsec cert show dev.pem bundle.p12 --password-file pw" "what is in these files"]
              ["jsec cert verify chain.pem --host www.example.org --ca ca.pem"
               "would a client of ca.pem accept it?"]
              ["jsec cert acme www.example.org --agree --http 80 --directory $URL"
               (string "try with Let's Encrypt: "
                       "URL=https://acme-staging-v02.api.letsencrypt.org/directory")]]})

(def- actions
  {"self" (lazy/function "making" 'self) "csr" (lazy/function "making" 'request)
   "issue" (lazy/function "making" 'issue) "show" (lazy/function "contents" 'run)
   "verify" (lazy/function "verify" 'run) "ca" (lazy/function "authority" 'make-ca)
   "list" (lazy/function "authority" 'list-issued) "revoke" (lazy/function "authority" 'revoke)
   "crl" (lazy/function "authority" 'make-list) "dev" (lazy/function "authority" 'make-dev)
   "trust" (lazy/function "trust" 'run) "acme" (lazy/function "acme" 'run)})

(defn- check-options
  "An option that an action does not take, or that another one makes void, is an error."
  [action given]
  (each {:name name :of takers} (command :options)
    (if (and (given (keyword name)) (not (index-of action takers)))
      (args/usage-error action " takes no --" name ": it is of " (string/join takers ", "))))
  (if (and (given :csr) (or (given :key) (given :key-type)))
    (args/usage-error "--csr holds a key: leave out --key and --key-type"))
  (if (and (given :key) (given :key-type))
    (args/usage-error "--key has its kind: leave out --key-type")))

(defn run [given]
  (def [action & names] (given :words))
  (unless action
    (args/usage-error
      "self, csr, show, verify, ca, issue, list, revoke, crl, dev, trust or acme?"))
  (def act (or (actions action)
               (args/usage-error "no " action " of certificates"
                                 (if-let [meant (args/nearest action (keys actions))]
                                   (string ", did you mean " meant "?")
                                   ""))))
  (check-options action given)
  (act given (array ;names)))

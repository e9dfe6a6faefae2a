# Accounts at an ACME server (RFC 8555, 7.3).
(import ../crypto)
(import ../lib/arguments)
(import ./jose)
(import ./session :as session)

(def- known [:key :email :contact :terms :eab :tls :timeout])

(defn check-options
  "The options as one table; raises for others than `names`."
  [function slot opts names]
  (arguments/check-options function slot opts names)
  (arguments/flat opts))

(defn in-function
  "Call `f`; errors begin with the name of the public function."
  [function f]
  (with-dyns [session/*function* function] (arguments/under-name function (f))))

(defn- contacts [{:email email :contact contact}]
  (def given (cond contact contact email [(string "mailto:" email)] []))
  (unless (and (indexed? given) (all bytes? given))
    (session/fail "bad option :contact, expected an array of URLs"))
  given)

(defn- check-binding [binding]
  (unless (or (nil? binding)
              (and (dictionary? binding) (bytes? (get binding :kid)) (bytes? (get binding :key))))
    (session/fail "bad option :eab, expected a struct of :kid and :key, as the CA gives them")))

(defn- register [session options]
  (def url (session/url-of session "newAccount"))
  (def binding (options :eab))
  (def required (get-in session [:urls "meta" "externalAccountRequired"]))
  (if (and (= true required) (nil? binding))
    (session/fail "this CA wants an account of its own first: give :eab, the id and the key "
                  "that it gave you"))
  (def request @{:termsOfServiceAgreed true :contact (contacts options)})
  (if binding
    (put request :externalAccountBinding (jose/bind (session :signer) binding url)))
  (session/location (session/post session url request)))

(defn acme/account
  ``Make an account at an ACME server (RFC 8555), or find the one that the key has there.
  `directory` is the URL of the server's directory, such as
  "https://acme-staging-v02.api.letsencrypt.org/directory", which is the one to try with. The
  options:

  * `:terms` - true: you agree to the CA's terms of service. Required.
  * `:key` - private key of the account in PEM, or its path: EC, RSA or Ed25519. Default: a new EC
    key, `(account :key)`. Keep it: it can revoke what the account obtained.
  * `:email` - address that the CA may write to. `:contact`, in its place: array of URLs.
  * `:eab` - external account binding, where the CA wants it: struct of `:kid` and `:key`, the key
    in Base64 for URLs.
  * `:tls` - options of `tls/connect` for the CA's server, such as `:ca-file`.
  * `:timeout` - seconds for each request. Default 30.

  Returns the account, a table for the other functions, with `:key`, `:url` and `:directory`.
  Raises when the server can't be reached, its certificate is not verified, or it refuses: its
  words are in the error.

      (acme/account "https://acme-staging-v02.api.letsencrypt.org/directory"
                    {:terms true :email "me@example.org"})``
  [directory &opt opts]
  (in-function "acme/account"
    (fn []
      (def options (check-options "acme/account" 1 opts known))
      (unless (= true (options :terms))
        (session/fail "agree to the CA's terms of service by :terms true"))
      (check-binding (options :eab))
      (def key (or (options :key) (crypto/generate-key :ec-p256)))
      (def made (session/open directory (jose/new-signer key) options))
      (def url (register made options))
      (put made :kid url)
      @{:key key :url url :directory directory :session made})))

(defn session-of
  "The session of an account in argument 0."
  [function account]
  (def session (if (table? account) (get account :session)))
  (unless (and (table? session) (session :kid))
    (arguments/refuse function "account" 0 "an account of acme/account" account))
  session)

(defn acme/change-key
  ``Give an account another key, PEM or the path of a file: the old one is of no use afterwards.
  Without `key` a new EC key is made. Returns the account, whose `:key` is the new one. Raises when
  the CA refuses, for example since another account has that key. RFC 8555, 7.3.5.``
  [account &opt key]
  (in-function "acme/change-key"
    (fn []
      (def it (session-of "acme/change-key" account))
      (def new-key (or key (crypto/generate-key :ec-p256)))
      (def signer (jose/new-signer new-key))
      (def url (session/url-of it "keyChange"))
      (def request {:account (it :kid) :oldKey ((it :signer) :jwk)})
      (session/post it url (jose/sign signer {:jwk (signer :jwk) :url url}
                                      (session/encode request)))
      (put it :signer signer)
      (put account :key new-key))))

(defn acme/deactivate
  ``End an account for good: it can obtain and revoke nothing any more. Its certificates stay
  valid. Returns nil. Raises when the CA refuses. RFC 8555, 7.3.6.``
  [account]
  (in-function "acme/deactivate"
    (fn []
      (def it (session-of "acme/deactivate" account))
      (session/post it (it :kid) {:status "deactivated"})
      nil)))

# Wrong calls of every public function: the error names the function, and the argument where it can.
(import ../support/check :prefix "")
(import ../../tools/public)
(import jsec/ca)
(import jsec/cert)
(import jsec/dtls)
(import jsec/tls)

(def functions (mapcat public/functions (public/modules)))

(defn- forms-of
  "[parameters, number of required ones] of each form of a signature."
  [signature]
  (map (fn [form]
         (def words (filter |(not= "" $) (drop 1 (string/split " " (string/trim form "() ")))))
         (def names (filter |(not= "&opt" $) words))
         [names (or (index-of "&opt" words) (length names))])
       (string/split ") or (" signature)))

(defn- error-of [function & arguments]
  (def fiber (fiber/new (fn [] (function ;arguments)) :ei))
  (ev/deadline 5 nil fiber)
  (def result (resume fiber))
  (if (= :error (fiber/status fiber)) (string result)))

(defn- named-by-core?
  "Janet's own error of a function that is written in Janet."
  [name err]
  (string/has-prefix? (string "<function " name "> called with ") err))

(test "there are functions to look at" (is (> (length functions) 100)))

(each {:name name :signature signature :value function} functions
  (def forms (forms-of signature))
  (def most (max ;(map |(length ($ 0)) forms)))
  (def required (min ;(map 1 forms)))
  (unless (string/find "& " (string/replace-all "&opt" "" signature))
    (test (string name ": a wrong number of arguments shows how to call it")
      (def err (error-of function ;(array/new-filled (inc most) :wrong)))
      (is (or (and (string/has-prefix? (string name ": arity mismatch, expected ") err)
                   (string/find (string "(" name) err))
              (named-by-core? name err))
          err)
      (when (pos? required)
        (def err (error-of function ;(array/new-filled (dec required) :wrong)))
        (is (or (string/has-prefix? (string name ": ") err) (named-by-core? name err)) err))))

  (when (and (pos? required) (cfunction? function) (not (string/has-suffix? "?" name)))
    (test (string name ": arguments of a wrong type are refused under its name")
      (each wrong [(fn []) 1.5 @[1 2 3] (int/u64 1)]
        (def err (error-of function ;(array/new-filled required wrong)))
        (is err (string/format "%q is taken" wrong))
        (is (string/has-prefix? (string name ": ") err) err)
        (when (string/find "bad slot #" err)
          (def [slot] (peg/match '(* (thru "bad slot #") (number :d+)) err))
          (is (some (fn [[parameters]]
                      (string/has-prefix?
                        (string name ": " (get parameters slot) ": bad slot #" slot ", expected ")
                        err))
                    forms)
              err))))))

# ---- functions that are written in Janet ----

(def dir (tmpdir))
(defn path [name] (string dir "/" name))
(def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(def key (string/repeat "k" 32))
(spit (path "data") "data")
(ca/create (path "pki"))
(ca/issue (path "pki") "a.example")

(defn- in-file [] (file/open (path "data")))
(defn- out-file [] (file/open (path "out") :w))
(def account @{:session @{:kid "x" :urls @{} :nonces @[] :signer {}}})
(def acme-options {:directory "https://127.0.0.1:1/" :terms true :names [] :store (path "store")})
(defn- listening [] (tls/listen "127.0.0.1" 0 own))

(def with-list
  ((cert/generate-self-signed-cert {:crl-urls "http://127.0.0.1:1/ca.crl"}) :cert))

(def right-calls
  "The arguments of a right call of each. no-reuse of net/* is left out: any value is right."
  {"crypto/digest-file" |[:sha256 (path "data") {}]
   "crypto/digest-stream" |[:sha256 (in-file) {}]
   "crypto/seal-stream" |[key (in-file) (out-file)]
   "crypto/open-stream" |[key (in-file) (out-file)]
   "crypto/hotp" |[key 1 {}]
   "crypto/totp" |[key {}]
   "crypto/verify-totp" |[key "123456" {}]
   "crypto/otp-uri" |[key "me" {}]
   "tls/rotate-ticket-keys" |[(tls/new-context own) {:secret key}]
   "dtls/rotate-ticket-keys" |[(dtls/new-context own) {:secret key}]
   "acme/account" |["https://127.0.0.1:1/" {:terms true}]
   "acme/obtain" |[account "a.example" {:http-01 80}]
   "acme/revoke" |[account (own :cert) {}]
   "acme/renewal-info" |[account (own :cert)]
   "acme/change-key" |[account (own :key)]
   "acme/deactivate" |[account]
   "acme/serve" |[(listening) acme-options (fn [_])]
   "ca/create" |[(path "new") {}]
   "ca/issue" |[(path "pki") "b.example" {}]
   "ca/list" |[(path "pki")]
   "ca/revoke" |[(path "pki") "a.example" {}]
   "ca/crl" |[(path "pki") {}]
   "ca/dev" |["localhost" "a.example"]
   "cert/fetch-crl" |[with-list {}]
   "net/connect" |["127.0.0.1" 1 :stream "127.0.0.1" 0]
   "net/listen" |["127.0.0.1" 0 :stream]
   "net/accept" |[(listening)]
   "net/accept-loop" |[(listening) (fn [_])]
   "net/server" |["127.0.0.1" 0 (fn [_]) :stream]
   "tls/server" |["127.0.0.1" 0 (fn [_]) own]
   "tls/stream-factory" |["127.0.0.1" 1 {}]
   "tls/require" |["./nowhere"]})

(def macros ["tls/with-options" "tls/import"])

(test "each function that is written in Janet has a right call here"
  (is= [;(sorted [;(keys right-calls) ;macros])]
       [;(sorted (map |($ :name) (filter |(not (cfunction? ($ :value))) functions)))]))

# not among them: nil, names, numbers that may be ports, and options
(def wrong-values [1.5 @[1 2 3] (int/u64 1) true math/nan (fn [])])

(each {:name name :value function} functions
  (when-let [arguments (right-calls name)]
    (test (string name ": each argument of a wrong type is refused under its name")
      (for slot 0 (length (arguments))
        (each wrong wrong-values
          (def given (put (array ;(arguments)) slot wrong))
          (def err
            (tls/with-options {:cert (own :cert) :key (own :key)} (error-of function ;given)))
          (is err (string/format "%q is taken in slot %d" wrong slot))
          (is (string/has-prefix? (string name ": ") err) err))))))

(test "options that do not exist are refused by the functions of jsec/ca"
  (each [call name] [[|(ca/create (path "new") {:nosuch 1}) "ca/create"]
                     [|(ca/issue (path "pki") "b.example" {:nosuch 1}) "ca/issue"]
                     [|(ca/revoke (path "pki") "a.example" {:nosuch 1}) "ca/revoke"]
                     [|(ca/crl (path "pki") {:nosuch 1}) "ca/crl"]]
    (is (string/has-prefix? (string name ": unknown option") (error-of call)))))

(end)

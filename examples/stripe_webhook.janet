# A webhook with a signature, as Stripe sends it: an HMAC over the time and the body. The server
# checks it before it parses the body.
(import jsec/crypto)

(def max-age "Seconds, against replays." 300)

(defn- signatures
  "The time and all v1 signatures of the header `t=1492774577,v1=5257a8...,v0=...`."
  [header]
  (def parts (map |(string/split "=" $ 0 2) (string/split "," header)))
  (def value |(get $ 1 ""))
  [(value (find |(= "t" (first $)) parts []))
   (map value (filter |(= "v1" (first $)) parts))])

(defn genuine?
  "Did the holder of `secret` send this body, and lately?"
  [secret header body &opt now]
  (def [time candidates] (signatures header))
  (def sent (if (peg/match '(* (some :d) -1) time) (scan-number time) 0))
  (def expected (crypto/hex-encode (crypto/hmac :sha256 secret (string time "." body))))
  # while a secret is replaced there are two signatures
  (def matches (count |(crypto/constant-time= $ expected) candidates))
  (and (pos? matches) (<= (math/abs (- (or now (os/time)) sent)) max-age)))

# ---- both ends ----

(def secret "whsec_test_secret")
(def body `{"id":"evt_1","type":"invoice.paid"}`)

(defn header-for [time &opt key]
  (def mac (crypto/hmac :sha256 (or key secret) (string time "." body)))
  (string "t=" time ",v1=" (crypto/hex-encode mac)))

(def now (os/time))
(assert (genuine? secret (header-for now) body))
(assert (genuine? secret (string (header-for now "old secret") ",v1="
                                 (last (string/split "=" (header-for now)))) body))
(print "a genuine event is accepted, also while the secret is replaced")

(assert (not (genuine? secret (header-for now) (string body " "))))
(assert (not (genuine? secret (header-for now "another") body)))
(assert (not (genuine? secret (header-for (- now 301)) body)))
(each header ["" "t=,v1=" (string "t=" now) "v1=00" "t=1,v0=00"]
  (assert (not (genuine? secret header body))))
(print "a changed body, another secret, an old event and a missing signature are not")

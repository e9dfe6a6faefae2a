# JSON web tokens (RFC 7519): make them, and check them as a server has to.
(import jsec/crypto)

# spork/json reads and writes any JSON; the claims here are flat, with strings and whole numbers.
(defn encode [claims]
  (string "{" (string/join (seq [[name value] :in (sorted (pairs claims))]
                             (string/format (if (string? value) `"%s":"%s"` `"%s":%d`) name value))
                           ",") "}"))

(def grammar
  (peg/compile ~{:text (* `"` (<- (any (if-not (+ (set `"\`) (range "\0\x1f")) 1))) `"`)
                 :member (* :text ":" (+ :text (number :d+)))
                 :main (* "{" (? (* :member (any (* "," :member)))) "}" -1)}))

(defn decode [text]
  (def members (or (peg/match grammar text) (error "claims not readable")))
  (def claims (table ;members))
  (assert (= (length members) (* 2 (length claims))) "a claim occurs twice")
  claims)

# ---- keys: each has one algorithm, which no token can change ----

(def shared {:alg "HS256" :key (crypto/random-bytes 32)}) # both sides have it
(def pair {:alg "ES256" :key (crypto/generate-key :p256)}) # the issuer's
(def public (merge pair {:key (crypto/export-public-key (pair :key))})) # the server's

(defn signature-of [{:alg alg :key key} text]
  (case alg
    "HS256" (crypto/hmac :sha256 key text)
    "ES256" (crypto/sign key text {:format :raw})))

(defn signed-by? [{:alg alg :key key} text signature]
  (case alg
    "HS256" (crypto/constant-time= signature (crypto/hmac :sha256 key text))
    "ES256" (crypto/verify key text signature {:format :raw})))

# ---- tokens ----

(defn issue [key claims]
  (def header (encode {"alg" (key :alg) "typ" "JWT"}))
  (def text (string (crypto/base64url-encode header) "." (crypto/base64url-encode (encode claims))))
  (string text "." (crypto/base64url-encode (signature-of key text))))

(defn check
  "The claims of a token for `audience`. Raises when it is not signed, not ours, or expired."
  [key token audience]
  (def parts (string/split "." token))
  (assert (= 3 (length parts)) "not a token of three parts")
  (def [header claims signature] (map crypto/base64url-decode parts))
  (assert (= (key :alg) (get (decode header) "alg")) "the algorithm is not that of the key")
  (assert (signed-by? key (string (parts 0) "." (parts 1)) signature) "wrong signature")
  (def found (decode claims))
  (assert (= audience (found "aud")) "for another audience")
  (assert (< (os/time) (get found "exp" 0)) "expired")
  found)

(def claims {"sub" "ada" "aud" "shop" "exp" (+ (os/time) 300)})

(each [issuer server] [[shared shared] [pair public]]
  (def token (issue issuer claims))
  (print (issuer :alg) ": " (string/slice token 0 40) "..., for "
         ((check server token "shop") "sub"))
  (defn refused [why token &opt audience]
    (def [fine err] (protect (check server token (or audience "shop"))))
    (assert (and (not fine) (string/find why err)) err))
  (refused "another audience" token "bank")
  (refused "expired" (issue issuer (merge claims {"exp" 1})))
  (refused "wrong signature" (string (string/slice token 0 -6) "AAAAA"))
  # "none", and a public key that was taken for an HMAC's
  (def unsigned
    (string (crypto/base64url-encode `{"alg":"none"}`) "." (get (string/split "." token) 1) "."))
  (refused "not that of the key" unsigned)
  (refused (if (= issuer pair) "not that of the key" "wrong signature")
           (issue {:alg "HS256" :key (public :key)} claims)))
(print "changed, expired, unsigned and foreign tokens are refused")

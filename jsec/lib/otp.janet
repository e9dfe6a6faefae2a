# One-time codes: HOTP (RFC 4226) and TOTP (RFC 6238), and the URIs that phones scan.
(import ./arguments)

(def- natives (require "../native"))
(defn- native-function [name] (get-in natives [name :value]))
(def- hmac (native-function 'crypto/hmac))
(def- base32-encode (native-function 'crypto/base32-encode))
(def- constant-time= (native-function 'crypto/constant-time=))

(def- max-integer 0x1fffffffffffff)
(def- max-window "Steps on each side: more would help an attacker who guesses." 20)

(defn- integer-in? [value low high]
  (and (number? value) (= value (math/floor value)) (<= low value high)))

(defn- integer-row [fallback low high]
  {:default fallback
   :accepts |(integer-in? $ low high)
   :expected (string/format "integer from %d to %.0f" low high)})

(def- code-rows
  {:digits (integer-row 6 6 8)
   :digest {:default :sha1
            :accepts |(index-of $ [:sha1 :sha256 :sha512])
            :expected ":sha1, :sha256 or :sha512"}})

(def- step-rows {:step (integer-row 30 1 86400)})

(def- time-rows
  (merge code-rows step-rows
         {:time {:accepts |(and (number? $) (<= 0 $ max-integer))
                 :expected "seconds since 1970"}}))

(def- verify-rows
  (merge time-rows {:window (integer-row 1 0 max-window)
                    :after (integer-row nil 0 max-integer)}))

(def- uri-rows
  (merge code-rows step-rows
         {:counter (integer-row nil 0 max-integer)
          :issuer {:accepts |(or (string? $) (buffer? $)) :expected "string or buffer"}}))

(defn- read-options
  "The options with their defaults. No error text shows a string: it may be a misplaced secret."
  [function slot rows options]
  (arguments/check-options function slot options (keys rows))
  (def given (arguments/flat options))
  (eachp [name value] given
    (def row (rows name))
    (unless ((row :accepts) value)
      (errorf "%s: bad option :%s, expected %s, got %s" function (string name) (row :expected)
              (if (number? value) (string value) (type value)))))
  (merge (tabseq [[name row] :pairs rows] name (row :default)) given))

(defn- check-text [function parameter slot value]
  (unless (or (string? value) (buffer? value))
    (arguments/refuse function parameter slot "string or buffer" value)))

(defn- check-secret [function secret]
  (check-text function "secret" 0 secret)
  (if (empty? secret) (errorf "%s: the secret is empty: give 20 random bytes" function)))

(defn- counter-bytes [counter]
  (def bytes (buffer/new-filled 8))
  (var rest counter)
  (loop [i :down-to [7 0]]
    (put bytes i (% rest 256))
    (set rest (math/floor (/ rest 256))))
  bytes)

(defn- code-of
  "The dynamic truncation of RFC 4226 section 5.3."
  [secret counter {:digits digits :digest digest}]
  (def mac (hmac digest secret (counter-bytes counter)))
  (def at (band 0xf (last mac)))
  (def number (+ (* 0x1000000 (band 0x7f (mac at))) (* 0x10000 (mac (+ at 1)))
                 (* 0x100 (mac (+ at 2))) (mac (+ at 3))))
  (string/format (string "%0" digits "d") (% number (math/pow 10 digits))))

(defn- step-of [{:time time :step step}]
  (math/floor (/ (or time (os/time)) step)))

(defn crypto/hotp
  ``The one-time code for a counter (HOTP, RFC 4226), as a string of digits. `secret` is a string or
  buffer of bytes, 20 random ones for a new secret; from Base32 it comes by `base32-decode` with
  `{:padding false}`. `counter` is an integer from 0.

  * `:digits` - length of the code, 6 to 8. Default: 6.
  * `:digest` - :sha1, :sha256 or :sha512. Default: :sha1, as most apps on phones know no other.

  Raises when the secret is empty, or when an argument or option is out of range.``
  [secret counter &opt opts]
  (check-secret "crypto/hotp" secret)
  (unless (integer-in? counter 0 max-integer)
    (errorf "crypto/hotp: counter: bad slot #1, expected integer from 0 to %.0f, got %s"
            max-integer (if (number? counter) (string counter) (type counter))))
  (code-of secret counter (read-options "crypto/hotp" 2 code-rows opts)))

(defn crypto/totp
  ``The one-time code for a time (TOTP, RFC 6238), as a string of digits. `secret` is as for `hotp`.

  * `:time` - seconds since 1970. Default: now.
  * `:step` - seconds that a code lasts, 1 to 86400. Default: 30.
  * `:digits` - length of the code, 6 to 8. Default: 6.
  * `:digest` - :sha1, :sha256 or :sha512. Default: :sha1, as most apps on phones know no other.

  Raises when the secret is empty, or when an option is out of range.``
  [secret &opt opts]
  (check-secret "crypto/totp" secret)
  (def options (read-options "crypto/totp" 1 time-rows opts))
  (code-of secret (step-of options) options))

(defn crypto/verify-totp
  ``Check a code of `totp` and return the number of the step that it belongs to, or nil if it is
  wrong. Store that number with the user and give it as `:after` next time: a code then works once.
  When several steps have the same code, the result is the last of them. Codes are compared in
  constant time. Limit the number of attempts as well: six digits can be guessed.

  * `:window` - steps before and after the current one whose codes count, 0 to 20. Default: 1.
  * `:after` - accept only steps after this one, the last that matched. Default: any.
  * `:time` - seconds since 1970. Default: now.
  * `:step` - seconds that a code lasts, 1 to 86400. Default: 30.
  * `:digits` - length of the code, 6 to 8. Default: 6.
  * `:digest` - :sha1, :sha256 or :sha512. Default: :sha1.

  Raises when `code` is no string or buffer, when the secret is empty, or when an option is out of
  range.``
  [secret code &opt opts]
  (check-secret "crypto/verify-totp" secret)
  (check-text "crypto/verify-totp" "code" 1 code)
  (def options (read-options "crypto/verify-totp" 2 verify-rows opts))
  (def {:window window :after after} options)
  (def now (step-of options))
  (var matched nil)
  (loop [step :range-to [(max 0 (- now window)) (+ now window)]]
    (def matches (constant-time= code (code-of secret step options)))
    (if (and matches (or (nil? after) (> step after))) (set matched step)))
  matched)

(defn- percent-encode [text]
  (def unreserved (peg/compile '(range "az" "AZ" "09" "--" ".." "__" "~~")))
  (string/join
    (seq [byte :in text]
      (def character (string/from-bytes byte))
      (if (peg/match unreserved character) character (string/format "%%%02X" byte)))))

(defn- check-label
  "A colon divides the issuer from the account, so neither may have one."
  [what text]
  (if (or (empty? text) (string/find ":" text))
    (errorf "crypto/otp-uri: %s is empty or has a colon, which the label has no place for" what)))

(defn crypto/otp-uri
  ``The `otpauth:` URI that a program shows as a QR code, for an app on a phone to read the secret
  from. Returns a string. It holds the secret: keep it out of logs. `account` names the user.

  * `:issuer` - name of the service. Default: none.
  * `:counter` - first counter, which makes the URI one of `hotp`. Default: none, a URI of `totp`.
  * `:step` - seconds that a code lasts, 1 to 86400. Default: 30.
  * `:digits` - length of the code, 6 to 8. Default: 6.
  * `:digest` - :sha1, :sha256 or :sha512. Default: :sha1; many apps ignore any other.

  Raises when the secret is empty, when `account` or the issuer is empty or has a colon, or when an
  option is out of range.``
  [secret account &opt opts]
  (check-secret "crypto/otp-uri" secret)
  (check-text "crypto/otp-uri" "account" 1 account)
  (def {:issuer issuer :counter counter :step step :digits digits :digest digest}
    (read-options "crypto/otp-uri" 2 uri-rows opts))
  (check-label "account" account)
  (if issuer (check-label "issuer" issuer))
  (string "otpauth://" (if counter "hotp" "totp") "/"
          (if issuer (string (percent-encode issuer) ":") "") (percent-encode account)
          "?secret=" (base32-encode secret {:padding false})
          (if issuer (string "&issuer=" (percent-encode issuer)) "")
          "&algorithm=" (string/ascii-upper digest) "&digits=" digits
          (if counter (string/format "&counter=%.0f" counter) (string "&period=" step))))

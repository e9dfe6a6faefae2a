# One-time codes, with the vectors of RFC 4226 and RFC 6238, and oathtool as the judge.
(import ../support/check :prefix "")
(import jsec/crypto)

(def digits "12345678901234567890")
(def secrets {:sha1 digits
              :sha256 (string/slice (string/repeat digits 2) 0 32)
              :sha512 (string/slice (string/repeat digits 4) 0 64)})

(test "RFC 4226's ten codes hold"
  (def codes ["755224" "287082" "359152" "969429" "338314" "254676" "287922" "162583" "399871"
              "520489"])
  (eachp [counter code] codes (is= code (crypto/hotp digits counter))))

(def rfc-6238
  {59 ["94287082" "46119246" "90693936"]
   1111111109 ["07081804" "68084774" "25091201"]
   1111111111 ["14050471" "67062674" "99943326"]
   1234567890 ["89005924" "91819424" "93441116"]
   2000000000 ["69279037" "90698825" "38618901"]
   20000000000 ["65353130" "77737706" "47863826"]})

(test "RFC 6238's codes hold for the three digests, and verify as their own step"
  (eachp [time codes] rfc-6238
    (eachp [i digest] [:sha1 :sha256 :sha512]
      (def options {:time time :digits 8 :digest digest})
      (is= (codes i) (crypto/totp (secrets digest) options))
      (is= (math/floor (/ time 30))
           (crypto/verify-totp (buffer (secrets digest)) (codes i) options)))))

(test "a code is that of now by default"
  (is (crypto/verify-totp digits (crypto/totp digits))))

(test "the window bounds the steps, and :after refuses a replay"
  (def code (crypto/hotp digits 1000))
  (defn check [step &opt more]
    (crypto/verify-totp digits code (merge {:time (* 30 step)} (or more {}))))
  (is= 1000 (check 999))
  (is= 1000 (check 1001))
  (is= nil (check 998))
  (is= nil (check 1002))
  (is= 1000 (check 1002 {:window 2}))
  (is= nil (check 1001 {:window 0}))
  (is= 1000 (check 1000 {:after 999}))
  (is= nil (check 1000 {:after 1000}))
  (is= nil (check 1000 {:after 1001}))
  (is= 0 (crypto/verify-totp digits (crypto/hotp digits 0) {:time 0})))

(test "options that a prototype holds count: :after of one refuses a replay too"
  (def code (crypto/hotp digits 1000))
  (each options [(struct/with-proto {:after 1000} :time 30000)
                 (table/setproto @{:time 30000} @{:after 1000})]
    (is= nil (crypto/verify-totp digits code options)))
  (fails-with "unknown option"
              (crypto/verify-totp digits code (struct/with-proto {:afterr 1000} :time 30000))))

(test "no step is before the first one"
  # The code of the counter 2^64 - 1, which is -1 in eight bytes, by oathtool.
  (is= nil (crypto/verify-totp digits "094451" {:time 0})))

(test "the last of the steps with the same code counts, so that no replay passes"
  (each step [2386 2394] (is= "709847" (crypto/hotp digits step)))
  (def options {:time (* 30 2390) :window 10})
  (is= 2394 (crypto/verify-totp digits "709847" options))
  (is= nil (crypto/verify-totp digits "709847" (merge options {:after 2394}))))

(test "what is no code of the secret matches no step"
  (each wrong ["" "75522" "7552244" " 755224" "755224 " "755225" "abcdef" "\0\0\0\0\0\0"]
    (is= nil (crypto/verify-totp digits wrong {:time 0 :window 0}))))

(test "a counter fills eight bytes"
  (each counter [0xff 0x100 0xffffffff 0x100000000 0x1fffffffffffff]
    (is= 6 (length (crypto/hotp digits counter))))
  (is (not= (crypto/hotp digits 0x100000000 {:digits 8}) (crypto/hotp digits 0 {:digits 8}))))

(defn- output-of [& arguments]
  (def process (os/spawn ["oathtool" ;arguments] :px {:out :pipe}))
  (def text (string/trim (ev/read (process :out) :all)))
  (os/proc-wait process)
  text)

(peer-test "oathtool" "oathtool makes the same codes"
  (each n (range 1 24)
    (def secret (crypto/random-bytes (* 3 n)))
    (def hex (string (crypto/hex-encode secret)))
    (def base32 (string (crypto/base32-encode secret {:padding false})))
    (def length (+ 6 (% n 3)))
    (def counter (* n 1234567891))
    (is= (output-of "--hotp" (string/format "--counter=%.0f" counter) (string "-d" length) hex)
         (crypto/hotp secret counter {:digits length}))
    (each digest [:sha1 :sha256 :sha512]
      (def time (* n 100000007))
      (is= (output-of (string "--totp=" digest) (string/format "--now=@%.0f" time) "-s" "45s"
                      (string "-d" length) "-b" base32)
           (crypto/totp secret {:digits length :digest digest :time time :step 45})))))

(test "the URI has every value, and encodes what is not plain"
  (is= (string "otpauth://totp/a%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
               "&algorithm=SHA1&digits=6&period=30")
       (crypto/otp-uri digits "a@example.org"))
  (is= (string "otpauth://hotp/My%20Shop%26Co:%C3%A9?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
               "&issuer=My%20Shop%26Co&algorithm=SHA256&digits=8&counter=7")
       (crypto/otp-uri digits "é" {:issuer "My Shop&Co" :counter 7 :digits 8 :digest :sha256})))

(test "wrong arguments are refused by name, and no text shows a string"
  (fails-with "crypto/hotp: secret: bad slot #0, expected string or buffer, got keyword"
              (crypto/hotp :secret 1))
  (fails-with "crypto/totp: the secret is empty" (crypto/totp ""))
  (fails-with "crypto/hotp: counter: bad slot #1, expected integer from 0 to 9007199254740991"
              (crypto/hotp digits -1))
  (fails-with "crypto/verify-totp: code: bad slot #1, expected string or buffer, got number"
              (crypto/verify-totp digits 755224))
  (fails-with "crypto/totp: bad option :digits, expected integer from 6 to 8, got 9"
              (crypto/totp digits {:digits 9}))
  (fails-with "crypto/totp: bad option :digest, expected :sha1, :sha256 or :sha512, got keyword"
              (crypto/totp digits {:digest :md5}))
  (fails-with "crypto/totp: bad option :time, expected seconds since 1970, got nan"
              (crypto/totp digits {:time math/nan}))
  (fails-with "crypto/totp: unknown option, expected one of :digest :digits :step :time"
              (crypto/totp digits {:window 1}))
  (fails-with "crypto/verify-totp: bad option :window, expected integer from 0 to 20, got 21"
              (crypto/verify-totp digits "123456" {:window 21}))
  (fails-with "crypto/verify-totp: opts: bad slot #2, expected options, got string"
              (crypto/verify-totp digits "123456" "password"))
  (fails-with "crypto/otp-uri: account is empty or has a colon" (crypto/otp-uri digits "a:b"))
  (fails-with "crypto/otp-uri: issuer is empty or has a colon"
              (crypto/otp-uri digits "a" {:issuer ""})))

(end)

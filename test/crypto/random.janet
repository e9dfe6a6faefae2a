# Random bytes and Base64.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

(test "random bytes come in the number asked, fresh each time"
  (is (buffer? (crypto/random-bytes 1)))
  (each n [1 16 1000 100000] (is= n (length (crypto/random-bytes n))))
  (is (not= (string (crypto/random-bytes 16)) (string (crypto/random-bytes 16)))))

(test "random bytes take every value about as often"
  (def counts (array/new-filled 256 0))
  (each byte (crypto/random-bytes 256000) (update counts byte inc))
  (each n counts (is (< 800 n 1200))))

(test "many random bytes are made beside other fibers"
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0)))
  (is= (* 32 1024 1024) (length (crypto/random-bytes (* 32 1024 1024))))
  (set done true)
  (is (pos? turns)))

(test "a number of bytes that can't be is refused"
  (each n [0 -1 1.5 1e300 math/inf math/nan "16" nil (inc (* 64 1024 1024))]
    (fails-with "bad slot #0, expected integer from 1 to 67108864" (crypto/random-bytes n)))
  (fails-with "bad slot #0, expected integer" (crypto/generate-challenge 0))
  (fails-with "arity" (crypto/random-bytes)))

(test "a challenge has 32 bytes or as many as asked"
  (is= 32 (length (crypto/generate-challenge)))
  (is= 32 (length (crypto/generate-challenge nil)))
  (is= 20 (length (crypto/generate-challenge 20)))
  (is (not= (string (crypto/generate-challenge)) (string (crypto/generate-challenge)))))

# --- Base64 ---

(if-let [path (vectors "rfc/base64.json")]
  (do
    (def all (read-json path))
    (state-all "rfc/base64.json, encode" (all "encode")
               (fn [[bytes text]] (and (= text (crypto/base64-encode (unhex bytes)))
                                       (= bytes (hex (crypto/base64-decode text))))))
    (state-all "rfc/base64.json, url" (all "url")
               (fn [[bytes text]] (and (= text (crypto/base64url-encode (unhex bytes)))
                                       (= bytes (hex (crypto/base64url-decode text))))))
    (state-all "rfc/base64.json, std_of_url" (all "std_of_url")
               (fn [[bytes text]] (= text (crypto/base64-encode (unhex bytes)))))
    (state-all "rfc/base64.json, decode_reject_strict" (all "decode_reject_strict")
               (fn [text] (not (first (protect (crypto/base64-decode text)))))))
  (skip "rfc/base64.json" "no vectors here"))

(test "encoding gives strings, decoding gives buffers, of strings and buffers"
  (is= "AGE=" (crypto/base64-encode "\0a"))
  (is= "AGE=" (crypto/base64-encode @"\0a"))
  (is= @"\0a" (crypto/base64-decode @"AGE="))
  (is= "" (crypto/base64-encode ""))
  (is= @"" (crypto/base64-decode @""))
  (is= @"" (crypto/base64url-decode "")))

(test "what is encoded decodes to itself, at every length"
  (loop [n :range [0 200]]
    (def data (if (= n 0) @"" (crypto/random-bytes n)))
    (is= data (crypto/base64-decode (crypto/base64-encode data)))
    (is= data (crypto/base64url-decode (crypto/base64url-encode data)))))

(test (string "what is encoded is a string like any other, at every length: equal, of the same "
              "hash, found as a key")
  (loop [n :range [0 400]]
    (def text (crypto/base64-encode (if (= n 0) "" (crypto/random-bytes n))))
    (def same (string/slice (string text "x") 0 -2))
    (is= text same)
    (is= (hash same) (hash text))
    (is (get {same true} text))))

(test "the URL form is read with its padding and without"
  (is= @"a" (crypto/base64url-decode "YQ"))
  (is= @"a" (crypto/base64url-decode "YQ=="))
  (each text ["YQ=" "YQ===" "Y" "YR" "+/8" "YWI==" "=" "====" "YW=I" " YQ" "YQ\n"]
    (fails-with "crypto/base64url-decode: invalid base64" (crypto/base64url-decode text))))

(test "the error names the place"
  (fails-with "crypto/base64-decode: invalid base64: byte 0x2a at index 5"
              (crypto/base64-decode "Zm9vZ*=="))
  (fails-with "byte 0x00 at index 0" (crypto/base64-decode "\0AAA"))
  (fails-with "byte 0xff at index 3" (crypto/base64-decode "AAA\xff"))
  (fails-with "byte 0x3d at index 2" (crypto/base64-decode "AA=A"))
  (fails-with "5 bytes, expected a multiple of 4" (crypto/base64-decode "Zm9v\n"))
  (fails-with "bits beyond the last byte are not zero" (crypto/base64-decode "Zh=="))
  (fails-with "bad slot #0, expected string or buffer, got :Zg==" (crypto/base64-decode :Zg==)))

(test "every pair of last characters is decoded or refused as RFC 4648 has it"
  (def alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  (each c alphabet
    (def i (string/find (string/from-bytes c) alphabet))
    (is= (zero? (mod i 16))
         (first (protect (crypto/base64-decode (string "A" (string/from-bytes c) "==")))))
    (is= (zero? (mod i 4))
         (first (protect (crypto/base64-decode (string "AA" (string/from-bytes c) "=")))))))

(peer-test "openssl" "the openssl command agrees on a long text"
  (def dir (tmpdir))
  (def data (crypto/random-bytes 5000))
  (spit (string dir "/data") data)
  (os/execute ["openssl" "base64" "-A" "-in" (string dir "/data") "-out" (string dir "/out")] :px)
  (is= (string (slurp (string dir "/out"))) (crypto/base64-encode data)))

(test "many megabytes are encoded and decoded beside other fibers"
  (def data (crypto/random-bytes 6000000))
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0)))
  (def text (crypto/base64-encode data))
  (is= 8000000 (length text))
  (is= data (crypto/base64-decode text))
  (set done true)
  (is (pos? turns))
  (fails-with "byte 0x20 at index 7999999" (crypto/base64-decode (string (slice text 0 -2) " "))))

(test "white space is skipped where that is asked for, and errors name the place in the text"
  (def data (crypto/random-bytes 1000))
  (def text (crypto/base64-encode data))
  (each mark ["\n" "\r\n" " " "\t\n "]
    (def lines (string/join (seq [i :range [0 (length text) 64]]
                              (string/slice text i (min (+ i 64) (length text)))) mark))
    (is= data (crypto/base64-decode (string mark lines mark) {:whitespace true}))
    (fails-with (string/format "byte 0x%02x at index 64" (mark 0)) (crypto/base64-decode lines)))
  (is= @"foo" (crypto/base64url-decode "Z m\n9 v" {:whitespace true}))
  (is= @"fo" (crypto/base64-decode " Zm8 = " {:whitespace true}))
  (is= @"" (crypto/base64-decode " \n" {:whitespace true}))
  (each [text why] [["Zm9v\nZm*v" "byte 0x2a at index 7"] ["Zm9v\n\nZm=v" "byte 0x3d at index 8"]
                    ["Zm9v Zm9" "incomplete at index 8: 7 bytes, expected a multiple of 4"]
                    ["Zm9v\nZ" "incomplete at index 6"] ["Zm9v\nZm9=" "not zero, at index 7"]
                    ["Zm9v\nZ\xffv" "byte 0xff at index 6"]]
    (fails-with why (crypto/base64-decode text {:whitespace true})))
  (fails-with "bad option :whitespace" (crypto/base64-decode "Zm9v" {:whitespace 1})))

(end)

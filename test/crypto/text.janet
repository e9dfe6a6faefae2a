# Hexadecimal digits and Base32, with the vectors of RFC 4648.
(import ../support/check :prefix "")
(import jsec/crypto)

(def bytes "All the bytes there are." (string/from-bytes ;(range 256)))

(test "RFC 4648's vectors of Base32 hold in both directions"
  (eachp [plain text] {"" "" "f" "MY======" "fo" "MZXQ====" "foo" "MZXW6===" "foob" "MZXW6YQ="
                       "fooba" "MZXW6YTB" "foobar" "MZXW6YTBOI======"}
    (def bare (string/trimr text "="))
    (is= text (crypto/base32-encode plain))
    (is= bare (crypto/base32-encode plain {:padding false}))
    (is= plain (string (crypto/base32-decode text)))
    (is= plain (string (crypto/base32-decode (buffer bare) {:padding false})))))

(test "RFC 4648's vectors of Base16 hold in both directions, and letter case does not matter"
  (eachp [plain text] {"" "" "f" "66" "fo" "666F" "foo" "666F6F" "foob" "666F6F62"
                       "fooba" "666F6F6261" "foobar" "666F6F626172"}
    (is= (string/ascii-lower text) (crypto/hex-encode plain))
    (is= plain (string (crypto/hex-decode text)))
    (is= plain (string (crypto/hex-decode (string/ascii-lower text))))))

(peer-test "python3" "Python's base64 module agrees on the texts of bytes of any length"
  (def dir (tmpdir))
  (spit (string dir "/in") bytes)
  (def program
    ``
    import base64, sys
    data = open(sys.argv[1], "rb").read()
    for n in range(0, 257, 3): print(base64.b32encode(data[:n]).decode(), data[:n].hex(), sep=",")
    ``)
  (with [out (file/open (string dir "/out") :w)]
    (os/execute ["python3" "-c" program (string dir "/in")] :px {:out out}))
  (def lines (string/split "\n" (string/trim (slurp (string dir "/out")))))
  (is= 86 (length lines))
  (eachp [i line] lines
    (def plain (string/slice bytes 0 (* 3 i)))
    (is= line (string (crypto/base32-encode plain) "," (crypto/hex-encode plain)))
    (is= plain (string (crypto/base32-decode (crypto/base32-encode plain))))
    (is= plain (string (crypto/hex-decode (crypto/hex-encode plain))))))

(test "what is not Base32 is refused at its place"
  (eachp [text why] {"MZXW6YTb" "byte 0x62 at index 7" "MZXW6YT1" "byte 0x31 at index 7"
                     "MZXW 6YT" "byte 0x20 at index 4" "M\0======" "byte 0x00 at index 1"
                     "MY=====" "wrong padding at index 2" "MY" "wrong padding at index 2"
                     "MZXW6YTB========" "wrong padding at index 8"
                     "M=======" "wrong padding at index 1" "=" "wrong padding at index 0"
                     "MY====== " "byte 0x3d at index 2" "MY=A====" "byte 0x3d at index 2"
                     "MZX=====" "incomplete at index 3" "MZ======" "stray bits at index 1"
                     "MZXW6YR=" "stray bits at index 6"}
    (fails-with (string "crypto/base32-decode: invalid base32: " why)
                (crypto/base32-decode text)))
  (each [text why] [["M" "incomplete at index 1"] ["MZXW6Y" "incomplete at index 6"]
                    ["MY======" "byte 0x3d at index 2"] ["MZ" "stray bits at index 1"]]
    (fails-with (string "invalid base32: " why) (crypto/base32-decode text {:padding false}))))

(test "what is not hexadecimal is refused at its place"
  (eachp [text why] {"6" "no second digit at index 1" "666" "no second digit at index 3"
                     "0x66" "byte 0x78 at index 1" "66:66" "byte 0x3a at index 2"
                     "66 " "byte 0x20 at index 2" "6g" "byte 0x67 at index 1"
                     "\0" "byte 0x00 at index 0" "@G" "byte 0x40 at index 0"}
    (fails-with (string "crypto/hex-decode: invalid hex: " why) (crypto/hex-decode text))))

(test "only strings and buffers are taken, and known options"
  (each f [crypto/hex-encode crypto/hex-decode crypto/base32-encode crypto/base32-decode]
    (each given [nil 5 :6666 [] {}]
      (fails-with "bad slot #0, expected string or buffer" (f given))))
  (fails-with "bad option :padding, expected boolean" (crypto/base32-encode "" {:padding "no"}))
  (fails-with "unknown option :paddin" (crypto/base32-decode "" {:paddin true})))

(test "long data goes both ways on a worker thread"
  (def long (string/repeat bytes 40000))
  (is (= long (string (crypto/hex-decode (crypto/hex-encode long)))))
  (is (= long (string (crypto/base32-decode (crypto/base32-encode long)))))
  (def bad (buffer (crypto/hex-encode long)))
  (put bad 20000000 (chr "g"))
  (fails-with "byte 0x67 at index 20000000" (crypto/hex-decode bad)))

(end)

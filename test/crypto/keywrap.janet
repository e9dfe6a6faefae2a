# Key wrap: vectors of the RFCs and of Wycheproof, then what does not fit.
(import ../support/check :prefix "")
(import ../support/judges)
(import ../support/vectors :prefix "")
(import jsec/crypto)

(def padding {:padding true})

(defn unwraps
  "A judge of a case, whose keys are wrapped with these options."
  [opts]
  (fn [item]
    (def [kek key wrapped] (map |(unhex (item $)) ["key" "msg" "ct"]))
    (def unwrapped (protect (crypto/unwrap-key kek wrapped opts)))
    (case (item "result")
      "valid" (and (deep= [true key] unwrapped) (deep= wrapped (crypto/wrap-key kek key opts)))
      "acceptable" (or (not (first unwrapped)) (deep= [true key] unwrapped))
      (not (first unwrapped)))))

(wycheproof "aes_wrap" (unwraps nil))
(wycheproof "aes_kwp" (unwraps padding))

(test "the vectors of RFC 3394, section 4, and RFC 5649, section 6"
  (def bytes "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
  (def data (string "00112233445566778899aabbccddeeff" (string/slice bytes 0 32)))
  (each [kek key wrapped opts]
    [[(string/slice bytes 0 32) (string/slice data 0 32)
      "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"]
     [(string/slice bytes 0 48) (string/slice data 0 32)
      "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"]
     [bytes data
      "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"]
     ["5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"
      "c37b7e6492584340bed12207808941155068f738"
      "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a" padding]
     ["5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8" "466f7250617369"
      "afbeb0f07dfbf5419200f2ccb50bb24f" padding]]
    (is= wrapped (hex (crypto/wrap-key (unhex kek) (unhex key) opts)))
    (is= key (hex (crypto/unwrap-key (unhex kek) (unhex wrapped) opts)))))

(def kek (crypto/random-bytes 32))

(test "keys of each length come back"
  (for n 1 70
    (def key (crypto/random-bytes n))
    (def wrapped (crypto/wrap-key kek key padding))
    (is (buffer? wrapped))
    (is= (+ 8 (* 8 (math/ceil (/ n 8)))) (length wrapped))
    (is= key (crypto/unwrap-key kek wrapped padding))
    (when (and (>= n 16) (zero? (% n 8)))
      (def wrapped (crypto/wrap-key kek key))
      (is= (+ 8 n) (length wrapped))
      (is= key (crypto/unwrap-key kek wrapped)))))

(test "any change, another key and the other form are refused"
  (each opts [nil padding]
    (def wrapped (crypto/wrap-key kek (crypto/random-bytes 32) opts))
    (defn refused [kek wrapped &opt options]
      (fails-with "crypto/unwrap-key: not unwrapped" (crypto/unwrap-key kek wrapped options)))
    (for i 0 (length wrapped)
      (def changed (buffer wrapped))
      (put changed i (bxor 1 (changed i)))
      (refused kek changed opts))
    (refused (crypto/random-bytes 32) wrapped opts)
    (refused (crypto/random-bytes 16) wrapped opts)
    (refused kek wrapped (if opts nil padding))
    (each n [0 1 7 8 15 16 23 24 (dec (length wrapped))]
      (refused kek (string/slice wrapped 0 n) opts))
    (refused kek (string wrapped "12345678") opts)))

(test "lengths that don't fit are refused"
  (each n [0 1 8 15 17 23]
    (fails-with (string "crypto/wrap-key: not wrapped: a key of " n " bytes is no multiple of 8 "
                        "from 16 on: give {:padding true}")
                (crypto/wrap-key kek (string/repeat "k" n))))
  (fails-with "crypto/wrap-key: not wrapped: the key is empty" (crypto/wrap-key kek "" padding))
  (each n [0 8 15 31 33 64]
    (each f [crypto/wrap-key crypto/unwrap-key]
      (fails-with (string "kek has 16, 24 or 32 bytes, got " n)
                  (f (string/repeat "k" n) (string/repeat "k" 24)))))
  (fails-with "bad slot #1, expected string or buffer, got nil" (crypto/wrap-key kek nil))
  (fails-with "unknown option :pad" (crypto/wrap-key kek kek {:pad true})))

(def python ``
from cryptography.hazmat.primitives.keywrap import *
kek, key = map(bytes.fromhex, data.decode().split())
print(aes_key_wrap(kek, key).hex(), aes_key_wrap_with_padding(kek, key + b"x").hex())
``)

(def node ``
import { aeskw, aeskwp } from '@noble/ciphers/aes.js';
const [kek, key] = input.split(' ').map((hex) => new Uint8Array(Buffer.from(hex, 'hex')));
const hex = (bytes) => Buffer.from(bytes).toString('hex');
console.log(hex(aeskw(kek).encrypt(key)), hex(aeskwp(kek).encrypt(new Uint8Array([...key, 120]))));
``)

(defn wrap-the-same [ask]
  (each n [16 24 32]
    (def [kek key] [(crypto/random-bytes n) (crypto/random-bytes 40)])
    (is= (string (hex (crypto/wrap-key kek key)) " "
                 (hex (crypto/wrap-key kek (string key "x") padding)))
         (string/trim (ask (string (hex kek) " " (hex key)))))))

(peer-test judges/pyca "python3-cryptography wraps the same"
  (wrap-the-same |(judges/ask-pyca python $)))

(judges/npm-test "@noble/ciphers" "noble wraps the same"
  (wrap-the-same |(judges/ask-npm node $)))

(end)

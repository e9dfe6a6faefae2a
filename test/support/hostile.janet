# Bytes as attackers and bad lines send them.
(import ./check)

(defn cuts
  "Every proper prefix of the bytes; in slow runs a share of them."
  [whole]
  (def n (length whole))
  (seq [i :range [0 n (math/ceil (/ n (check/load n)))]] (string/slice whole 0 i)))

(defn scrambled
  "A copy of the bytes in which `count` of them, anywhere, are random."
  [whole count]
  (def changed (buffer whole))
  (repeat count
    (put changed (math/floor (* (length whole) (math/random))) (math/floor (* 256 (math/random)))))
  changed)

(defn flips
  ``Up to `count` copies of the bytes, spread over their length, each with one byte xored with
  `mask`.``
  [whole count mask]
  (def rounds (min (length whole) (check/load count)))
  (seq [i :range [0 rounds]]
    (def at (math/floor (* (length whole) (/ i rounds))))
    (def changed (buffer whole))
    (put changed at (bxor mask (changed at)))))

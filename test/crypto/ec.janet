# Points of elliptic curves.
(import ../support/check :prefix "")
(import ../support/vectors :prefix "")
(import jsec/crypto)

(def sizes {:p-256 32 :p-384 48 :p-521 66 :secp256k1 32 :p-224 28 :brainpoolP256r1 32
            :brainpoolP384r1 48 :brainpoolP512r1 64})

(defn trimmed
  "Hex without leading zeros."
  [text]
  (string/triml text "0"))

(vectors-of "boringssl/ec_scalar_base_mult_tests.txt" read-rsp
            (fn [item]
              (def [ok point]
                (protect (crypto/ec-point-mul (item "Curve")
                                              (unhex (string (if (odd? (length (item "N"))) "0")
                                                             (item "N"))))))
              (if (= ["" ""] [(trimmed (item "X")) (trimmed (item "Y"))])
                (and (not ok) (truthy? (string/find "point at infinity" point)))
                (and ok (= (trimmed (item "X")) (trimmed (hex (point :x))))
                     (= (trimmed (item "Y")) (trimmed (hex (point :y))))))))

(vectors-of "pyca/ec/compressed_points.txt" read-rsp
            (fn [item]
              (if-not (item "CURVE") :skip
                (if-let [point (get (protect (crypto/ec-point-from-bytes (item "CURVE")
                                                                         (unhex (item "POINT")))) 1)
                         _ (struct? point)]
                  (and (= (trimmed (item "X")) (trimmed (hex (point :x))))
                       (= (trimmed (item "Y")) (trimmed (hex (point :y))))
                       (= (item "POINT")
                          (hex (crypto/ec-point-to-bytes (item "CURVE") point {:compressed true}))))
                  (not (get sizes (item "CURVE")))))))

(each curve ["secp256r1" "secp384r1" "secp521r1"]
  (wycheproof (string "ecdh_" curve "_ecpoint")
              (fn [item]
                (fits item (fn []
                             (def point (crypto/ec-point-from-bytes curve (unhex (item "public"))))
                             (= (item "shared")
                                (hex ((crypto/ec-point-mul curve (unhex (item "private"))
                                                           point) :x))))))))

(wycheproof "ec_prime_order_curves"
            (fn [item]
              (def name (item "name"))
              (def [known size] (protect (length (crypto/ec-generate-scalar name))))
              (if-not known :skip
                (let [generator (crypto/ec-point-mul name "\x01")
                      order (unhex (item "n"))
                      less (buffer order)]
                  (put less (dec (length less)) (dec (last less)))
                  (and (= (trimmed (item "gx")) (trimmed (hex (generator :x))))
                       (= (trimmed (item "gy")) (trimmed (hex (generator :y))))
                       # (n - 1) G is -G; n G has no coordinates
                       (deep= (generator :x) ((crypto/ec-point-mul name less) :x))
                       (not (first (protect (crypto/ec-point-mul name order)))))))))

(test "a scalar is of the order's length, not zero, and below the order"
  (eachp [curve size] sizes
    (repeat 20 (is= size (length (crypto/ec-generate-scalar curve)) curve)))
  (def order (unhex "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"))
  (repeat 1000
    (def scalar (crypto/ec-generate-scalar :p-256))
    (is (< (cmp (string scalar) (string order)) 0))
    (is (not= (string scalar) (string (buffer/new-filled 32 0))))))

(test "every spelling of a curve means the same"
  (def g (crypto/ec-point-mul :p-256 "\x01"))
  (each name [:p256 :ec-p256 "P-256" "secp256r1" :prime256v1 "SECP256R1" :p_256]
    (is= g (crypto/ec-point-mul name "\x01") name))
  (fails-with "crypto/ec-point-mul: unknown curve, expected one of p-256"
              (crypto/ec-point-mul :p-255 "\x01"))
  (fails-with "unknown curve" (crypto/ec-generate-scalar :x25519)))

(defn add [curve & points] (reduce2 |(crypto/ec-point-add curve $0 $1) points))

(test "sums and multiples agree"
  (eachp [curve size] sizes
    (def [a b] [(crypto/ec-generate-scalar curve) (crypto/ec-generate-scalar curve)])
    (def [ag bg] [(crypto/ec-point-mul curve a) (crypto/ec-point-mul curve b)])
    (is= size (length (ag :x)))
    (is= (crypto/ec-point-mul curve a bg) (crypto/ec-point-mul curve b ag) "Diffie and Hellman")
    (is= (add curve ag bg) (add curve bg ag))
    (is= (crypto/ec-point-mul curve "\x03" ag) (add curve ag ag ag))
    (is= ag (crypto/ec-point-mul curve a (crypto/ec-point-mul curve "\x01")))
    (is= ag (crypto/ec-point-mul curve (string "\0\0\0" a)) "zeros in front don't count")))

(test "points go to bytes and back in both forms"
  (eachp [curve size] sizes
    (repeat 4
      (def point (crypto/ec-point-mul curve (crypto/ec-generate-scalar curve)))
      (def whole (crypto/ec-point-to-bytes curve point))
      (def short (crypto/ec-point-to-bytes curve point {:compressed true}))
      (is= (inc (* 2 size)) (length whole))
      (is= (inc size) (length short))
      (is= whole (crypto/ec-point-to-bytes curve point {:compressed false}))
      (is= point (crypto/ec-point-from-bytes curve whole))
      (is= point (crypto/ec-point-from-bytes curve short))
      (is= whole (crypto/ec-point-to-bytes curve short) "bytes are taken for a point")
      (is= whole (crypto/ec-point-to-bytes curve (table ;(kvs point)))))))

(test "what is not on the curve is refused everywhere"
  (def g (crypto/ec-point-mul :p-256 "\x01"))
  (def off {:x (g :x) :y (g :x)})
  (def too-large {:x (buffer/new-filled 32 255) :y (g :y)})
  (def whole (crypto/ec-point-to-bytes :p-256 g))
  (each bad [off too-large {:x "" :y ""} {:x "\x01" :y "\x01"}]
    (fails-with "not a point of the curve" (crypto/ec-point-mul :p-256 "\x02" bad))
    (fails-with "not a point of the curve" (crypto/ec-point-add :p-256 g bad))
    (fails-with "not a point of the curve" (crypto/ec-point-add :p-256 bad g))
    (fails-with "not a point of the curve" (crypto/ec-point-to-bytes :p-256 bad)))
  (fails-with "not a point: :x of 33 bytes, at most 32"
              (crypto/ec-point-mul :p-256 "\x02" {:x (string "\x01" (g :x)) :y (g :y)}))
  (fails-with "not a point of the curve" (crypto/ec-point-mul :secp256k1 "\x02" g))
  (each bad ["" "\0" "\x02" "\x04" (slice whole 0 -2) (string whole "x")
             (string "\x06" (slice whole 1)) (string "\x07" (slice whole 1))
             (string "\x04" (string/repeat "\0" 64)) (string "\x02" (string/repeat "\xff" 32))
             (string "\x05" (slice whole 1)) (string/repeat "\x04" 10000)]
    (fails-with "crypto/ec-point-from-bytes: not a point" (crypto/ec-point-from-bytes :p-256 bad))))

(test "the point at infinity is no result"
  (def g (crypto/ec-point-mul :p-256 "\x01"))
  (def minus (crypto/ec-point-mul :p-256
                                  (unhex
                                    (string "ffffffff00000000ffffffffffffffff"
                                            "bce6faada7179e84f3b9cac2fc632550"))))
  (fails-with "the result is the point at infinity" (crypto/ec-point-add :p-256 g minus))
  (each zero ["" "\0" (buffer/new-filled 32 0)
              (unhex "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")]
    (fails-with "point at infinity" (crypto/ec-point-mul :p-256 zero))
    (fails-with "point at infinity" (crypto/ec-point-mul :p-256 zero g))))

(test "arguments of other kinds are refused"
  (def g (crypto/ec-point-mul :p-256 "\x01"))
  (fails-with "scalar of 33 bytes, at most 32"
              (crypto/ec-point-mul :p-256 (buffer/new-filled 33 1)))
  (each bad [12 :point [] {:x 1 :y 2} {:x "a"} {} @{:y "a"}]
    (fails-with "bad slot #2, expected point" (crypto/ec-point-mul :p-256 "\x01" bad))
    (fails-with "bad slot #1, expected point" (crypto/ec-point-to-bytes :p-256 bad))
    (fails-with "bad slot #2, expected point" (crypto/ec-point-add :p-256 g bad)))
  (fails-with "bad slot #1, expected string or buffer, got number" (crypto/ec-point-mul :p-256 5))
  (fails-with "unknown option :compress, did you mean :compressed"
              (crypto/ec-point-to-bytes :p-256 g {:compress true}))
  (fails-with "bad option :compressed, expected boolean"
              (crypto/ec-point-to-bytes :p-256 g {:compressed 1})))

(end)

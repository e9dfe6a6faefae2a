# Arithmetic with points on an elliptic curve, for building protocols.
(import jsec/crypto)

(def curve :secp256k1)
(defn hex [bytes] (string/join (map |(string/format "%02x" $) bytes)))

# A private key is a number; the public key is that multiple of the generator G.
(def private (crypto/ec-generate-scalar curve))
(def public (crypto/ec-point-mul curve private))
(print "public key:  " (hex (crypto/ec-point-to-bytes curve public {:compressed true})))

# Encoding: SEC1, compressed or not. A point that is not on the curve raises.
(def bytes (crypto/ec-point-to-bytes curve public))
(assert (deep= public (crypto/ec-point-from-bytes curve bytes)))
(put bytes 40 (bxor 1 (bytes 40)))
(def [ok reason] (protect (crypto/ec-point-from-bytes curve bytes)))
(assert (not ok))
(print "a wrong bit: " reason)

# Diffie-Hellman: a(bG) = b(aG).
(def [a b] [(crypto/ec-generate-scalar curve) (crypto/ec-generate-scalar curve)])
(def [ag bg] [(crypto/ec-point-mul curve a) (crypto/ec-point-mul curve b)])
(assert (deep= (crypto/ec-point-mul curve a bg) (crypto/ec-point-mul curve b ag)))
(print "both sides share a point")

# A key in two shares: neither holder knows the private sum; the public key is the sum of both.
(def joint (crypto/ec-point-add curve ag bg))
(print "joint key:   " (hex (crypto/ec-point-to-bytes curve joint {:compressed true})))

# Encryption to the joint key (ElGamal): each holder removes one part.
(def r (crypto/ec-generate-scalar curve))
# a point that encodes a key
(def message (crypto/ec-point-mul curve (crypto/ec-generate-scalar curve)))
(def sealed [(crypto/ec-point-mul curve r)
             (crypto/ec-point-add curve message (crypto/ec-point-mul curve r joint))])

(defn minus
  "The point with the same x on the other side: its compressed form has the other first byte."
  [point]
  (def bytes (crypto/ec-point-to-bytes curve point {:compressed true}))
  (crypto/ec-point-from-bytes curve (put bytes 0 (bxor 1 (bytes 0)))))

(var opened (sealed 1))
(each share [a b]
  (set opened
       (crypto/ec-point-add curve opened (minus (crypto/ec-point-mul curve share (sealed 0))))))
(assert (deep= message opened))
(print "opened by both shares together")

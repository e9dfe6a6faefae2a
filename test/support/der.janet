# DER, taken apart and put together, for certificates and requests that no tool makes.

(defn tlv
  "An element: a tag, the length of the parts, the parts."
  [tag & parts]
  (def content (string ;parts))
  (def length (length content))
  (def octets
    (cond
      (< length 0x80) [length]
      (< length 0x100) [0x81 length]
      (< length 0x10000) [0x82 (brshift length 8) (band length 0xff)]
      [0x83 (brshift length 16) (band (brshift length 8) 0xff) (band length 0xff)]))
  (string (string/from-bytes tag ;octets) content))

(defn- header
  "The lengths of an element's header and content."
  [bytes at]
  (def first (bytes (+ at 1)))
  (if (< first 0x80)
    [2 first]
    (let [octets (- first 0x80)]
      [(+ 2 octets)
       (reduce |(+ (* 256 $0) $1) 0 (string/slice bytes (+ at 2) (+ at 2 octets)))])))

(defn parts
  "The elements of a constructed element, each with its header."
  [element]
  (var at ((header element 0) 0))
  (def found @[])
  (while (< at (length element))
    (def [head size] (header element at))
    (array/push found (string/slice element at (+ at head size)))
    (+= at head size))
  found)

(defn content "An element's bytes without the header." [element]
  (string/slice element ((header element 0) 0)))

(defn rebuild
  ``The element with the child at each place of `path` changed by `f`: `(rebuild cert [0 1] f)`
  changes the second child of the first child.``
  [element path f]
  (if (empty? path)
    (f element)
    (let [children (parts element) [place & rest] path]
      (put children place (rebuild (children place) rest f))
      (tlv (element 0) ;children))))

# JSON (RFC 8259) as ACME needs it: objects are tables with strings as keys, null is :null. What is
# no JSON, or nested too deep, raises.

# ---- writing ----

(defn- escape [text]
  (def out @`"`)
  (each byte (string/bytes text)
    (case byte
      (chr `"`) (buffer/push out `\"`)
      (chr `\`) (buffer/push out `\\`)
      (if (< byte 0x20) (buffer/format out `\u%04x` byte) (buffer/push out byte))))
  (string (buffer/push out `"`)))

(defn encode
  "The JSON of a string, keyword, integer, boolean, array, or table. Keys are in order."
  [value]
  (cond
    (bytes? value) (escape value)
    (boolean? value) (string value)
    (int? value) (string/format "%d" value)
    (indexed? value) (string "[" (string/join (map encode value) ",") "]")
    (dictionary? value)
    (string "{" (string/join (map |(string (escape $) ":" (encode (value $)))
                                  (sort-by string (keys value))) ",") "}")
    (errorf "no JSON of %s" (string (type value)))))

# ---- reading ----

(defn- utf8 [code]
  (defn tail [shift] (bor 0x80 (band 0x3f (brshift code shift))))
  (cond
    (< code 0x80) (string/from-bytes code)
    (< code 0x800) (string/from-bytes (bor 0xc0 (brshift code 6)) (tail 0))
    (< code 0x10000) (string/from-bytes (bor 0xe0 (brshift code 12)) (tail 6) (tail 0))
    (string/from-bytes (bor 0xf0 (brshift code 18)) (tail 12) (tail 6) (tail 0))))

(defn- hex [digits] (scan-number (string "0x" digits)))
(defn- pair [high low]
  (utf8 (+ 0x10000 (* 0x400 (- (hex high) 0xd800)) (- (hex low) 0xdc00))))

(def- escapes {`"` `"` `\` `\` "/" "/" "b" "\b" "f" "\f" "n" "\n" "r" "\r" "t" "\t"})

(def- grammar
  (peg/compile
    ~{:ws (any (set " \t\r\n"))
      :hex4 '(4 :h)
      :high (* `\u` (<- (* (set "dD") (set "89abAB") (2 :h))))
      :low (* `\u` (<- (* (set "dD") (range "cf" "CF") (2 :h))))
      :code (* (not (* `\u` (set "dD") (range "89" "af" "AF"))) `\u` (/ :hex4 ,|(utf8 (hex $))))
      :escape (+ (/ (* :high :low) ,pair) :code (* `\` (/ '(set `"\/bfnrt`) ,escapes)))
      :plain '(some (if-not (set `"\`) (range " \xff")))
      :string (* `"` (% (any (+ :plain :escape))) `"`)
      :number (/ '(* (? "-") (+ "0" (* (range "19") :d*)) (? (* "." :d+))
                     (? (* (set "eE") (? (set "+-")) :d+))) ,scan-number)
      :array (* "[" :ws (/ (? (* :value (any (* "," :value)))) ,array) "]")
      :member (* :ws :string :ws ":" :value)
      :object (* "{" :ws (/ (? (* :member (any (* "," :member)))) ,table) "}")
      :word (+ (* "true" (constant true)) (* "false" (constant false)) (* "null" (constant :null)))
      :value (* :ws (+ :string :number :array :object :word) :ws)
      :main (* :value -1)}))

(defn decode
  "The value of a JSON text, or nil when it is none."
  [text]
  (first (try (or (peg/match grammar text) []) ([_] []))))

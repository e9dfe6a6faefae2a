# Published test vectors: their formats (JSON, the .rsp files of NIST, hex), and facts stated of
# whole files.
(import ./check)

(defn unhex
  "The bytes that hex digits stand for."
  [text]
  (def bytes (buffer/new (div (length text) 2)))
  (defn nibble [c] (if (< c 58) (- c 48) (- (bor c 32) 87)))
  (loop [i :range [0 (length text) 2]]
    (buffer/push-byte bytes (+ (* 16 (nibble (text i))) (nibble (text (inc i))))))
  bytes)

(defn hex
  "The hex digits of bytes."
  [bytes]
  (def text (buffer/new (* 2 (length bytes))))
  (each byte bytes (buffer/format text "%02x" byte))
  (string text))

(defn- code-point
  "UTF-8 of the four hex digits of an escape."
  [digits]
  (def c (scan-number (string "16r" digits)))
  (string/from-bytes
    ;(cond
       (< c 0x80) [c]
       (< c 0x800) [(bor 0xc0 (brshift c 6)) (bor 0x80 (band c 0x3f))]
       [(bor 0xe0 (brshift c 12)) (bor 0x80 (band (brshift c 6) 0x3f)) (bor 0x80 (band c 0x3f))])))

(def- json-grammar
  (peg/compile
    ~{:ws (any (set " \t\r\n"))
      :escape (* "\\"
                 (+ (/ (<- (set `"\/bfnrt`))
                       ,|(get {"b" "\b" "f" "\f" "n" "\n" "r" "\r" "t" "\t"} $ $))
                    (* "u" (/ (<- (4 :h)) ,code-point))))
      :string (* `"` (% (any (+ (<- (some (if-not (set "\\\"") 1))) :escape))) `"`)
      :number (/ (<- (* (? "-") :d+ (? (* "." :d+)) (? (* (set "eE") (? (set "+-")) :d+))))
                 ,scan-number)
      :list (/ (* "[" (? (* :value (any (* "," :value)))) :ws "]") ,array)
      :member (* :ws :string :ws ":" :value)
      :object (/ (* "{" (? (* :member (any (* "," :member)))) :ws "}") ,table)
      :word (+ (* "true" (constant true)) (* "false" (constant false)) (* "null" (constant :null)))
      :value (* :ws (+ :string :number :list :object :word) :ws)
      :main (* :value -1)}))

(defn read-json
  "Parse the JSON file at `path`; members of objects are under strings."
  [path]
  (def [value] (or (peg/match json-grammar (slurp path)) (errorf "%s is no JSON" path)))
  value)

(def- rsp-line
  (peg/compile '(* (? "[") (<- (some (if-not (set " =]") 1))) (any " ")
                   (? (* "=" (any " ") (<- (any (if-not "]" 1))))))))

(defn read-rsp
  ``The cases of a NIST response file, or one like it: tables of what stands as `Name = value`,
  those in brackets above included. A case ends at an empty line; where they hold such lines,
  `begin` is the name that each begins with.``
  [path &opt begin]
  (def cases @[])
  (def header @{})
  (var item @{})
  (defn finish [] (unless (empty? item) (array/push cases (merge header item))) (set item @{}))
  (each raw (string/split "\n" (slurp path))
    (def line (string/trim raw))
    (def [name value] (or (peg/match rsp-line line) []))
    (cond
      (empty? line) (unless begin (finish))
      (string/has-prefix? "#" line) nil
      (string/has-prefix? "[" line) (put header name (or value true))
      name (do
             (if (= name begin) (finish))
             (put item name (or value true)))))
  (finish)
  cases)

(defn state-all
  ``State that each case of the file at `path` behaves as it says. `judge` gets one and returns
  true, false or :skip; what it raises is a failure, too.``
  [path cases judge]
  (var skipped 0)
  (def wrong @[])
  (each item cases
    (def [ok outcome] (protect (judge item)))
    (case (if ok outcome [:raised outcome])
      true nil
      :skip (++ skipped)
      (array/push wrong [(some |(get item $) ["tcId" "COUNT" "Len" "name"]) outcome])))
  (def total (- (length cases) skipped))
  (check/test (string path ": " (- total (length wrong)) " of " total
                      (if (pos? skipped) (string ", " skipped " not ours")))
    (check/is= @[] wrong)
    (check/is (pos? total))))

(defn vectors-of
  ``Read the file of vectors `name` with `read` and judge each of its cases; one skipped fact
  where it is absent.``
  [name read judge]
  (if-let [path (check/vectors name)]
    (state-all name (read path) judge)
    (check/skip name "no vectors here")))

(defn read-wycheproof
  "The cases of a file of Wycheproof's, each with its group under :group."
  [path]
  (def cases @[])
  (each group ((read-json path) "testGroups")
    (each item (group "tests") (array/push cases (merge item {:group group}))))
  cases)

(defn wycheproof
  "Judge each case of a Wycheproof file; `name` is without folder and ending."
  [name judge]
  (vectors-of (string "wycheproof/" name "_test.json") read-wycheproof judge))

(defn fits
  ``Does an outcome fit the case's `result`? `right` is called without arguments, returns true
  where the bytes are right and may raise. Invalid ones must raise or be wrong; acceptable ones
  may do either.``
  [item right]
  (def [ok value] (protect (right)))
  (match (item "result")
    "valid" (and ok value)
    "invalid" (not (and ok value))
    "acceptable" true))

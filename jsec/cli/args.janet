# Parses a command line by the table of a command's options. Help, manual page and completions are
# made from the same tables.
#   {:name "ca" :value "FILE" :doc "..."}   an option with a value; with :many it may be repeated
#   :kind of a value: :file, :integer, or an array of the possible words, whose letter case and
#   dashes don't matter

(defn usage-error
  "Raise an error about the command line; the tool ends with exit status 2."
  [& text]
  (error {:usage (string ;text)}))

(defn- distance
  "The number of letters that differ between two words; swapped neighbours count as one."
  [a b]
  (var before @[])
  (var row (range (inc (length b))))
  (for i 0 (length a)
    (def next-row @[(inc i)])
    (for j 0 (length b)
      (def same (= (a i) (b j)))
      (def swapped (and (pos? i) (pos? j) (= (a i) (b (dec j))) (= (a (dec i)) (b j))))
      (array/push next-row (min (inc (next-row j)) (inc (row (inc j)))
                                (+ (row j) (if same 0 1))
                                (if swapped (inc (before (dec j))) math/inf))))
    (set before row)
    (set row next-row))
  (last row))

(defn nearest
  ``The element of `words` that is nearest to `word`, or nil if none is near: one letter in four may
  differ, and one in any word of three letters or more.``
  [word words]
  (def best (first (sort-by |(distance word $) (array ;words))))
  (def most (if (< (length word) 3) 0 (max 1 (div (length word) 4))))
  (if (and best (<= (distance word best) most)) best))

(defn- suggestion [word words prefix]
  (if-let [meant (nearest word words)] (string ", did you mean " prefix meant "?") ""))

(defn- find-option [options word]
  (or (find |(or (= word (string "--" ($ :name))) (and ($ :short) (= word (string "-" ($ :short)))))
            options)
      (usage-error "unknown option " word
                   (suggestion (string/triml word "-") (map |($ :name) options) "--"))))

(defn- plain [word] (string/ascii-lower (string/replace-all "-" "" word)))

(defn- check-value [{:name name :kind kind} text]
  (cond
    (= :integer kind) (let [n (scan-number text)]
                        (unless (and n (int? n) (pos? n))
                          (usage-error "--" name " takes a whole number, not " text))
                        n)
    (and (= :file kind) (not (os/stat text))) (error (string "--" name ": there is no file " text))
    (indexed? kind) (or (find |(= (plain text) (plain $)) kind)
                      (usage-error "--" name " takes one of " (string/join kind ", ") ", not " text
                                   (suggestion text kind "")))
    text))

(defn- take-value [option inline rest]
  (def text (or inline (array/pop rest)
                (usage-error "--" (option :name) " needs a value: " (option :value))))
  (check-value option text))

(defn parse
  ``Parse `words` by `options`. Returns a table of values by option name, as keywords. A repeatable
  option gives an array; the other words are under :words. Raises on an unknown option.``
  [options words]
  (def rest (reverse words))
  (def found @{:words @[]})
  (while (def word (array/pop rest))
    (cond
      (= "--" word) (do (array/concat (found :words) (reverse rest)) (array/clear rest))
      (and (string/has-prefix? "-" word) (not= "-" word))
      (let [[name inline] (if (string/has-prefix? "--" word) (string/split "=" word 0 2) [word])
            option (find-option options name)
            key (keyword (option :name))]
        (if (and inline (not (option :value))) (usage-error name " takes no value"))
        (def value (if (option :value) (take-value option inline rest) true))
        (if (option :many)
          (put found key (array/push (get found key @[]) value))
          (put found key value)))
      (array/push (found :words) word)))
  found)

(def- scheme-ports
  "The ports of schemes whose connections begin with TLS."
  {"https" "443" "wss" "443" "smtps" "465" "imaps" "993" "pop3s" "995" "ldaps" "636" "ftps" "990"
   "nntps" "563" "ircs" "6697" "sips" "5061" "mqtts" "8883" "amqps" "5671" "rediss" "6379"
   "coaps" "5684"})

(defn- split-url
  "[authority default-port] of a URL, or nil."
  [text]
  (when-let [[scheme authority]
             (peg/match '(* '(some (+ :w (set "+-."))) "://" '(to (+ (set "/?#") -1))) text)]
    [(last (string/split "@" authority))
     (or (scheme-ports (string/ascii-lower scheme))
         (usage-error scheme ":// has no TLS of its own: give HOST:PORT"
                      ", with --starttls where the protocol upgrades"))]))

(defn- port-of [digits]
  (def n (if (peg/match '(* (between 1 5 :d) -1) digits) (scan-number digits 10)))
  (unless (and n (<= n 65535)) (usage-error "no port: " digits))
  digits)

(defn- split-place [text default-port]
  (if (string/has-prefix? "[" text)
    (match (peg/match '(* "[" '(to "]") "]" (+ (* ":" '(some 1)) -1) -1) text)
      [host port] [host (port-of port)]
      [host] [host default-port]
      _ (usage-error "no address: " text))
    (case (length (string/find-all ":" text))
      1 (let [[host port] (string/split ":" text)] [host (port-of port)])
      [text default-port])))

(defn target
  ``Parse "HOST:PORT", "[IPv6]:PORT", "HOST", a URL or "unix:PATH" into [host port] for
  `tls/connect`.``
  [text default-port]
  (if (string/has-prefix? "unix:" text)
    [:unix (string/slice text 5)]
    (let [place (split-place ;(or (split-url text) [text default-port]))]
      (if (= "" (first place)) (usage-error "no host was given"))
      place)))

# Parses a command line by the table of a command's options. Help, manual page and completions are
# made from the same tables.
#   {:name "ca" :value "FILE" :doc "..."}   an option with a value; with :many it may be repeated
#   :kind of a value: :file, :integer, or an array of the possible words

(defn usage-error
  "Raise an error about the command line; the tool ends with exit status 2."
  [& text]
  (error {:usage (string ;text)}))

(defn- distance
  "The number of letters that differ between two words (Levenshtein)."
  [a b]
  (var row (range (inc (length b))))
  (for i 0 (length a)
    (def next-row @[(inc i)])
    (for j 0 (length b)
      (array/push next-row (min (inc (next-row j)) (inc (row (inc j)))
                                (+ (row j) (if (= (a i) (b j)) 0 1)))))
    (set row next-row))
  (last row))

(defn nearest
  "The element of `words` that is nearest to `word`, or nil if none is near."
  [word words]
  (def best (first (sort-by |(distance word $) (array ;words))))
  (if (and best (<= (distance word best) (max 1 (div (+ 2 (length word)) 3)))) best))

(defn- suggestion [word words prefix]
  (if-let [meant (nearest word words)] (string ", did you mean " prefix meant "?") ""))

(defn- find-option [options word]
  (or (find |(or (= word (string "--" ($ :name))) (and ($ :short) (= word (string "-" ($ :short)))))
            options)
      (usage-error "unknown option " word
                   (suggestion (string/triml word "-") (map |($ :name) options) "--"))))

(defn- check-value [{:name name :kind kind} text]
  (cond
    (= :integer kind) (let [n (scan-number text)]
                        (unless (and n (int? n) (pos? n))
                          (usage-error "--" name " takes a whole number, not " text))
                        n)
    (indexed? kind) (if (index-of text kind) text
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

(defn target
  ``Parse "HOST:PORT", "[IPv6]:PORT", "HOST" or "unix:PATH" into [host port] for `tls/connect`.``
  [text default-port]
  (defn port-of [digits]
    (def n (scan-number digits))
    (unless (and n (int? n) (<= 0 n 65535)) (usage-error "no port: " digits))
    digits)
  (cond
    (string/has-prefix? "unix:" text) [:unix (string/slice text 5)]
    (= "" text) (usage-error "no host was given")
    (string/has-prefix? "[" text)
    (match (peg/match '(* "[" '(to "]") "]" (+ (* ":" '(some 1)) -1) -1) text)
      [host port] [host (port-of port)]
      [host] [host default-port]
      _ (usage-error "no address: " text))
    (case (length (string/find-all ":" text))
      0 [text default-port]
      1 (let [[host port] (string/split ":" text)] [host (port-of port)])
      [text default-port])))

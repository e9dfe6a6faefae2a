# Writes docs/errors.md: each error text in the sources, with cause and cure from
# tools/explanations.janet. `make docs` runs it; test/docs/generated.janet finds unexplained texts.
(import ./explanations)

# ---- the texts in the sources ----

(def- grammar
  # C's string literals, with adjacent ones joined, and the arguments of a call
  ~{:space (any (set " \n\t"))
    :escape (* `\` (+ (/ "n" "\n") '1))
    :characters (any (+ :escape (* (! `"`) '1)))
    :literal (% (* `"` :characters `"` (any (* :space `"` :characters `"`))))
    :skipped-string (* `"` (any (+ (* `\` 1) (if-not `"` 1))) `"`)
    :nested (* "(" (any (+ :skipped-string :nested (if-not (set `()"`) 1))) ")")
    :call-name (+ "failure_set" "failure_openssl" "failure_prefix" "raise_format" "raise_failure"
                  "janet_panicf" "janet_panic" "janet_cstringv" "engine_fail" "option_refuse"
                  "raise_type" "raise_word" "raise_secret" (* "refuse" (any :word)))
    :word (+ :w "_")
    :arguments (* "(" (any (+ :literal :nested (if-not (set `()"`) 1))) ")")
    :call (group (* ':call-name (! :word) :space :arguments))
    :hint (group (* "{SSL_R_" (constant "hint") (some :word) "," :space :literal "}"))
    :said (group (* "append_text(reason," (constant "said") (thru (> 0 `"`)) :literal))
    :main (any (+ :call :hint :said :skipped-string (some :word) 1))})

(def- calls (peg/compile grammar))

(defn- is-function-name? [text]
  (or (= "jsec" text) (peg/match '(* (some (+ :w "-")) "/" (some (+ :w (set "-?="))) -1) text)))

(defn- readable
  "A format for readers: each conversion becomes an ellipsis."
  [format]
  (def filled
    ~(% (any (+ (/ (* "%" (any (set "-+ #0123456789.*zl")) (set "sdifguxvqc")) "…") (/ "%%" "%")
                '1))))
  (string/replace-all "……" "…" (first (peg/match filled format))))

(defn- text-of [[call & literals]]
  (def text (find |(not (is-function-name? $)) literals))
  (if (and text (peg/find :a (string/replace-all "…" "" (readable text))))
    (case call
      "raise_word" (string "bad slot #…, expected " (readable text) ", got …")
      "raise_secret" (string "bad slot #…, expected " (readable text) ", got …")
      "raise_type" (string "bad slot #…, expected " (readable text) ", got …")
      "option_refuse" (string "bad option :…, expected " (readable text) ", got …")
      "failure_openssl" (string (readable text) ": …")
      "failure_prefix" (string (readable text) ": …")
      (readable text))))

# ---- the texts in Janet ----

(defn- written
  "What a form that makes a string is known to hold."
  [form]
  (cond
    (string? form) form
    (and (tuple? form) (= 'string (first form))) (string/join (map written (drop 1 form)))
    "…"))

(defn- without-function [text]
  (def named '(* (+ "…" (* (some :a) "/" (some (+ :w (set "-?"))))) ": " '(any 1)))
  (first (or (peg/match named text) [text])))

(defn- raised-by
  "The text that a form raises, or nil."
  [form]
  (def [head & rest] form)
  (def text
    (case head
      'errorf (readable (written (first rest)))
      'error (written (first rest))
      'assert (written (get rest 1))
      'fail (string/join (map written rest))
      'folder/fail (string/join (map written rest))
      'session/fail (string/join (map written rest))))
  (if (and text (peg/find :a (string/replace-all "…" "" text)))
    (string/replace-all "……" "…" (without-function text))))

(defn- raised-in
  "The texts that the forms within a form raise."
  [form]
  (def parts
    (cond
      (indexed? form) form
      (dictionary? form) (mapcat identity (pairs form))
      []))
  [;(if-let [text (and (tuple? form) (not (empty? form)) (raised-by form))] [text] [])
   ;(mapcat raised-in parts)])

# ---- all texts ----

(defn- files-in [folder]
  (mapcat |(let [path (string folder "/" $)]
             (if (= :directory (os/stat path :mode)) (files-in path) [path]))
          (os/dir folder)))

(defn texts
  "Every error text of the sources, sorted. Placeholders are shown as …"
  []
  (def found (mapcat |(map text-of (peg/match calls (slurp $)))
                     (filter |(string/has-suffix? ".c" $) (files-in "src"))))
  (def in-janet (mapcat |(raised-in (parse-all (slurp $)))
                        (mapcat files-in ["jsec/lib" "jsec/ca" "jsec/acme"])))
  (sort (distinct (filter truthy? [;found ;in-janet]))))

# ---- their explanations ----

(defn- covers? [pattern text]
  (if (string/has-suffix? "*" pattern)
    (string/has-prefix? (string/slice pattern 0 -2) text)
    (= pattern text)))

(defn- patterns-of [{:texts texts :parts parts}] [;texts ;(or parts [])])

(defn explanation-of
  "The first explanation that covers a text, or nil."
  [text]
  (find (fn [explanation] (some |(covers? $ text) (patterns-of explanation))) explanations/all))

(defn unused-patterns
  "Patterns that cover no text of the sources, from outdated explanations."
  [texts]
  (filter (fn [pattern] (not (some |(covers? pattern $) texts)))
          (mapcat patterns-of explanations/all)))

# ---- the page ----

(defn- columns "Characters of UTF-8." [text]
  (count |(not= 0x80 (band 0xc0 $)) text))

(defn- fill
  "The words of a paragraph, in lines of at most 100 columns."
  [text]
  (def lines @[])
  (each word (filter |(not (empty? $)) (string/split " " (string/replace-all "\n" " " text)))
    (def line (string (last lines) " " word))
    (if (or (empty? lines) (> (columns line) 100))
      (array/push lines word)
      (put lines (dec (length lines)) line)))
  (string/join lines "\n"))

(defn- section [{:title title :cause cause :cure cure :others others :texts patterns} texts]
  (def whole (filter (fn [text] (some |(covers? $ text) patterns)) texts))
  (string "## " title "\n\n"
          (string/join (map |(string "- `" $ "`") (sort (array ;whole ;(or others [])))) "\n")
          "\n\n" (fill (string "**Cause.** " cause)) "\n\n" (fill (string "**Cure.** " cure)) "\n"))

(defn page []
  (def found (texts))
  (def by-explanation (group-by explanation-of found))
  (string explanations/intro "\n"
          (string/join (seq [e :in explanations/all] (section e (get by-explanation e []))) "\n")))

(defn main [&] (spit "docs/errors.md" (page)))

# Output of the tool: rows of names and values, colours on a terminal, dates, JSON.

(defn out
  "Where reports go: standard output, unless a command changes it."
  []
  (dyn :out stdout))

(defn- colours? []
  (and (= :core/file (type (out))) (os/isatty (out)) (not= "dumb" (os/getenv "TERM"))
       (empty? (os/getenv "NO_COLOR" ""))))

(def- codes {:good "32" :warn "33" :bad "31" :faint "2" :bold "1"})

(defn paint
  "Text in a colour of `codes` on a terminal; plain elsewhere."
  [kind & text]
  (if (colours?) (string "\e[" (codes kind) "m" ;text "\e[0m") (string ;text)))

# UTF-8 (RFC 3629) beyond ASCII, without the control characters U+0080 to U+009F and without those
# that change the direction of writing: they could make one name look like another.
(def- unicode
  ~{:cont (range "\x80\xbf")
    :three (+ (* "\xe0" (range "\xa0\xbf") :cont) (* "\xed" (range "\x80\x9f") :cont)
              (* (+ (range "\xe1\xec") (range "\xee\xef")) :cont :cont))
    :four (+ (* "\xf0" (range "\x90\xbf") :cont :cont) (* (range "\xf1\xf3") :cont :cont :cont)
             (* "\xf4" (range "\x80\x8f") :cont :cont))
    :letter (+ (* "\xc2" (range "\xa0\xbf")) (* (range "\xc3\xdf") :cont) :three :four)
    :turning (+ (* "\xe2\x80" (range "\xaa\xae")) (* "\xe2\x81" (range "\xa6\xa9")))})

(def- text-grammar
  (peg/compile (merge unicode ~{:main (% (any (+ '(range " ~") (* (! :turning) ':letter)
                                                 (/ '1 ,|(string/format "\\x%02x" (first $))))))})))

(defn clean
  "Foreign text, without control characters for terminals and without bytes that are not UTF-8."
  [text]
  (first (peg/match text-grammar (string text))))

(defn brief
  "The first line of foreign text, 80 characters at most."
  [text]
  (clean (string/slice text 0 (min 80 (or (string/find "\n" text) 80) (length text)))))

# ---- errors ----

(def- tool-options
  "Options of the library, and the tool's for them."
  {"ca-file" "--ca" "trusted-cert" "--trust" "hostname" "--hostname" "cert" "--cert" "key" "--key"
   "password" "--password-file" "alpn" "--alpn" "keylog" "--keylog" "session" "--session"
   "crl" "--crl" "all" "--all" "force" "--force" "days-valid" "--days"
   "ca-password" "--ca-password-file" "http-01" "--http" "tls-alpn-01" "--tls-alpn"
   "dns-01" "--dns-hook" "eab" "--eab-kid and --eab-key-file"})

(defn- in-tool [name] (or (tool-options name) (string ":" name)))

(def- option-grammar
  (peg/compile ~(% (any (+ (* ":" (/ '(some (+ (range "az") "-")) ,in-tool)) '1)))))

(defn plain
  ``An error of the library for the tool's user: without the function's name, with the tool's
  options.``
  [err]
  (def text (if (bytes? err) (string err) (string/format "%q" err)))
  (def named
    (peg/match '(* (some (+ :w (set "-?"))) "/" (some (+ :w (set "-?"))) ": " '(any 1)) text))
  (clean (first (peg/match option-grammar (if named (first named) text)))))

(defn failed
  "Raise a failure at a stage: :resolve, :connect, :starttls, :handshake or :verification."
  [stage & words]
  (error {:stage stage :text (string ;words)}))

(defn failure
  "A raised value as {:stage :text}; an error that is not of `failed` has no stage."
  [err]
  (if (and (dictionary? err) (err :text)) err {:text (plain err)}))

# ---- lines ----

(def- width
  "Columns of the terminal, where it says them, and 80 otherwise."
  (max 40 (or (scan-number (os/getenv "COLUMNS" "80")) 80)))

(defn wrap
  ``Text in lines that fit the terminal; each but the first begins with `indent` spaces. `used` is
  the length of what stands before it on its line.``
  [text &opt indent used]
  (default indent 0)
  (def out @"")
  (var column (or used indent))
  (each word (string/split " " text)
    (when (and (> (+ column 1 (length word)) width) (> column indent))
      (buffer/push out "\n" (string/repeat " " indent))
      (set column indent))
    (when (and (> column indent) (not (empty? out)) (not= 10 (last out)) (not= 32 (last out)))
      (buffer/push out " ")
      (++ column))
    (buffer/push out word)
    (+= column (length word)))
  (string out))

(defn title [& text] (print (paint :bold ;text)))

(def- row-indent 15)

(defn row
  "A name and a text of a report; a text that does not fit goes on in further lines."
  [name & text]
  (def head (string/format "  %-12s " name))
  (def fits (= row-indent (length head)))
  (unless fits (print "  " name))
  (print (if fits head (string/repeat " " row-indent)) (wrap (string ;text) row-indent)))

(defn date [seconds] (os/strftime "%Y-%m-%d" seconds))

(defn timestamp
  "Seconds since the epoch as RFC 3339 has them."
  [seconds]
  (os/strftime "%Y-%m-%dT%H:%M:%SZ" seconds))

(defn days-left [certificate]
  (math/floor (/ (- (certificate :not-after) (os/time)) 86400)))

(defn expired
  "How long ago a certificate expired, in words."
  [certificate]
  (def days (math/floor (/ (- (os/time) (certificate :not-after)) 86400)))
  (case days
    0 "expired today"
    1 "expired yesterday"
    (string "expired " days " days ago")))

(defn plural [n what] (string n " " what (if (= 1 n) "" "s")))

(defn days
  "Whole days in words."
  [n]
  (if (= 0 n) "less than a day" (plural n "day")))

(defn span
  "A certificate's validity in words, coloured by the time that is left."
  [certificate]
  (def left (days-left certificate))
  (def [kind words]
    (cond
      (> (certificate :not-before) (os/time)) [:bad "not valid yet"]
      (neg? left) [:bad (expired certificate)]
      (< left 14) [:warn (string (days left) " left")]
      [:good (string (days left) " left")]))
  (string (date (certificate :not-before)) " to " (date (certificate :not-after)) ", "
          (paint kind words)))

(defn key-text [{:key-type type :key-bits bits :key-curve curve}]
  (string (string/ascii-upper (string type)) (if curve (string " " curve))
          (if bits (string ", " bits " bits"))))

(defn key-size
  "A key's kind and size in words, as in: RSA of 1024 bits."
  [{:key-type type :key-bits bits}]
  (string (string/ascii-upper (string type)) " of " bits " bits"))

(defn wanted-size
  "The size in bits that a key of that kind has at least."
  [{:key-type type}]
  (case type
    :ec 256
    2048))

(defn milliseconds [seconds] (string/format "%.1f ms" (* 1000 seconds)))

# ---- JSON (RFC 8259) ----

(def null
  "JSON's null, for values that a struct has nevertheless."
  'null)

# Bytes that are not UTF-8 become U+FFFD, control characters an escape.
(def- json-text
  (peg/compile (merge unicode ~{:main (% (any (+ (/ '(set `"\`) ,|(string `\` $))
                                                 '(range " ~")
                                                 (/ '(+ (range "\0\x1f") "\x7f")
                                                    ,|(string/format `\u%04x` (first $)))
                                                 (/ (* "\xc2" '(range "\x80\x9f"))
                                                    ,|(string/format `\u%04x` (first $)))
                                                 (/ ':turning
                                                    ,(fn [[_ b c]]
                                                       (string/format `\u%04x`
                                                                      (+ 0x2000 (* 64 (% b 64))
                                                                         (% c 64)))))
                                                 ':letter
                                                 (/ '1 `\ufffd`))))})))

(defn- json-string [text into]
  (buffer/push into `"` (first (peg/match json-text (string text))) `"`))

(var- json-into nil)

(defn- json-list
  "Items between brackets, each written by `write`."
  [open close items write into]
  (buffer/push into open)
  (eachp [i item] items
    (if (pos? i) (buffer/push into ","))
    (write item))
  (buffer/push into close))

(defn- json-member [[key value] into]
  (json-string key into)
  (buffer/push into ":")
  (json-into value into))

(set json-into
     (fn [value into]
       (cond
         (or (nil? value) (= null value)) (buffer/push into "null")
         (boolean? value) (buffer/push into (string value))
         (number? value) (buffer/push into (string/format (if (int? value) "%d" "%.9g") value))
         (dictionary? value) (json-list "{" "}" (sort (pairs value)) |(json-member $ into) into)
         (indexed? value) (json-list "[" "]" value |(json-into $ into) into)
         (json-string value into))
       into))

(defn print-json
  "A value as a line of JSON: keywords as strings, structs as objects with their keys in order."
  [value]
  (print (json-into value @""))
  (:flush (out)))

# ---- progress ----

(defn progress
  ``Call `work`. If it takes longer than a second, show `what` on standard error, on a terminal.``
  [what work]
  (if-not (and (os/isatty stderr) (not= "dumb" (os/getenv "TERM")))
    (work)
    (do
      (def line (string what " ..."))
      (var shown false)
      (def display
        (ev/go (fn [] (ev/sleep 1) (set shown true) (eprinf "%s\r" line)) nil (ev/chan 1)))
      (defer (do
               (ev/cancel display "done")
               (if shown (eprinf "%s\r" (string/repeat " " (length line)))))
        (work)))))

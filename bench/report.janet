# The table, the page and the picture of the results: arrays of figures by [figure contender].

(defn- median [figures]
  (def ordered (sorted figures))
  (def middle (div (length ordered) 2))
  (if (odd? (length ordered)) (ordered middle) (/ (+ (ordered middle) (ordered (dec middle))) 2)))

(defn- value [results name who] (if-let [figures (results [name who])] (median figures)))

(defn- ratios
  "Ratios round by round, so that load on the machine affects both sides."
  [results name who base]
  (def [ours theirs] [(results [name who]) (results [name base])])
  (if (and ours theirs) (map / ours theirs)))

(defn- spread [figures] (/ (- (max ;figures) (min ;figures)) 2))

(defn- number [x] (string/format (cond (< x 10) "%.2f" (< x 100) "%.1f" "%.0f") x))

(defn- cell [results figure who base]
  (def name (figure :name))
  (if-let [own (value results name who)]
    (if-let [relative (if-not (= who base) (ratios results name who base))]
      (string/format "%s · **%.2f** ± %.2f" (number own) (median relative) (spread relative))
      (string/format "%s ± %s" (number own) (number (spread (results [name who])))))
    ""))

(defn- line [cells] (string "| " (string/join cells " | ") " |"))

(defn table
  ``Absolute figures with their ratio to the first contender's, medians with half the range of the
  rounds.``
  [figures names results]
  (def base (first names))
  (def rows
    (seq [figure :in figures]
      (line [(figure :name) (figure :unit)
             ;(map |(cell results figure $ base) names)
             (if-let [target (figure :target)]
               (if (number? target) (string/format "%.2f" target) target)
               "")])))
  (string/join [(line ["work" "unit" ;names "target of jsec"])
                (line (map (fn [_] "---") (range (+ 3 (length names)))))
                ;rows] "\n"))

(defn- output
  "The output of a program, or the reason that it failed."
  [& command]
  (def [ok text]
    (protect
      (with [process (os/spawn command :p {:out :pipe})]
        (def text (ev/read (process :out) :all))
        (os/proc-wait process)
        (string/trim (or text "")))))
  (if ok text "not there"))

(defn- machine []
  (def processor (or (-?> (string/find "model name" (slurp "/proc/cpuinfo"))
                          (|(string/slice (slurp "/proc/cpuinfo") $))
                          (|(first (string/split "\n" $)))
                          (|(string/trim (last (string/split ":" $))))) "unknown"))
  (string/join
    [(string "- " processor ", " (os/cpu-count) " cores, " (output "uname" "-sr"))
     (string "- " (output "openssl" "version") "; Janet " janet/version)
     (string "- " (output "sh" "-c" "go version 2>/dev/null || echo no Go") "; Node "
             (output "sh" "-c" "node --version 2>/dev/null || echo none") "; "
             (output "sh" "-c" "python3 --version 2>/dev/null || echo no Python"))
     (string "- load at the end: " (first (string/split " " (slurp "/proc/loadavg"))))] "\n"))

(defn page [figures names results]
  (string
    ``# Costs, relative to the limit

`make bench` writes this page. Each program runs on one core, the load generator on the other, over
loopback. The figures are the CPU time of the measured process, with all threads, for each unit of
work: medians of interleaved rounds, with half the range of the rounds. **Bold** is the ratio to
"limit", the median of the rounds' ratios. "limit" is a bare, tuned server in C on the same OpenSSL
(`bench/c/limit.c`). `docs/performance.md` explains where the time goes.

``
    "\n"
    (machine) "\n\n"
    (table figures names results) "\n\n"
    "![Ratios to the limit](results.svg)\n"))

(defn append
  "A section of paragraphs; none if one is missing."
  [path title & paragraphs]
  (if (all truthy? paragraphs)
    (spit path (string "\n## " title "\n\n" (string/join paragraphs "\n\n") "\n") :a)))

(defn append-output
  "A section with the output of another benchmark."
  [path title & command]
  (append path title (string "```\n" (output ;command) "\n```")))

# --- the picture: a group of bars for each figure, a bar for each contender ---

(def- colours ["#9aa0a6" "#1a73e8" "#34a853" "#fbbc04" "#ea4335" "#a142f4"])
(def- [left width bar gap] [340 420 11 12])
(def- most 3) # ratios beyond it are cut, and say so

(defn- bars [figure names results base top]
  (def name (figure :name))
  (var y top)
  (seq [[i who] :pairs names
        :let [own (value results name who) reference (value results name base)]
        :when (and own reference)]
    (def ratio (/ own reference))
    (def at y)
    (+= y bar)
    (string/format
      `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%s%.2f</text>`
      left at (* width (/ (min ratio most) most)) (dec bar) (colours (mod i (length colours)))
      (+ left 4 (* width (/ (min ratio most) most))) (+ at bar -2) (if (> ratio most) "→ " "")
      ratio)))

(defn- legend [names]
  (seq [[i who] :pairs names]
    (string/format
      `<rect x="%d" y="8" width="10" height="10" fill="%s"/><text x="%d" y="17">%s</text>`
                   (+ left (* i 80)) (colours (mod i (length colours))) (+ left 14 (* i 80)) who)))

(defn picture
  "Ratios to the first contender, as SVG."
  [figures names results]
  (def base (first names))
  (def out @[;(legend names)])
  (var top 34)
  (each figure figures
    (def drawn (bars figure names results base top))
    (unless (empty? drawn)
      (array/push out (string/format `<text x="%d" y="%d" text-anchor="end">%s</text>` (- left 8)
                                     (+ top 9) (figure :name)))
      (array/concat out drawn)
      (+= top (+ gap (* bar (length drawn))))))
  (def one (+ left (/ width most)))
  (string/format
    (string
      `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" `
      `font-size="10">`
            `<rect width="100%%" height="100%%" fill="white"/>%s<line x1="%.1f" y1="28" `
            `x2="%.1f" y2="%d" stroke="#333"/></svg>`)
    (+ left width 60) top (string/join out "\n") one one (- top 8)))

# Markdown to HTML, as much of it as our pages use: headings, paragraphs, lists, tables, code, emphasis, links, rules.

(defn escaped [text]
  (->> text (string/replace-all "&" "&amp;") (string/replace-all "<" "&lt;") (string/replace-all ">" "&gt;")
       (string/replace-all `"` "&quot;")))

(defn anchor
  "How GitHub calls a heading's place."
  [heading]
  (string/join (peg/match '(any (+ (/ " " "-") '(+ :w "-" "_" (range "\x80\xff")) 1)) (string/ascii-lower heading))))

# ---- within a line ----

(var- inline nil)

(defn- link-html [rewrite]
  (fn [text target] (string `<a href="` (escaped (rewrite target)) `">` (inline text rewrite) "</a>")))

(set inline
     (fn [text rewrite]
       (def grammar
         ~{:code (+ (/ (* "`` " '(to " ``") " ``") ,|(string "<code>" (escaped $) "</code>"))
                    (/ (* "`" '(some (if-not "`" 1)) "`") ,|(string "<code>" (escaped $) "</code>")))
           :strong (/ (* "**" '(to "**") "**") ,|(string "<strong>" (inline $ rewrite) "</strong>"))
           :emphasis (/ (* "*" '(some (if-not "*" 1)) "*") ,|(string "<em>" (inline $ rewrite) "</em>"))
           :link (/ (* "[" '(to "](") "](" '(to ")") ")") ,(link-html rewrite))
           :url (/ (* "<" '(* "http" (to ">")) ">") ,|(string `<a href="` (escaped $) `">` (escaped $) "</a>"))
           :main (% (any (+ :code :strong :emphasis :link :url (/ '1 ,escaped))))})
       (first (peg/match grammar text))))

# ---- blocks ----

(defn- heading-level [line] (if-let [[marks] (peg/match '(* '(between 1 6 "#") " ") line)] (length marks)))
(defn- item? [line] (peg/match '(* (any " ") (+ (set "-*") (* (some :d) ".")) " ") line))
(defn- numbered? [line] (peg/match '(* (some :d) ". ") line))
(defn- item-text [line] (first (peg/match '(* (any " ") (+ (set "-*") (* (some :d) ".")) (some " ") '(any 1)) line)))
(defn- fence? [line] (string/has-prefix? "```" line))
(defn- indented? [line] (string/has-prefix? "    " line))
(defn- table? [line] (string/has-prefix? "|" line))
(defn- blank? [line] (empty? (string/trim line)))

(defn- starts-block? [line] (or (blank? line) (heading-level line) (item? line) (fence? line) (table? line)))

(defn- take-while-lines
  "Pop lines off the stack as long as `good?`."
  [lines good?]
  (def taken @[])
  (while (and (next lines) (good? (last lines))) (array/push taken (array/pop lines)))
  taken)

(defn- code-html [lines language]
  (string "<pre><code" (if (empty? language) "" (string ` class="` language `"`)) ">" (escaped (string/join lines "\n")) "\n</code></pre>"))

(defn- fenced [lines _]
  (def language (string/slice (array/pop lines) 3))
  (def body (take-while-lines lines |(not (fence? $))))
  (array/pop lines)
  (code-html body language))

(defn- list-html [lines rewrite]
  (def tag (if (numbered? (last lines)) "ol" "ul"))
  (def items @[])
  (while (and (next lines) (item? (last lines)))
    (def text @[(item-text (array/pop lines))])
    # what goes on, indented or not, until something else begins
    (array/concat text (map string/trim (take-while-lines lines |(not (starts-block? $)))))
    (array/push items (string "<li>" (inline (string/join text "\n") rewrite) "</li>")))
  (string "<" tag ">\n" (string/join items "\n") "\n</" tag ">"))

(defn- cells [line rewrite]
  (map |(inline (string/trim (string/replace-all "\0" "|" $)) rewrite)
       (string/split "|" (string/replace-all `\|` "\0" (string/trim (string/trim line) "|")))))

(defn- row-html [tag cells] (string "<tr>" (string/join (map |(string "<" tag ">" $ "</" tag ">") cells)) "</tr>"))

(defn- table-html [lines rewrite]
  (def [head _ & body] (take-while-lines lines table?))
  (string `<div class="table"><table>` "\n<thead>" (row-html "th" (cells head rewrite)) "</thead>\n<tbody>\n"
          (string/join (map |(row-html "td" (cells $ rewrite)) body) "\n") "\n</tbody></table></div>"))

(defn- heading-html [line rewrite]
  (def level (heading-level line))
  (def text (string/slice line (inc level)))
  (string "<h" level ` id="` (anchor text) `">` (inline text rewrite) "</h" level ">"))

(defn- paragraph-html [lines rewrite]
  (def first-line (array/pop lines))
  (def text (string/join [first-line ;(take-while-lines lines |(not (starts-block? $)))] "\n"))
  (string "<p>" (inline text rewrite) "</p>"))

(defn html
  ``A text as HTML. `rewrite` makes links' targets fit the site.``
  [text rewrite]
  (def lines (reverse (string/split "\n" text)))
  (def blocks @[])
  (while (def line (last lines))
    (array/push blocks
                (cond
                  (blank? line) (do (array/pop lines) nil)
                  (fence? line) (fenced lines rewrite)
                  (heading-level line) (heading-html (array/pop lines) rewrite)
                  (table? line) (table-html lines rewrite)
                  (item? line) (list-html lines rewrite)
                  (indented? line) (code-html (map |(string/slice $ 4) (take-while-lines lines indented?)) "")
                  (paragraph-html lines rewrite))))
  (string/join (filter truthy? blocks) "\n"))

(defn headings
  "The [level text] of a text's headings."
  [text]
  (var code false)
  (seq [line :in (string/split "\n" text)
        :before (if (fence? line) (set code (not code)))
        :when (and (not code) (heading-level line))]
    [(heading-level line) (string/slice line (inc (heading-level line)))]))

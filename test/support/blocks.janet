# The code blocks of a page, run as they are written: in an empty folder, in order, in one bash, so
# that servers go on running as they do for a reader. They come through bash's standard input, as
# pasted lines do: a command that reads its input takes the lines that follow it. The page has a
# network and a process namespace of its own (Linux), where ports are free and example.org is this
# machine.
(import ./check :as check)
(import ./peers :as peers)

# ---- reading ----

(def- block (peg/compile ~{:open (* "```" '(any :a) "\n")
                           :text '(to "\n```")
                           :block (group (* (constant :block) :open :text "\n```"))
                           :heading (group (* (constant :heading) "## " '(to "\n")))
                           :main (any (+ :block :heading (thru "\n")))}))

(defn sections
  "Tuples [heading blocks] of a page; a block is [language text]."
  [page]
  (def found @[["" @[]]])
  (each [kind a b] (peg/match block page)
    (if (= :heading kind)
      (array/push found [a @[]])
      (array/push ((last found) 1) [a b])))
  (filter |(some (fn [[language]] (index-of language ["sh" "janet"])) ($ 1)) found))

# ---- as a script ----

(defn- file-name [text] (first (or (peg/match '(* "# " '(some (+ :w (set "-."))) "\n") text) [])))

(defn- quoted [text] (string "'" (string/replace-all "'" `'\''` text) "'"))

(defn- awaiting
  "The lines of bash that wait until a program listens."
  [program]
  (string/join (seq [at :in (string/find-all "/listen \"" program)
                     :let [[port]
                           (or (peg/match '(* "/listen \"" (thru "\" ") '(some :d)) program at) [])]
                     :when port]
                 (string (if (string/find "dtls/listen" program) "await udp " "await tcp ") port
                         "\n"))))

(defn- step
  "The lines of bash that do what a block says. `files` maps the names of programs to their texts."
  [[language text] files number]
  (case language
    "janet" (if-let [name (file-name text)]
              (do (put files name text) (string "printf '%s\\n' " (quoted text) " >" name))
              (string "printf '%s\\n' " (quoted text) " >block-" number ".janet; janet block-"
                      number ".janet"))
    "sh" (string text "\n"
                 (string/join (seq [[name program] :pairs files
                                    :when (peg/find ~(* ,(string name " &") (+ "\n" -1)) text)]
                                (awaiting program))))
    ""))

(def- prelude ``
set -euo pipefail
# Without connecting: a program need not like a client that says nothing.
await() { # tcp|udp PORT
  local pattern
  pattern=$(printf ':%04X ' "$2")
  [ "$1" = udp ] || pattern="$pattern[^ ]* 0A "
  for i in $(seq 200); do
    if grep -qs "$pattern" "/proc/net/$1" "/proc/net/${1}6"; then return; fi
    sleep 0.1
  done
  echo "no server on $1 port $2" >&2
  exit 1
}
ip link set lo up
mount --bind "$HOSTS" /etc/hosts
export SSL_CERT_FILE=$WEB/ca.crt
jsec serve 0.0.0.0:443 --cert "$WEB/web.crt" --key "$WEB/web.key" >/dev/null &
await tcp 443
``)

(defn- script [blocks files]
  (string prelude "\n"
          (string/join (seq [i :range [0 (length blocks)]]
                         (string "echo '[block " i "]'\n" (step (blocks i) files i))) "\n")
          "\necho '[block " (length blocks) "]'\n"))

# ---- running ----

(def- unshare
  ["unshare" "--map-root-user" "--net" "--mount" "--pid" "--fork" "--kill-child" "--mount-proc"])

(defn can-run?
  "May this process make namespaces?"
  []
  (and (check/find-program "unshare") (check/find-program "ip") (check/find-program "bash")
       (= 0 (os/execute [;unshare "true"] :p
                        {:out (file/open "/dev/null" :w) :err (file/open "/dev/null" :w)}))))

(defn make-web
  "A folder with what the world needs: a CA, and example.org's certificate of it."
  []
  (def dir (check/tmpdir))
  (def ca (peers/authority "The World's CA"))
  (peers/saved dir "ca" ca)
  (peers/saved dir "web" (peers/issue ca :common-name "example.org" :san ["DNS:example.org"]))
  (spit (string dir "/hosts") "127.0.0.1 localhost example.org\n::1 localhost\n")
  dir)

(defn- matches?
  "Does a line of output fit one of the page, in which … stands for anything?"
  [wanted line]
  (def parts (string/split "…" (string/trim wanted)))
  (var at 0)
  (each part (filter next parts)
    (if at (set at (if-let [found (string/find part line at)] (+ found (length part))))))
  at)

(defn- check-output
  "Each line of `wanted` has to be in the output, in this order."
  [wanted output]
  (def lines (reverse (string/split "\n" output)))
  (each line (filter next (string/split "\n" wanted))
    (while (and (next lines) (not (matches? line (last lines)))) (array/pop lines))
    (unless (next lines) (errorf "the page shows %q, and the output is\n%s" line output))
    (array/pop lines)))

(defn- output-of
  "What was printed between the start of block `i` and of the next one."
  [text i]
  (def from (string/find (string "[block " i "]") text))
  (string/slice text from (or (string/find (string "[block " (inc i) "]") text) -1)))

(defn- run-script [folder web]
  (def env (merge (os/environ) {"WEB" web "HOSTS" (string web "/hosts")
                                "XDG_DATA_HOME" (string web "/data")
                                "PATH" (string (os/cwd) "/bin:" (os/getenv "PATH"))}))
  (def log (string web "/log"))
  (def before (os/cwd))
  (os/cd folder)
  (def status (defer (os/cd before)
                (with [out (file/open log :w)]
                  (os/execute [;unshare "sh" "-c" `cat "$WEB/script" | bash -s`] :pe
                              (merge env {:out out :err out})))))
  [status (string (slurp log))])

(defn run-page
  ``Run the blocks of a page's sections in a folder. Returns a function that raises, with what was
  printed, unless a section's blocks ran and printed what the page shows.``
  [folder web page]
  (def blocks (mapcat last page))
  (spit (string web "/script") (script blocks @{}))
  (def [status text] (run-script folder web))
  (fn [heading]
    (var at 0)
    (each [name its-blocks] page
      (if (= name heading) (break))
      (+= at (length its-blocks)))
    (def own (last (find |(= heading (first $)) page)))
    (unless (string/find (string "[block " (+ at (length own)) "]") text)
      (errorf "exit status %d:\n%s" status text))
    (eachp [i [language wanted]] own
      (when (= "text" language)
        (check-output wanted (output-of text (+ at i -1)))))))

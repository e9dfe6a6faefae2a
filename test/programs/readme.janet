# The lines of README.md for spork's http, in a process of their own.
(import ./over)

(defn- block
  "The indented lines of a page around the one that contains `text`."
  [page text]
  (def lines (string/split "\n" page))
  (defn indented? [n] (string/has-prefix? "    " (get lines n "")))
  (var from (find-index |(string/find text $) lines))
  (while (indented? (dec from)) (-- from))
  (string/join (take-while |(string/has-prefix? "    " $) (slice lines from)) "\n"))

(defn check []
  (def page (slurp (string (os/getenv "JSEC_ROOT") "/README.md")))
  (def program (block page "tls/import spork/http"))
  (os/cd (os/getenv "JSEC_FOLDER"))
  (spit "localhost.pem" (over/identity :cert))
  (spit "localhost.key" (over/identity :key))
  (spit "ca.pem" (over/identity :cert))
  (spit "readme.janet" (string program "\n(os/exit 0)\n"))
  (def process (os/spawn ["janet" "readme.janet"] :p {:out :pipe}))
  (def text (:read (process :out) :all))
  (assert (zero? (os/proc-wait process)))
  (assert (= "hello\n" (string text)) text)
  (string (length (string/split "\n" program)) " lines"))

# The lines of README.md for spork's http, in a process of their own.
(import ./over)

(defn- block
  "The block of Janet on a page that contains `text`."
  [page text]
  (find |(string/find text $)
        (peg/match '(some (+ (* "```janet\n" (<- (to "```")) "```") 1)) page)))

(defn check []
  (def page (slurp (string (os/getenv "JSEC_ROOT") "/README.md")))
  (def program (block page "tls/import spork/http"))
  (os/cd (os/getenv "JSEC_FOLDER"))
  (spit "localhost.pem" (over/identity :cert))
  (spit "localhost.key" (over/identity :key))
  (spit "ca.pem" (over/identity :cert))
  (spit "readme.janet" (string program "(os/exit 0)\n"))
  (def process (os/spawn ["janet" "readme.janet"] :p {:out :pipe}))
  (def text (:read (process :out) :all))
  (assert (zero? (os/proc-wait process)))
  (assert (= "hello\n" (string text)) text)
  (string (length (string/split "\n" (string/trim program))) " lines"))

# Runs a fresh janet, for facts about programs as wholes.
(import ./check :as check)

(defn run-janet
  "What `janet` with the given arguments prints; raises with all of it where it doesn't end with 0."
  [& args]
  (def path (string (check/tmpdir) "/out"))
  (def status
    (with [out (file/open path :w)]
      (os/execute ["janet" ;args] :p {:out out :err out})))
  (def text (string (slurp path)))
  (unless (zero? status) (errorf "janet ended with %d: %s" status text))
  text)

(defn run-code
  "What a fresh janet prints for sources, one after the other."
  [& sources]
  (run-janet "-e" (string/join sources "\n")))

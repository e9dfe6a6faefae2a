# Encrypt a file of any length under a password, and decrypt it: in constant memory, with every
# change detected.
#   janet examples/seal_file.janet                          seals and opens a file of its own
#   janet examples/seal_file.janet seal notes.txt           asks for a password
#   janet examples/seal_file.janet open notes.txt.sealed    writes notes.txt
(import jsec/crypto)

(def salt-length 16)

(defn- key-of [password salt] (crypto/scrypt password salt 32))

(defn- write-new
  "Call f with a stream to a new file, which takes its name when f has returned."
  [path f]
  (def partial (string path ".partial"))
  (try
    (do
      (with [out (os/open partial :wce 8r600)] (f out))
      (os/rename partial path))
    ([err fiber] (os/rm partial) (propagate err fiber))))

(defn seal [from to password]
  (def salt (crypto/random-bytes salt-length))
  (with [in (os/open from :r)]
    (write-new to (fn [out]
                    (:write out salt)
                    (crypto/seal-stream (key-of password salt) in out)))))

(defn open-sealed
  "Raises when the password is wrong, or the file was changed or cut: then there is no result."
  [from to password]
  (with [in (os/open from :r)]
    (def salt (or (:chunk in salt-length) ""))
    (write-new to (fn [out] (crypto/open-stream (key-of password salt) in out)))))

(defn- ask []
  (eprin "password: ")
  (eflush)
  (string/trimr (file/read stdin :line)))

(defn- try-out []
  (def base (string "/tmp/seal-file-" (os/getpid)))
  (def [plain sealed opened] (map |(string base $) [".txt" ".sealed" ".opened"]))
  (defer (each path [plain sealed opened] (protect (os/rm path)))
    (spit plain (string/repeat "a line of the file\n" 100000))
    (seal plain sealed "correct horse")
    (open-sealed sealed opened "correct horse")
    (assert (deep= (slurp plain) (slurp opened)))
    (print (os/stat plain :size) " bytes sealed as " (os/stat sealed :size) ", and opened")
    (os/rm opened)
    (each [how password damage] [["another password" "battery staple" identity]
                                 ["a changed byte" "correct horse" |(put (buffer $) 99999 0)]
                                 ["a cut file" "correct horse" |(string/slice $ 0 -2)]]
      (spit (string sealed "2") (damage (slurp sealed)))
      (def [fine err] (protect (open-sealed (string sealed "2") opened password)))
      (os/rm (string sealed "2"))
      (assert (and (not fine) (nil? (os/stat opened))))
      (print how ": " err))))

(match (dyn :args)
  [_ "seal" path] (seal path (string path ".sealed") (ask))
  [_ "open" path] (open-sealed path (string/replace ".sealed" "" path) (ask))
  (try-out))

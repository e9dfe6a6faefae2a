# The folder in which a server keeps its account's key and its certificates. Files are replaced
# whole; a lock for each name keeps two processes from asking the CA for the same.
(import ../ca/files)
(import ../cert)
(import ../crypto)
(import ../tls)
(import ./session :as session)

(def- native (require "../native"))
(def- try-lock (get-in native ['ca/try-lock :value]))
(def- unlock (get-in native ['ca/unlock :value]))

(def- patience "Seconds to wait for another process, which may be obtaining." 300)

(defn- path [folder name extension]
  (string folder "/" (string/replace "*" "_" name) "." extension))

(defn- attempt-lock [file]
  (try (try-lock file)
    ([err] (session/fail file ": " (string/replace "ca/try-lock: " "" err)))))

(defn- take-lock [file]
  (def deadline (+ patience (os/clock :monotonic)))
  (var lock nil)
  (while (not (set lock (attempt-lock file)))
    (if (> (os/clock :monotonic) deadline)
      (session/fail "the store is locked: another process has used it for " patience " seconds"))
    (ev/sleep 0.05))
  lock)

(defn with-lock-file
  "Call `f` while no other process and no other fiber holds the lock of a file."
  [file f]
  (def lock (take-lock file))
  (defer (unlock lock) (f)))

(defn with-lock
  "Call `f` while no other process and no other fiber works on a name."
  [folder name f]
  (with-lock-file (path folder name "lock") f))

(defn prepare
  "Make the folder, for its owner alone, unless it is there."
  [folder]
  (unless (os/stat folder)
    (files/make-folder folder)
    (os/chmod folder 8r700)))

(defn account-key
  "The account's key: the one that is kept, or a new one."
  [folder]
  (with-lock folder "account"
    (fn []
      (def file (path folder "account" "key"))
      (if (os/stat file)
        (string (slurp file))
        (let [key (crypto/generate-key :ec-p256)]
          (files/replace [[file key 8r600]])
          key)))))

# A chain and its key are one file, so that they always belong together.

(defn save [folder name {:cert chain :key key}]
  (files/replace [[(path folder name "pem") (string (string/trimr chain) "\n" key) 8r600]]))

(defn- facts-of [text name]
  (def certificate (cert/parse text))
  (tls/new-context {:cert text :key text}) # raises unless they belong together
  (assert (index-of name (map |(string/replace "DNS:" "" $) (certificate :san))))
  {:cert text :key text :not-before (certificate :not-before) :not-after (certificate :not-after)
   :lifetime (- (certificate :not-after) (certificate :not-before))})

(defn read
  ``What is kept for a name, `{:cert :key :not-before :not-after :lifetime}`, or nil. A damaged file
  counts as none, and so does one of another name.``
  [folder name]
  (def file (path folder name "pem"))
  (if (os/stat file)
    (let [[fine facts] (protect (facts-of (string (slurp file)) name))]
      (if fine facts))))

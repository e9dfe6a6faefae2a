# Files that are replaced whole: a reader sees the old content or the new one, also after a loss of
# power.
(import ../crypto)

(def- sync (get-in (require "../native") ['ca/sync :value]))

(defn- flush
  "Wait until a file, or the names in a folder, are on the disk; `path` is for the error's text."
  [place path]
  (try (sync place) ([err] (error (string path ": " (string/replace "ca/sync: " "" err))))))

(defn- part
  "A name beside `path` that no other file and no other process uses."
  [path]
  (string path "." ;(map |(string/format "%02x" $) (crypto/random-bytes 8)) ".part"))

(defn- write-part [place path bytes mode]
  (try
    (with [out (os/open place :wce mode)] (:write out bytes))
    ([err] (error (string path ": " err))))
  (flush place path))

(defn- split
  "[folder name] of a path; the folder ends in a slash."
  [path]
  (if-let [slash (last (string/find-all "/" path))]
    [(string/slice path 0 (inc slash)) (string/slice path (inc slash))]
    ["./" path]))

(defn- move
  "Give a file its place. Until the folder is on the disk as well, a loss of power undoes it."
  [place path]
  (os/rename place path)
  (flush (first (split path)) path))

(defn- remove [path] (if (os/lstat path) (os/rm path)))

(defn replace
  ``Write each [path bytes mode], all or none. Each is written beside its place first, so that a
  full disk leaves existing files as they were. Then they take their places, in their order. Each
  step is on the disk before the next one.``
  [contents]
  (each [path] contents
    (unless (index-of (os/stat path :mode) [nil :file])
      (error (string path " is there already, and no file"))))
  (def parts (map |(part (first $)) contents))
  (try
    (do
      (each [place content] (map tuple parts contents) (write-part place ;content))
      (each [place [path]] (map tuple parts contents) (move place path)))
    ([err fiber]
      (each place parts (remove place))
      (propagate err fiber))))

(defn remove-parts
  "Remove what a process that was killed has left beside `path`."
  [path]
  (def [folder name] (split path))
  (def left (peg/compile ~(* ,(string name ".") (16 :h) ".part" -1)))
  (each file (os/dir folder)
    (if (peg/match left file) (remove (string folder file)))))

(defn make-folder
  "Make a folder, and those above it."
  [path]
  (def above (last (string/find-all "/" path)))
  (unless (or (= "" path) (os/stat path))
    (if above (make-folder (string/slice path 0 above)))
    (os/mkdir path)
    (flush (first (split path)) path)))

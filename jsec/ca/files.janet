# Files that are replaced whole: a reader sees the old content or the new one.
(import ../crypto)

(defn- part
  "A name beside `path` that no other file and no other process uses."
  [path]
  (string path "." ;(map |(string/format "%02x" $) (crypto/random-bytes 8)) ".part"))

(defn- write-part [place path bytes mode]
  (try
    (with [out (os/open place :wce mode)] (:write out bytes))
    ([err] (error (string path ": " err)))))

(defn- remove [path] (if (os/lstat path) (os/rm path)))

(defn replace
  ``Write each [path bytes mode], all or none. Each is written beside its place first, so that a
  full disk leaves existing files as they were. Then they take their places, in their order.``
  [contents]
  (each [path] contents
    (unless (index-of (os/stat path :mode) [nil :file])
      (error (string path " is there already, and no file"))))
  (def parts (map |(part (first $)) contents))
  (try
    (do
      (each [place content] (map tuple parts contents) (write-part place ;content))
      (each [place [path]] (map tuple parts contents) (os/rename place path)))
    ([err fiber]
      (each place parts (remove place))
      (propagate err fiber))))

(defn remove-parts
  "Remove what a process that was killed has left beside `path`."
  [path]
  (def slash (last (string/find-all "/" path)))
  (def [folder name] (if slash [(string/slice path 0 (inc slash)) (string/slice path (inc slash))]
                       ["./" path]))
  (def left (peg/compile ~(* ,(string name ".") (16 :h) ".part" -1)))
  (each file (os/dir folder)
    (if (peg/match left file) (remove (string folder file)))))

(defn make-folder
  "Make a folder, and those above it."
  [path]
  (def above (last (string/find-all "/" path)))
  (unless (or (= "" path) (os/stat path))
    (if above (make-folder (string/slice path 0 above)))
    (os/mkdir path)))

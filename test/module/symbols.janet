# In a static executable (jpm quickbin) our archive, Janet's and OpenSSL's share one space of names.
(import ../support/check :prefix "")

(defn- output-of [& command]
  (with [process (os/spawn command :p {:out :pipe :err (file/open "/dev/null" :w)})]
    (def text (:read (process :out) :all))
    (os/proc-wait process)
    (string text)))

(defn- symbols
  "The external names that object files, archives or shared objects define."
  [& arguments]
  (def names @{})
  (each line (string/split "\n" (output-of "nm" "-g" "--defined-only" ;arguments))
    (if-let [[name] (peg/match '(* (some :h) " " :a " " '(some (if-not (set "@\n") 1))) line)]
      (put names name true)))
  names)

(defn- sources-in [folder]
  (mapcat |(let [path (string folder "/" $)]
             (if (= :directory (os/stat path :mode))
               (sources-in path)
               (if (string/has-suffix? ".c" path) [path] [])))
          (os/dir folder)))

(def objects
  (filter os/stat (map |(string "build/obj/" (string/slice $ 0 -3) ".o") (sources-in "src"))))

(defn- library [name]
  (string/trim (output-of "cc" (string "-print-file-name=" name))))

(def ours (if (and (find-program "nm") (next objects)) (symbols ;objects) @{}))

(each [what path & flags] [["Janet's" "build/janet/lib/libjanet.a"]
                           ["OpenSSL's libssl" (library "libssl.so") "-D"]
                           ["OpenSSL's libcrypto" (library "libcrypto.so") "-D"]]
  (def fact (string "no external name of ours is one of " what))
  (if (and (os/stat path) (next ours))
    (test fact
      (def theirs (symbols ;flags path))
      (is (> (length theirs) 100) "names are found")
      (is= [] (tuple ;(filter theirs (keys ours)))))
    (skip fact (string "no nm, or no " path))))

(end)

# spork for tests, where the environment names it: SPORK is the folder that holds spork/, such as
# JANET_PATH after `janet-pm install`. Nothing is fetched.
(import ./check :as check)

(defn folder
  "The folder that SPORK names, or nil. Raises when it holds no spork."
  []
  (when-let [path (os/getenv "SPORK")]
    (unless (os/stat (string path "/spork/http.janet"))
      (errorf "SPORK=%s holds no spork/http.janet" path))
    (os/realpath path)))

(defn- link-files [from into]
  (os/mkdir into)
  (each name (os/dir from)
    (os/symlink (string from "/" name) (string into "/" name))))

# Each is one file of C. A checkout of spork lacks them, an installed spork has them.
(def- natives ["json" "rawterm" "utf8"])

(defn- build-native [checkout into name]
  (def [source made] [(string checkout "/src/" name ".c") (string into "/" name ".so")])
  (def include (string (os/cwd) "/build/janet/include"))
  (unless (or (os/stat made) (not (os/stat source)))
    (def command ["cc" "-std=c99" "-O1" "-fPIC" "-shared" "-w" "-I" include source "-o" made])
    (unless (zero? (os/execute command :p)) (errorf "%s: the C compiler failed" source))))

(defn link
  "Links to the modules of a spork, in the new folder `into`; native ones that lack are compiled."
  [checkout into]
  (link-files (string checkout "/spork") into)
  (each name natives (build-native checkout into name)))

(defn module-path
  "A folder for JANET_PATH that holds spork beside jsec."
  []
  (def both (check/tmpdir))
  (link (folder) (string both "/spork"))
  (os/symlink (os/realpath (string (dyn *syspath*) "/jsec")) (string both "/jsec"))
  both)

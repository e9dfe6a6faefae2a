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

(defn module-path
  "A folder for JANET_PATH that holds spork beside jsec."
  []
  (def both (check/tmpdir))
  (os/symlink (string (folder) "/spork") (string both "/spork"))
  (os/symlink (os/realpath (string (dyn *syspath*) "/jsec")) (string both "/jsec"))
  both)

# Commands in an environment of their own, for the tests of what is installed and released.
(import ./check :prefix "")

(defn find-tool [name] (or (find-program name) (errorf "there is no %s" name)))

(defn run
  "Run a command in a folder with nothing but `env` for its environment. Returns [status output]."
  [folder env & command]
  (def log (string (tmpdir) "/log"))
  (def before (os/cwd))
  (os/cd folder)
  (def status (defer (os/cd before)
                (with [out (file/open log :w)]
                  (os/execute command :pe (merge {:out out :err out} env)))))
  [status (slurp log)])

(defn succeeds [& arguments]
  (def [status output] (run ;arguments))
  (is= 0 status output)
  (string output))

(defn files-in [folder]
  (if (os/stat folder)
    (mapcat |(let [path (string folder "/" $)]
               (if (= :directory (os/lstat path :mode)) (files-in path) [path]))
            (os/dir folder))
    []))

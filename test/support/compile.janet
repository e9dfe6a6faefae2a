# Builds native modules that tests need, from C files beside this one.
(import ./check :as check)

(defn- folder-of [path]
  (string/slice path 0 (last (string/find-all "/" path))))

(defn- find-header
  "The folder of janet.h that belongs to the running janet, or nil."
  []
  (def program (check/find-program "janet"))
  (def prefixes [;(if program [(string (folder-of program) "/..")] []) "/usr" "/usr/local"])
  (def folders (mapcat |[(string $ "/include") (string $ "/include/janet")] prefixes))
  (find |(os/stat (string $ "/janet.h")) folders))

(defn- build [cc header source into]
  (def flags (if (= :macos (os/which)) ["-bundle" "-undefined" "dynamic_lookup"] ["-shared"]))
  (zero? (os/execute [;cc "-std=c11" "-fPIC" ;flags "-I" header "-I" "src" "-o" into source] :p)))

(defn compile-native
  "Compile a C file; the path of the module, or nil where there is no compiler or no janet.h."
  [name]
  (def cc (string/split " " (os/getenv "CC" "cc")))
  (def header (find-header))
  (def source (string (os/cwd) "/test/support/" name ".c"))
  (def into (string (check/tmpdir) "/" name ".so"))
  (if (and header (check/find-program (first cc)) (build cc header source into)) into))

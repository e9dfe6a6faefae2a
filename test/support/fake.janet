# Builds and loads fake-stream.c: a stream that isn't core's, for tests of the functions that take any.
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

(defn- build [cc header into]
  (def source (string (os/cwd) "/test/support/fake-stream.c"))
  (def flags (if (= :macos (os/which)) ["-bundle" "-undefined" "dynamic_lookup"] ["-shared"]))
  (zero? (os/execute [;cc "-std=c11" "-fPIC" ;flags "-I" header "-o" into source] :p)))

(def path
  "The compiled module, or nil where there is no compiler or no janet.h."
  (do
    (def cc (string/split " " (os/getenv "CC" "cc")))
    (def header (find-header))
    (def into (string (check/tmpdir) "/fake.so"))
    (if (and header (check/find-program (first cc)) (build cc header into)) into)))

(def stream
  "Makes a fake stream; nil where it could not be built."
  (if path (((native path) 'stream) :value)))

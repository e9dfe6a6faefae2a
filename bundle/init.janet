# The hooks of `janet --install .`. What to build stands in project.janet alone; this gives its three words a meaning, so
# that neither jpm nor spork has to be installed.

(def- sources @[])
(def- natives @[])

(defn- include-flags
  "Where janet.h may be, besides the compiler's own folders: near this janet, or near its modules."
  []
  (def janet (dyn *executable* "janet"))
  (def slash (last (string/find-all "/" janet)))
  (def bin-folders (if slash [(string/slice janet 0 slash)] (string/split ":" (os/getenv "PATH" ""))))
  (def prefixes [;(map |(string $ "/..") bin-folders) (string (dyn *syspath*) "/../..")])
  (def folders [(os/getenv "JANET_HEADERPATH") ;(mapcat |[(string $ "/include") (string $ "/include/janet")] prefixes)])
  (def realpaths (keep |(if (and $ (os/stat (string $ "/janet.h"))) (os/realpath $)) folders))
  (map |(string "-I" $) (distinct realpaths)))

(dofile "project.janet"
        :env (merge-into (make-env)
                         {'declare-project @{:value (fn [&])}
                          'declare-source @{:value (fn [&keys {:source paths}] (array/concat sources paths))}
                          'declare-native @{:value (fn [&keys opts] (array/push natives opts))}}))

(defn- built [name] (string "build/bundle/" name ".so"))

(defn build [&]
  (each {:name name :source files :cflags cflags :lflags lflags} natives
    (reduce (fn [path part] (os/mkdir path) (string path "/" part)) "." (string/split "/" (built name)))
    (print "compiling " name)
    (def link (if (= :macos (os/which)) ["-bundle" "-undefined" "dynamic_lookup"] ["-shared"]))
    (os/execute [(os/getenv "CC" "cc") "-O2" "-fPIC" ;cflags ;(include-flags) ;link "-o" (built name) ;files ;lflags]
                :px)))

(defn install [manifest &]
  (each path sources (bundle/add manifest path))
  (each {:name name} natives (bundle/add manifest (built name) (string name ".so"))))

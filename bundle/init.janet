# The hooks of `janet --install .`. They read project.janet, so neither jpm nor spork has to be
# installed. The result is what these two make: the modules, the native one as a shared object and
# as an archive for static executables, the tool and its manual page.

(def- project @{})
(def- sources @[])
(def- natives @[])
(def- scripts @[])
(def- manpages @[])

(dofile "project.janet"
        :env (merge-into (make-env)
                         {'declare-project @{:value (fn [&keys facts] (merge-into project facts))}
                          'declare-source @{:value (fn [&keys {:source paths}]
                                                     (array/concat sources paths))}
                          'declare-native @{:value (fn [&keys opts] (array/push natives opts))}
                          'declare-binscript @{:value (fn [&keys {:main path}]
                                                        (array/push scripts path))}
                          'declare-manpage @{:value (fn [path] (array/push manpages path))}}))

(def- compiler (filter next (string/split " " (os/getenv "CC" "cc"))))

(defn- folder-of [path] (string/join (slice (string/split "/" path) 0 -2) "/"))
(defn- base-of [path] (last (string/split "/" path)))
(defn- made [name] (string "build/bundle/" name))

(defn- make-folder-for [path]
  (reduce (fn [folder part] (os/mkdir folder) (string folder "/" part)) "." (string/split "/" path))
  path)

# ---- compiling ----

(defn- include-flags
  "Where janet.h may be, besides the compiler's own folders: near this janet, or near its modules."
  []
  (def janet (dyn *executable* "janet"))
  (def slash (last (string/find-all "/" janet)))
  (def bin-folders
    (if slash [(string/slice janet 0 slash)] (string/split ":" (os/getenv "PATH" ""))))
  (def prefixes [;(map |(string $ "/..") bin-folders) (string (dyn *syspath*) "/../..")])
  (def folders [(os/getenv "JANET_HEADERPATH")
                ;(mapcat |[(string $ "/include") (string $ "/include/janet")] prefixes)])
  (def realpaths (keep |(if (and $ (os/stat (string $ "/janet.h"))) (os/realpath $)) folders))
  (map |(string "-I" $) (distinct realpaths)))

(defn- run-all
  "Run commands, as many at a time as there are processors. Raises when one fails."
  [commands]
  (def queue (reverse commands))
  (def ended (ev/chan))
  (def workers (min (length queue) (os/cpu-count 2)))
  (repeat workers
    (ev/go (fn [] (while (def command (array/pop queue)) (os/execute command :px))) nil ended))
  (repeat workers
    (def [outcome fiber] (ev/take ended))
    (when (= :error outcome)
      (array/clear queue)
      (error (string "jsec: " (string/join compiler " ")
                     " failed: see above (janet.h missing? JANET_HEADERPATH can name its "
                     "folder)")))))

(defn- entry-name
  "What quickbin and declare-executable call a native module's entry."
  [name]
  (string "janet_module_entry_" (peg/replace-all '(if-not :w 1) |(string "_" (first $) "_") name)))

(defn- compile-native
  ``The shared object, and the archive: the same objects but for the one that holds the entry,
  whose name differs there.``
  [{:name name :source files :cflags cflags :lflags lflags}]
  (def common [;compiler "-O2" "-fPIC" ;cflags ;(include-flags) "-c"])
  (defn object [path] (make-folder-for (made (string path ".o"))))
  (def entries (filter |(string/find "JANET_MODULE_ENTRY" (slurp $)) files))
  (def static-object (made (string name ".entry.o")))
  (make-folder-for static-object)
  (run-all [;(map |[;common "-o" (object $) $] files)
            [;common (string "-DJANET_ENTRY_NAME=" (entry-name name)) "-o" static-object ;entries]])
  (def link (if (= :macos (os/which)) ["-bundle" "-undefined" "dynamic_lookup"] ["-shared"]))
  (os/execute [;compiler ;link "-o" (made (string name ".so")) ;(map object files) ;lflags] :px)
  (def archive (made (string name ".a")))
  (if (os/stat archive) (os/rm archive))
  (def others (filter |(not (index-of $ entries)) files))
  (os/execute [(os/getenv "AR" "ar") "rcs" archive static-object ;(map object others)] :px)
  (spit (made (string name ".meta.janet"))
        (string/format "# Metadata for static library %s.a\n\n%j\n" name
                       {:static-entry (entry-name name) :cpp false :lflags (array ;lflags)})))

(defn- write-script
  ``The script with the module path of this installation in it, so that it works whatever
  JANET_PATH says then.``
  [path]
  (def [shebang rest] (string/split "\n" (slurp path) 0 2))
  (spit (make-folder-for (made path))
        (string shebang "\n" (string/format "(put root-env :syspath %v)"
                                            (os/realpath (dyn *syspath*))) "\n" rest)))

# ---- the hooks ----

(defn build [&]
  (each native natives
    (print "compiling " (native :name))
    (compile-native native)))

(defn- say-where
  "Where the tools are, and what makes a shell find them."
  []
  (def folder (string (os/realpath (dyn *syspath*)) "/bin"))
  (each path scripts (print "the tool is " folder "/" (base-of path)))
  (unless (index-of folder (string/split ":" (os/getenv "PATH" "")))
    (printf `to find it, add its folder to PATH: export PATH="%s:$PATH"` folder)))

(defn install [manifest &]
  # info.jdn is read as data and can't take the version from project.janet
  (put manifest :info (merge (manifest :info) {:version (project :version)}))
  (each path sources (bundle/add manifest path))
  (each {:name name} natives
    (each ending [".so" ".a" ".meta.janet"]
      (bundle/add manifest (made (string name ending)) (string name ending))))
  (each path scripts
    (write-script path)
    (bundle/add-bin manifest (made path)))
  (each path manpages (bundle/add-manpage manifest path))
  (say-where))

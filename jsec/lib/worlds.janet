# Environments in which libraries are loaded so that the net/* they call are those of jsec/net.
(import ./net :as over)

(def- own-folder
  "The folder of these modules: a library that imports them gets the program's."
  (string/slice (dyn *current-file*) 0 (- (inc (length "lib/worlds.janet")))))

# ---- loading ----

(defn- load-shared
  "Load a module as `import` does, into the program's own cache."
  [loader path args]
  (or (in module/cache path)
      (let [env (loader path args)]
        (put module/cache path env)
        env)))

(defn- loaders-of
  "Core's loaders, with our functions in place of core's."
  [entries]
  (def names (merge load-image-dict))
  (eachp [name entry] entries (put names name (entry :value)))
  (merge module/loaders
         {:native (fn [path &] (load-shared (fn [path &] (native path (make-env))) path []))
          :source (fn [path args]
                    (def loader (module/loaders :source))
                    (if (string/has-prefix? own-folder path)
                      (load-shared (fn [path args] (with-dyns [*module-make-env* make-env]
                                                     (loader path args)))
                                   path args)
                      (loader path args)))
          :image (fn [path &] (unmarshal (slurp path) names))}))

(defn load
  "What `function` (require, dofile) loads in a world."
  [world function path args]
  (with-dyns [*module-cache* (world *module-cache*)
              *module-loaders* (world *module-loaders*)
              *module-make-env* (world *module-make-env*)]
    (function path ;args)))

# ---- importing ----

(defn- prefix-of [path {:as as :prefix prefix}]
  (cond
    as (string as "/")
    prefix prefix
    (string (first (string/split "." (last (string/split "/" path)))) "/")))

(defn import-by
  "Import a module, which `load` loads, into the environment of the caller."
  [load path args]
  (def env (curenv))
  (def given (table ;args))
  (merge-module env (load path ;args) (prefix-of path given) (given :export)
                ;(if-let [only (given :only)] [only] [])))

(defn quoted
  "The arguments of the macro `import` as those of a function."
  [args]
  (mapcat (fn [[key value]] [key (case key :as (string value) :only ~(quote ,value) value)])
          (partition 2 args)))

(defn- importers
  ``Core's functions and macros that load modules, for a library's functions: they run when nothing
  but these leads to the library's world.``
  [world]
  (defn require-here [path & args] (load world require path args))
  (defn import-here [path & args] (import-by require-here path args))
  (defn entry [name value] (merge (in root-env name) {:value value}))
  {'require (entry 'require require-here)
   'dofile (entry 'dofile (fn [path & args] (load world dofile path args)))
   'import* (entry 'import* import-here)
   'import (entry 'import (fn [path & args] ~(,import-here ,(string path) ,;(quoted args))))
   'use (entry 'use (fn [& modules]
                      ~(do ,;(map |~(,import-here ,(string $) :prefix "") modules))))})

# ---- worlds ----

(defn- new-world
  ``An environment in place of core's root: net/* are ours, and what is imported there is loaded
  into a cache of its own.``
  [fallback]
  (def root (make-env))
  (def entries (merge (over/entries fallback) (importers root)))
  (merge-into root entries)
  (put root *module-cache* @{})
  (put root *module-loaders* (loaders-of entries))
  (put root *module-make-env* (fn [&opt parent] (make-env (or parent root)))))

(def- worlds "By options, so that two imports with the same share a library." @{})

(defn of-options
  "The world of a library with these options."
  [fallback]
  (def key (if (nil? fallback) :none fallback))
  (or (worlds key) (set (worlds key) (new-world fallback))))

# Lets a module of jsec export names of the native module.

(defn export
  ``Bind each of `names` in the module that calls this to the native function `prefix/name`. The
  bindings are the native module's own entries, so `doc` shows their documentation.``
  [native prefix names]
  (def env (curenv))
  (each name names
    (def entry (in native (symbol prefix "/" name)))
    (unless entry
      (errorf "jsec: the native module has no %s/%s: is it an older build?" prefix name))
    (put env (symbol name) entry)))

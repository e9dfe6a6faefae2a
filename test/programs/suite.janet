# A test suite that a project has: it prints how many of its tests passed.
(import ./over)

(defn check [path]
  (over/load path)
  nil)

# The examples in examples/functions, by the names of their functions: the reference shows them, a
# test runs them. `# => value` says what the form before it returns.

(def- sections
  (peg/compile '(any (group (* "# ### " '(to "\n") "\n" '(to (+ "\n# ### " -1)) (? "\n"))))))

(defn- read-file [name]
  (peg/match sections (string (slurp (string "examples/functions/" name)))))

(defn all
  "[function code] of each example, in order of files."
  []
  (map (fn [[name code]] [name (string/trimr code)])
       (mapcat read-file (sort (os/dir "examples/functions")))))

(defn steps
  "[code expected] of an example; the code of a step without an expectation ends the example."
  [code]
  (def taken @[])
  (def part @"")
  (each line (string/split "\n" code)
    (if-let [at (string/find " # => " line)]
      (do
        (array/push taken [(string part (string/slice line 0 at)) (string/slice line (+ at 6))])
        (buffer/clear part))
      (buffer/push part line "\n")))
  (if (empty? (string/trim part)) taken (array/push taken [(string part) nil])))

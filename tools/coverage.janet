# janet tools/coverage.janet LINES REASONS: checks that each function with lines that no test
# reaches, listed by gcovr in LINES, has a reason in REASONS (test/coverage.md). Prints those
# without one and those that no longer exist, and fails.

(def- row '(* (<- (* "src/" (some (if-not :s 1)))) :s+ :d+ :s+ :d+ :s+ :d+ "%" :s* (<- (some 1))))
(def- ranges '(some (+ (group (* (number :d+) (+ (* "-" (number :d+)) (constant nil)))) 1)))
(def- reason '(* "- `" (<- (to "`")) "`:" (some (+ (* "`" (<- (to "`")) "`") 1))))
(def- called '(some (+ (* (<- (* (some (+ :w "_")))) "(") (some (+ :w "_")) 1)))

(defn- lines-of [path] (string/split "\n" (slurp path)))

(defn- function-at
  "The name of the function around a line of C: the last one that begins at the margin."
  [lines number]
  (var at (dec number))
  (while (and (pos? at) (not (peg/match '(* :a (to "(") (not (thru (* ";" -1)))) (lines at))))
    (-- at))
  (find |(not (index-of $ ["STACK_OF" "__attribute__" "target"]))
        (or (peg/match called (lines at)) [])))

(defn- missed
  "Functions with missed lines, by file: {path {function [number ...]}}."
  [listing]
  (def found @{})
  (each line (lines-of listing)
    (when-let [[path numbers] (peg/match row line)]
      (def lines (lines-of path))
      (each [first last] (peg/match ranges numbers)
        (for number first (inc (or last first))
          (def function (function-at lines number))
          (put-in found [path function] [;(get-in found [path function] []) number])))))
  found)

(defn- reasons
  "Functions with a reason, by file; a function may have several reasons."
  [path]
  (def found @{})
  (each line (lines-of path)
    (when-let [[file & functions] (peg/match reason line)]
      (update found (string "src/" file) |(array/concat (or $ @[]) functions))))
  found)

(defn main [_ listing document]
  (def known (reasons document))
  (var failed false)
  (defn complain [& words]
    (set failed true)
    (print "  " ;words))
  (eachp [path functions] (missed listing)
    (eachp [function numbers] functions
      (unless (index-of function (get known path []))
        (complain path ": " function " misses lines " (string/join (map string numbers) ", ")
                  " without a reason in " document))))
  (eachp [path functions] known
    (def text (if (os/stat path) (slurp path) ""))
    (each function functions
      (unless (string/find (string function "(") text)
        (complain document ": there is no " function " in " path))))
  (if failed (os/exit 1)))

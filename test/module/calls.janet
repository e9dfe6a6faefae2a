# Wrong calls of every public function: the error names the function, and the argument where it can.
(import ../support/check :prefix "")
(import ../../tools/public)

(def functions (mapcat public/functions (public/modules)))

(defn- forms-of
  "[parameters, number of required ones] of each form of a signature."
  [signature]
  (map (fn [form]
         (def words (filter |(not= "" $) (drop 1 (string/split " " (string/trim form "() ")))))
         (def names (filter |(not= "&opt" $) words))
         [names (or (index-of "&opt" words) (length names))])
       (string/split ") or (" signature)))

(defn- error-of [function & arguments]
  (def fiber (fiber/new (fn [] (function ;arguments)) :ei))
  (ev/deadline 5 nil fiber)
  (def result (resume fiber))
  (if (= :error (fiber/status fiber)) (string result)))

(defn- named-by-core?
  "Janet's own error of a function that is written in Janet."
  [name err]
  (string/has-prefix? (string "<function " name "> called with ") err))

(test "there are functions to look at" (is (> (length functions) 100)))

(each {:name name :signature signature :value function} functions
  (def forms (forms-of signature))
  (def most (max ;(map |(length ($ 0)) forms)))
  (def required (min ;(map 1 forms)))
  (unless (string/find "& " (string/replace-all "&opt" "" signature))
    (test (string name ": a wrong number of arguments shows how to call it")
      (def err (error-of function ;(array/new-filled (inc most) :wrong)))
      (is (or (and (string/has-prefix? (string name ": arity mismatch, expected ") err)
                   (string/find (string "(" name) err))
              (named-by-core? name err))
          err)
      (when (pos? required)
        (def err (error-of function ;(array/new-filled (dec required) :wrong)))
        (is (or (string/has-prefix? (string name ": ") err) (named-by-core? name err)) err))))

  (when (and (pos? required) (cfunction? function) (not (string/has-suffix? "?" name)))
    (test (string name ": arguments of a wrong type are refused under its name")
      (each wrong [(fn []) 1.5 @[1 2 3] (int/u64 1)]
        (def err (error-of function ;(array/new-filled required wrong)))
        (is err (string/format "%q is taken" wrong))
        (is (string/has-prefix? (string name ": ") err) err)
        (when (string/find "bad slot #" err)
          (def [slot] (peg/match '(* (thru "bad slot #") (number :d+)) err))
          (is (some (fn [[parameters]]
                      (string/has-prefix?
                        (string name ": " (get parameters slot) ": bad slot #" slot ", expected ")
                        err))
                    forms)
              err))))))

(end)

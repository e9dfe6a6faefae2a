# Wrong arguments of functions that are written in Janet: errors in the form of the native ones,
# which name the function that was called.

(defn refuse
  "Raise that an argument has the wrong type. The value is not shown: it may be a secret."
  [function parameter slot expected value]
  (errorf "%s: %s: bad slot #%d, expected %s, got %s"
          function parameter slot expected (type value)))

(defn check-handler
  "Raise unless this is a function that can be called with a stream."
  [function slot handler]
  (unless (and (function? handler)
               (<= (disasm handler :min-arity) 1 (disasm handler :max-arity)))
    (refuse function "handler" slot "function of one argument" handler)))

(defn flat
  "A table of one level: options of a prototype count, as they do for native functions."
  [options]
  (case (type options)
    :table (table/proto-flatten options)
    :struct (merge (struct/proto-flatten options))
    @{}))

(defn check-options
  "Raise unless these are options, with no other names than `names`, or nil."
  [function slot opts &opt names]
  (unless (or (nil? opts) (dictionary? opts)) (refuse function "opts" slot "options" opts))
  (when names
    (unless (every? (map |(index-of $ names) (keys (flat opts))))
      (errorf "%s: unknown option, expected one of :%s" function
              (string/join (sort (map string names)) " :")))))

# Errors begin with the name of the native function; core's have none.
(def- named
  (peg/compile ~(+ (* (some :a) "/" (some (+ :w (set "-?"))) ": " '(any 1))
                   '(* (+ "bad slot #" "could not get address info" "expected socket type")
                       (any 1)))))

(defn own-error
  "An error of an inner function, under the name of the one that was called."
  [function err]
  (def found (if (bytes? err) (peg/match named err)))
  (if found (string function ": " (first found)) err))

(defmacro under-name
  "The value of the body, whose errors get the name of a function."
  [function & body]
  ~(try (do ,;body) ([err fiber] (propagate (,own-error ,function err) fiber))))

# What a run of chaos found, and the chance that it follows.

(def faults "Sentences, each a promise that was broken." @[])
(def counts @{})

(defn fault [& words] (array/push faults (string ;words)))

(defn count [key &opt n] (put counts key (+ (get counts key 0) (or n 1))))

(defn chance? "True with a probability." [rng probability] (< (math/rng-uniform rng) probability))

(defn pick [rng choices] (choices (math/rng-int rng (length choices))))

(defn between [rng low high] (+ low (math/rng-int rng (- high low))))

(defn seconds "A random time of at most so many seconds." [rng most]
  (* most (math/rng-uniform rng)))

# Measures in interleaved rounds and writes bench/RESULTS.md and bench/results.svg:
#   janet bench/bench.janet [quick] [ROW ...]     ROW: part of a row's name; then it only prints
# The environment variable ROUNDS sets the number of rounds; the default is five.
(import ./harness :as harness)
(import ./http :as http)
(import ./report :as report)
(import ./rows :as rows)

(var- rounds (scan-number (os/getenv "ROUNDS" "5")))

(defn- there? [program]
  (if (string/find "/" program)
    (os/stat program)
    (find |(os/stat (string $ "/" program)) (string/split ":" (os/getenv "PATH")))))

(def- contenders (filter |(or (nil? ($ :needs)) (there? ($ :needs))) rows/contenders))

(defn- takes-part? [row contender]
  (and (or (nil? (row :only)) (index-of (contender :name) (row :only)))
       (if-let [kind (row :client)]
         (index-of kind (contender :kinds))
         (contender (row :service)))))

(defn- in-turns
  ``Call `measure` with each contender, a round uncounted and then as many as the row wants, none
  always the first.``
  [row entrants results measure]
  (for round (if (row :fresh) 1 0) (inc (or (row :rounds) rounds))
    (for i 0 (length entrants)
      (def contender (entrants (mod (+ i round) (length entrants))))
      (def [measured found] (protect (measure contender)))
      (unless measured (eprintf " %s failed: %s ..." (contender :name) (string found)))
      (when (and measured (pos? round))
        (each figure (row :figures)
          (def key [(figure :name) (contender :name)])
          (put results key (array/push (get results key @[]) ((figure :take) found))))))))

(defn- start [row contender]
  (def mode (get-in contender [:modes (row :mode)] (row :mode)))
  (harness/start (contender (row :service)) mode (row :core) (row :extra)))

(defn- measure-fresh [row entrants results]
  (in-turns row entrants results
    (fn [contender]
      (def server (start row contender))
      (defer (harness/stop server) ((row :measure) server)))))

(defn- measure-servers [row entrants results]
  (def servers @{})
  (defer (each server servers (harness/stop server))
    (each contender entrants (put servers (contender :name) (start row contender)))
    (in-turns row entrants results |((row :measure) (servers ($ :name))))))

(defn- measure-clients [row entrants results]
  (def server (harness/start ((first contenders) :tls) "byte" "1"))
  (defer (harness/stop server)
    (in-turns row entrants results |((row :measure) ($ :tls) server))))

(defn- measure [row results]
  (def entrants (filter |(takes-part? row $) contenders))
  (def start (os/clock :monotonic))
  (eprinf "%s ..." (row :name))
  (eflush)
  (cond
    (row :client) (measure-clients row entrants results)
    (row :fresh) (measure-fresh row entrants results)
    (measure-servers row entrants results))
  (eprinf " %.0f s\n" (- (os/clock :monotonic) start)))

(defn- chosen [words]
  (def parts (if (= (first words) "quick") rows/quick words))
  (filter (fn [row] (or (empty? parts) (some |(string/find $ (row :name)) parts))) rows/rows))

(defn main [_ & words]
  (def results @{})
  (when (= (first words) "quick") (set rounds 3))
  (def measured (chosen words))
  (each row measured (measure row results))
  (def figures (mapcat |($ :figures) measured))
  (def names (map |($ :name) contenders))
  (print (report/table figures names results))
  (when (empty? words)
    (spit "bench/RESULTS.md" (report/page figures names results))
    (report/append "bench/RESULTS.md" "HTTP" http/about (http/table))
    (report/append-output "bench/RESULTS.md" "Cryptography" "janet" "bench/crypto.janet")
    (spit "bench/results.svg" (report/picture figures names results))))

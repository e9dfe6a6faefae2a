# HTTP servers driven by wrk, with and without TLS, in interleaved rounds: CPU time a request.
#   janet bench/http.janet      prints a table; bench.janet writes it into bench/RESULTS.md
# The environment variables ROUNDS and DURATION set the number of rounds and the time of each.
(import ./harness :as harness)
(import ./report :as report)

(def- rounds (scan-number (os/getenv "ROUNDS" "5")))
(def- seconds (os/getenv "DURATION" "2"))
(def- connections "64")

(def about
  ``The same small server on jsec's streams and, without TLS, on Janet's own, beside nginx, Go's and
Node's: CPU time of the server for each request of wrk, on 64 connections. "A new connection each"
has `Connection: close`. Bold is the ratio to nginx. The servers in Janet read no more of HTTP than
the end of a request and that header, so compare their two kinds of rows with each other first.``)

(def- contenders
  "nginx first, as the ceiling. `:needs` is a program without which a contender is skipped."
  [{:name "nginx" :command ["bench/peers/nginx.sh"] :needs "nginx"}
   # wrk resets its connections at its end, and core prints that
   {:name "jsec"
    :command ["sh" "-c" "exec janet bench/peers/http.janet \"$@\" 2>/dev/null" "http.janet"]}
   {:name "Go" :command [(string harness/built "go-http")] :needs (string harness/built "go-http")}
   {:name "Node" :command ["node" "bench/peers/http.js"] :needs "node"}])

(def- rows
  [{:name "HTTPS, keep-alive" :mode "https" :unit "µs"}
   {:name "HTTPS, a new connection each (wrk resumes)" :mode "https" :unit "µs" :closes true}
   {:name "HTTP, keep-alive (Janet: net/*)" :mode "http" :unit "µs"}
   {:name "HTTP, a new connection each (Janet: net/*)" :mode "http" :unit "µs" :closes true}])

(defn- there? [program]
  (def folders [;(string/split ":" (os/getenv "PATH")) "/usr/sbin"])
  (or (os/stat program) (find |(os/stat (string $ "/" program)) folders)))

# utime and stime of all threads, behind the name in parentheses
(def- times (peg/compile '(* (thru ") ") (11 (thru " ")) (number :d+) " " (number :d+))))
(def- ticks 100) # a second, USER_HZ

(defn- used
  "CPU seconds of a process so far."
  [pid]
  (/ (sum (peg/match times (slurp (string "/proc/" pid "/stat")))) ticks))

(defn- requests-of [output]
  (if (string/find "Non-2xx" output) (errorf "wrk: %s" output))
  (first (or (peg/match '(thru (* "\n  " (number :d+) " requests in")) output)
             (errorf "wrk: %s" output))))

(defn- drive
  "CPU time a request, in microseconds, while wrk asks."
  [row server]
  (def url (string (row :mode) "://127.0.0.1:" (server :port) "/"))
  (def before (used (server :pid)))
  (def output
    (harness/output ["wrk" "-t1" "-c" connections (string "-d" seconds "s")
                     ;(if (row :closes) ["-H" "Connection: close"] []) url]))
  (/ (* 1e6 (- (used (server :pid)) before)) (requests-of output)))

(defn- measure [row entrants results]
  (def servers (map |(harness/start ($ :command) (row :mode)) entrants))
  (defer (each server servers (harness/stop server))
    (for round 0 (inc rounds)
      (for i 0 (length entrants)
        (def at (mod (+ i round) (length entrants)))
        (def figure (drive row (servers at)))
        (when (pos? round) # the first warms up
          (def key [(row :name) ((entrants at) :name)])
          (put results key (array/push (get results key @[]) figure)))))))

(defn table
  "The measured table, or nil without wrk."
  []
  (when (there? "wrk")
    (def entrants (filter |(or (nil? ($ :needs)) (there? ($ :needs))) contenders))
    (def results @{})
    (each row rows (measure row entrants results))
    (report/table rows (map |($ :name) entrants) results)))

(defn main [&]
  (print (or (table) "wrk is not installed")))

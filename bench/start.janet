# How long the tool takes to start, beside openssl and curl: make bench BENCH=start
# Whole processes, in turns, 40 of each: the median of their CPU time and the best wall time.

(def rounds 40)
(def tool "bin/jsec")
(def ca "build/bench/start/ca.pem")

# nothing listens on port 1
(def rows
  [["openssl version" ["openssl" "version"]]
   ["curl --version" ["curl" "--version"]]
   ["janet, which does nothing" ["janet" "-e" "1"]]
   ["janet, which imports jsec/tls" ["janet" "-e" "(import jsec/tls)"]]
   ["jsec --version" [tool "--version"]]
   ["jsec version" [tool "version"]]
   ["jsec --help" [tool "--help"]]
   ["jsec check --help" [tool "check" "--help"]]
   ["jsec check, to the refusal of a connection" [tool "check" "--ca" ca "127.0.0.1:1"]]
   ["jsec connect, to the refusal of a connection" [tool "connect" "--ca" ca "127.0.0.1:1"]]
   ["jsec cert show" [tool "cert" "show" ca]]
   ["jsec completions bash" [tool "completions" "bash"]]])

(def measure ``
import json, os, resource, subprocess, sys, time
def cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
rows, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
found = [[] for _ in rows]
for _ in range(rounds):
    for row, times in zip(rows, found):
        before, began = cpu(), time.perf_counter()
        with open(os.devnull, "w") as null:
            subprocess.run(row, stdout=null, stderr=null)
        times.append((cpu() - before, time.perf_counter() - began))
for times in found:
    spent, took = zip(*times)
    print("%.6f\n%.6f" % (sorted(spent)[rounds // 2], min(took)))
``)

(defn- json [rows]
  (string "[" (string/join (map (fn [[_ words]]
                                  (string "[" (string/join (map |(string/format "%j" $) words) ",")
                                          "]"))
                                rows)
                           ",") "]"))

(defn- measured []
  (with [process (os/spawn ["python3" "-c" measure (json rows) (string rounds)] :px {:out :pipe})]
    (def said (ev/read (process :out) :all))
    (os/proc-wait process)
    (partition 2 (map scan-number (string/split "\n" (string/trim said))))))

(os/execute ["sh" "-c" (string "rm -rf build/bench/start && " tool " cert ca build/bench/start "
                               ">/dev/null")] :px)
(print "| | CPU ms | best wall ms |\n|---|---|---|")
(map (fn [[name] [cpu wall]] (printf "| %s | %.1f | %.1f |" name (* 1000 cpu) (* 1000 wall)))
     rows (measured))

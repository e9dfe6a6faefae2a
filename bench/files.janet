# CPU time and peak memory of hashing a file of 2 GB, beside other programs, and of sealing 256 MB:
#   make bench BENCH=files
# Each figure is the best of three whole processes, in turns. The column x is a multiple of
# sha256sum's time. The file is sparse, and in the page cache after the first round. Memory is what
# Linux gives as VmHWM of our processes, Janet and OpenSSL included.

(def folder "build/bench")
(def large (string folder "/2-GB"))
(def small (string folder "/256-MB"))

(defn- make-file [path size]
  (with [file (file/open path :wb)]
    (file/seek file :set (dec size))
    (file/write file "\n")))

(def- print-memory
  `(each line (string/split "\n" (slurp "/proc/self/status"))
     (if (string/has-prefix? "VmHWM:" line) (print line)))`)

(defn- janet [& forms]
  [(dyn *executable*) "-e" (string "(import jsec/crypto)" ;forms print-memory)])

(defn- between
  "A call of f with a key and two open files."
  [f in out]
  (string/format `(with [i (file/open %q :rb)] (with [o (file/open %q :wb)] (%s %q i o)))`
                 in out f (string/repeat "k" 32)))

(def python ``
import hashlib, sys
print(hashlib.file_digest(open(sys.argv[1], "rb"), "sha256").hexdigest())
``)

(def rows
  [["sha256sum, 2 GB" ["sha256sum" large]]
   ["openssl dgst, 2 GB" ["openssl" "dgst" "-sha256" large]]
   ["Python's file_digest, 2 GB" ["python3" "-c" python large]]
   ["digest-file, 2 GB" (janet (string/format "(crypto/digest-file :sha256 %q)" large))]
   ["digest-stream, 2 GB"
    (janet (string/format "(with [f (file/open %q :rb)] (crypto/digest-stream :sha256 f))" large))]
   ["seal-stream, 256 MB" (janet (between "crypto/seal-stream" small (string small ".sealed")))]
   ["open-stream, 256 MB"
    (janet (between "crypto/open-stream" (string small ".sealed") (string small ".opened")))]
   ["janet that only imports jsec/crypto" (janet)]])

(def measure ``
import resource, subprocess, sys
said = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True).stdout.decode().split()
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
memory = int(said[said.index("VmHWM:") + 1]) / 1024 if "VmHWM:" in said else 0
print(usage.ru_utime + usage.ru_stime, memory)
``)

(defn- run
  "Seconds of CPU and MB of peak memory of a command; nil where it can't run."
  [command]
  (with [process (os/spawn ["python3" "-c" measure ;command] :p {:out :pipe})]
    (def said (ev/read (process :out) :all))
    (if (zero? (os/proc-wait process))
      (map scan-number (string/split " " (string/trim said))))))

(make-file large (* 2 1024 1024 1024))
(make-file small (* 256 1024 1024))
(def best @{})
(repeat 3
  (each [name command] rows
    (when-let [[seconds memory] (run command)]
      (def [s m] (get best name [math/inf math/inf]))
      (put best name [(min s seconds) (min m memory)]))))

(def [limit] (best "sha256sum, 2 GB"))
(print "                                      CPU s      MB       x")
(each [name] rows
  (if-let [[seconds memory] (best name)]
    (printf "%-36s %7.2f %7s %7s" name seconds
            (if (zero? memory) "-" (string/format "%.1f" memory))
            (if (string/find "2 GB" name) (string/format "%.2f" (/ seconds limit)) "-"))
    (printf "%-36s       -" name)))
(each path [large small (string small ".sealed") (string small ".opened")] (os/rm path))

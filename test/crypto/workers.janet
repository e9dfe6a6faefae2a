# Slow calls run on worker threads: how many at a time, in which order, and what ends them.
(import ../support/check :prefix "")
(import ../support/process :prefix "")
(import jsec/crypto)
(import jsec/tls)

(def slow-call "(defn slow [] (crypto/pbkdf2 :sha256 \"password\" \"salt\" 150000 32))")

(defn with-workers
  "What a program prints with JSEC_WORKERS set."
  [setting & sources]
  (os/setenv "JSEC_WORKERS" setting)
  (defer (os/setenv "JSEC_WORKERS" nil)
    (run-code "(import jsec/crypto)" "(import jsec/tls)" slow-call "(var done 0)" ;sources)))

(defn- reads-status
  "Source of a function that reads a number from /proc/self/status."
  [name field]
  (string/format
    `(defn %s []
       (def number '(thru (* "%s:" :s+ (<- :d+))))
       (scan-number (first (peg/match number (slurp "/proc/self/status")))))`
    name field))

(def threads (reads-status "threads" "Threads"))
(def peak-memory (reads-status "peak-memory" "VmHWM"))

(def cores
  (if (= :linux (os/which)) (length (string/find-all "processor\t" (slurp "/proc/cpuinfo")))))

(defn max-threads
  "How many threads there are besides the first while 60 calls run."
  [setting]
  (parse (with-workers setting threads
                       "(var peak 0)"
                       "(defn brief [] (crypto/pbkdf2 :sha256 \"p\" \"s\" 20000 32))"
                       "(repeat 60 (ev/go (fn [] (brief) (++ done))))"
                       "(while (< done 60) (ev/sleep 0.002) (set peak (max peak (threads))))"
                       "(print (dec peak))")))

(if cores
  (test "slow calls run on one worker for each core, on four at least, or on JSEC_WORKERS"
    # qemu has a thread of its own, libkqueue up to two
    (def others (dec (max-threads "1")))
    (is (<= 0 others 2))
    (is= (max 4 cores) (- (max-threads nil) others))
    (is= 7 (- (max-threads "7") others)))
  (skip "how many workers there are" "no /proc"))

(test "a JSEC_WORKERS that is no number of workers raises"
  (each wrong ["0" "-1" "four" "1025" "2x" "correct horse battery"]
    (is= (string "crypto/pbkdf2: the environment variable JSEC_WORKERS is not a number from 1 to "
                 "1024: set it to the number of workers, or unset it\n")
         (with-workers wrong "(print ((protect (slow)) 1))"))))

(test "a cancelled call leaves the queue"
  (is= "1 stopped\n"
       (with-workers "1"
                     "(var reason nil)"
                     "(defn try-slow [] (try (do (slow) (++ done)) ([e] (set reason e))))"
                     "(def fibers (seq [_ :range [0 500]] (ev/go try-slow)))"
                     "(ev/sleep 0)"
                     "(each f (drop 1 fibers) (ev/cancel f \"stopped\"))"
                     "(slow)"
                     "(print done \" \" reason)")))

(test "functions take turns: calls of one do not delay another's"
  (def before
    (parse (with-workers "1"
                         "(repeat 40 (ev/go (fn [] (slow) (++ done))))"
                         "(ev/sleep 0)"
                         "(crypto/digest :sha256 (string/repeat \"a\" 5000000))"
                         "(print done)" "(os/exit 0)")))
  (is (<= before 3)))

(test "threads take turns: calls of one do not delay another's"
  (def before
    (parse (with-workers "1"
                         "(repeat 40 (ev/go (fn [] (slow) (++ done))))"
                         "(ev/sleep 0)"
                         "(ev/do-thread (slow))"
                         "(print done)" "(os/exit 0)")))
  (is (<= before 4)))

(test "a name is looked up while slow calls occupy all workers"
  (def [before text]
    (parse (with-workers "1"
                         "(repeat 40 (ev/go (fn [] (slow) (++ done))))"
                         "(ev/sleep 0)"
                         "(def listener (net/listen \"127.0.0.1\" \"0\"))"
                         "(def [_ port] (net/localname listener))"
                         "(:close listener)"
                         "(def [_ text] (protect (tls/connect \"localhost\" port)))"
                         "(printf \"%j\" [done text])" "(os/exit 0)")))
  (is (string/find "refused" text) text)
  (is (<= before 4)))

# AddressSanitizer keeps freed memory for a while.
(def sanitized (os/getenv "ASAN_OPTIONS"))

(test "a long string is not copied for a worker, and a long buffer is copied once"
  (def grown
    (parse (with-workers nil
                         peak-memory
                         "(def text (string/repeat \"a\" 100000000))"
                         "(def buffer (buffer text))"
                         "(var before (peak-memory))"
                         "(def one (crypto/digest :sha256 text))"
                         "(def by-string (- (peak-memory) before))"
                         "(set before (peak-memory))"
                         "(def two (crypto/digest :sha256 buffer))"
                         "(def by-buffer (- (peak-memory) before))"
                         "(printf \"[%d %d %j]\" by-string by-buffer (deep= one two))")))
  (is (< (grown 0) 20000) (string (grown 0)))
  (is (< (grown 1) 120000) (string (grown 1)))
  (is= true (grown 2)))

(test "a long buffer that changes while it is copied is an error"
  (def data (buffer/new-filled 40_000_000 97))
  (def answer (ev/chan 1))
  (ev/spawn (ev/give answer (protect (crypto/digest :sha256 data))))
  (ev/sleep 0)
  (buffer/push data "more")
  (is= [false "crypto/digest: a buffer changed during the call: give a string"] (ev/take answer)))

(test "buffers that wait for a worker have no copies"
  (def grown
    (parse (with-workers "2"
                         peak-memory
                         "(def data (buffer/new-filled 12000000 97))"
                         "(def before (peak-memory))"
                         "(def expected (crypto/digest :sha256 (string data)))"
                         "(defn right? [] (deep= expected (crypto/digest :sha256 data)))"
                         "(defn check [] (if (right?) (++ done)))"
                         "(repeat 60 (ev/go check))"
                         "(while (< done 60) (ev/sleep 0.001))"
                         "(print (- (peak-memory) before))")))
  (unless sanitized (is (< grown 60000) (string grown))))

(test "a call that is cancelled while its buffer is copied is forgotten"
  (def data (buffer/new-filled 60_000_000 97))
  (def answer (ev/chan 1))
  (def fiber (ev/spawn (ev/give answer (protect (crypto/digest :sha256 data)))))
  (ev/sleep 0)
  (ev/cancel fiber "stop")
  (is= [false "stop"] (ev/take answer))
  (is= 32 (length (crypto/digest :sha256 data))))

(test "a process ends in the midst of slow calls, in each state"
  (is= "" (with-workers "2"
                        "(def text (string/repeat \"a\" 50000000))"
                        "(def long (buffer text))"
                        "(defn digest [data] (fn [] (crypto/digest :sha256 data)))"
                        "(repeat 20 (ev/go slow) (ev/go (digest text)) (ev/go (digest long)))"
                        "(ev/sleep 0.02)" "(os/exit 0)")))

(test "a process ends in the midst of a long key derivation, however long the password"
  (is= "given up\n"
       (with-workers "2"
                     "(def password (string/repeat \"p\" 5000000))"
                     "(defn derive [] (crypto/pbkdf2 :sha256 password \"salt\" 2000000000 32))"
                     "(defn give-up [] (protect (ev/with-deadline 0.1 (derive))))"
                     "(ev/go (fn [] (give-up) (print \"given up\")))")))

(test "a thread ends in the midst of slow calls, in each state"
  (is= "10\n" (with-workers "2"
                            "(defn busy [&]"
                            "  (def text (string/repeat \"a\" 20000000))"
                            "  (def long (buffer text))"
                            "  (defn digest [data] (fn [] (crypto/digest :sha256 data)))"
                            "  (def calls [slow (digest text) (digest long)])"
                            "  (defn call [i] (fn [] (protect ((calls (mod i 3))))))"
                            "  (def fibers (seq [i :range [0 30]] (ev/go (call i))))"
                            "  (ev/sleep 0.02)"
                            "  (each f fibers (ev/cancel f \"end\")))"
                            "(repeat 10 (ev/thread busy) (++ done))"
                            "(print done)")))

(end)

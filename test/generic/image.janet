# Images, executables and threads that hold ev/read and its like.
(import ../support/check :prefix "")
(import ../support/fake)
(import ../support/process :prefix "")

(def native-env (require "jsec/native"))
(def module-path (native-env :native))
(def load-native (string/format "(native %q)" module-path)) # `require` finds nothing in a thread
(def here (tmpdir))
(def prelude (string/format "(def make-stream (((native %q) 'stream) :value))" (or fake/path "")))

(defn reads
  "Prints what a read of 5 bytes gives: from a pipe, then from a stream that isn't core's."
  [env-entry]
  (string prelude "(def [r w] (os/pipe)) (ev/write w \"piped\")"
          "(print (" env-entry " r 5))"
          "(def [ok result] (protect (" env-entry " (make-stream) 5)))"
          "(print (if ok (string/format \"%q\" result) (string/slice result 0 11)))"))

(def image-path (string here "/reader.jimage"))
(def load-reader
  (string/format "(def f (get-in (load-image (slurp %q)) ['reader :value]))" image-path))
(def load-module "(require \"jsec/native\")")

(def make fake/stream)

(defn in-thread [f]
  (def answer (ev/thread-chan 1))
  (ev/thread (fn [&] (ev/give answer (f))))
  (ev/take answer))

(defn reader-env []
  (def env (make-env))
  (eval-string "(defn reader [s n] (ev/read s n))" env)
  env)

(test "an image gives back the same function in the same process"
  (is= ev/read (load-image (make-image ev/read)))
  (is= net/send-to (load-image (make-image net/send-to))))

(if-not fake/stream
  (skip "images of code that reads any stream" "no C compiler or no janet.h")
  (do
    (spit image-path (make-image (reader-env)))

    (test "an image of code compiled with the module loads where the module is"
      (is= "piped\n(:read 5)\n" (run-code load-module load-reader (reads "f"))))

    (test "the same image loads without the module, and is core's there"
      (is= "piped\nbad slot #0\n" (run-code load-reader (reads "f"))))

    (test "an image loaded before the module is extended when the module comes"
      (is= "piped\n(:read 5)\n" (run-code load-reader load-module (reads "f"))))

    (test "an image made without the module reads any stream where the module is"
      (run-code "(def env (make-env)) (eval-string \"(defn reader [s n] (ev/read s n))\" env)"
                (string/format "(spit %q (make-image env))" image-path))
      (is= "piped\n(:read 5)\n" (run-code load-module load-reader (reads "f"))))

    (test "janet -c compiles a program that loads the module, and janet -i runs it"
      (def source (string here "/program.janet"))
      (def compiled (string here "/program.jimage"))
      (spit source (string load-module "(defn main [&] " (reads "ev/read") ")"))
      (run-janet "-c" source compiled)
      (is= "piped\nbad slot #0\n" (run-janet "-i" compiled)))

    # What jpm and spork do for an executable: images are made with a dictionary of the root
    # environment and of each native module's exports under a prefix; the program starts with core's
    # names, then loads its native modules.
    (test "an executable is made and started"
      (def names (invert (env-lookup root-env)))
      (def exports (table/setproto (table/clone native-env) nil))
      (eachp [name value] (env-lookup exports) (put names value (symbol "prefix/" name)))
      (spit image-path (marshal (reader-env) names))
      (is= "piped\n(:read 5)\n"
           (run-code
             "(def lookup (env-lookup root-env))"
             (string/format "(def env (native %q))" module-path)
             "(eachp [name value] (env-lookup env) (put lookup (symbol \"prefix/\" name) value))"
             (string/format "(def f (get-in (unmarshal (slurp %q) lookup) ['reader :value]))"
                            image-path)
             (reads "f"))))

    (test "a dictionary made before the module was loaded serves as well"
      (is= "true\n"
           (run-code "(def names (invert (env-lookup root-env))) (def lookup (env-lookup root-env))"
                     load-module
                     "(print (= ev/read (unmarshal (marshal ev/read names) lookup)))")))

    # ---- threads ----

    (test "code sent to a thread reads any stream there"
      (is= [:read 7] (in-thread (fn [] (ev/read (make) 7))))
      (is= [:close] (in-thread (fn [] (net/close (make))))))

    (test "code compiled in a thread does too"
      (is= [:read 7] (in-thread (fn []
                                  (def env (make-env))
                                  (put env 'make @{:value make})
                                  (eval-string "(ev/read (make) 7)" env)))))

    (test "loading the module again in a thread changes nothing"
      (is= [:read 7] (in-thread (fn [] (native module-path) (ev/read (make) 7)))))

    (test "a thread that loads the module reads any stream, and its parent does not change"
      (is= "(:read 7)\nfalse\n(:read 7)\n"
           (run-code
             prelude
             "(defn read-one [] (ev/read (make-stream) 7))"
             "(def answer (ev/thread-chan 1))"
             (string "(ev/thread (fn [&] " load-native "(ev/give answer (read-one))))")
             "(printf \"%q\" (ev/take answer))"
             "(print (first (protect (read-one))))"
             load-module
             "(printf \"%q\" (read-one))")))

    (test "threads may load the module at the same time" :deadline 60
      (is= "16\n"
           (run-code
             prelude
             "(defn read-one [] (ev/read (make-stream) 7))"
             "(def answer (ev/thread-chan 16))"
             (string "(repeat 16 (ev/thread (fn [&] " load-native
                     "(ev/give answer (read-one))) nil :n))")
             (string "(print (length (seq [_ :range [0 16] :let [x (ev/take answer)] :when (= "
                     "x [:read 7])] x)))"))))))

(end)

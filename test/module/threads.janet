# Contexts cross threads, streams don't; workers serve, and end.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "" :only [descriptors])
(import jsec/cert)
(import jsec/tls)

(def identity (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(def client {:trusted-cert (identity :cert) :hostname "localhost"})

(defn- port-of [listener] (in (net/localname listener) 1))

(defn- in-thread
  "What `f` returns or raises in a thread of its own."
  [f]
  # one channel a call: core leaves a channel locked to which something was given that can't be
  # marshalled
  (def result (ev/thread-chan 1))
  (ev/thread (fn [] (ev/give result (protect (f)))) nil :n)
  (def [fine value] (ev/take result))
  (if fine value (error value)))

(defn- word-from
  "A server's greeting, and the session that it gave."
  [port options]
  (with [s (tls/connect "127.0.0.1" port options)]
    (def word (string (:read s :all)))
    {:word word :resumed (:session-reused? s) :session (:get-session s)}))

(defn- say-name [name]
  (fn [s] (with [_ s] (protect (:write s name))))) # some clients leave without a word

(defn- worker
  ``A server in a thread of its own, until something is given to its channel `:stop`; then
  `:ended` has its outcome.``
  [name port context]
  (def self {:ready (ev/thread-chan 1) :stop (ev/thread-chan 1) :ended (ev/thread-chan 1)})
  (ev/thread
    (fn []
      (def outcome
        (protect
          (with [listener (tls/listen "127.0.0.1" port {:share-port true})]
            (ev/give (self :ready) (port-of listener))
            (ev/go (fn [] (ev/take (self :stop)) (ev/close listener)))
            (tls/accept-loop listener context (say-name name))
            :closed)))
      (ev/give (self :ended) outcome))
    nil :n)
  (merge self {:port (ev/take (self :ready))}))

(defn- stop [worker]
  (ev/give (worker :stop) true)
  (is= [true :closed] (ev/take (worker :ended))))

(defmacro- with-worker [[name & arguments] & body]
  ~(let [,name (,worker ,;arguments)]
     (defer (,stop ,name) ,;body)))

(test "a context crosses to another thread and back"
  (def context (tls/new-context identity))
  (def [there back] [(ev/thread-chan 1) (ev/thread-chan 1)])
  (ev/thread (fn [] (ev/give back (ev/take there))) nil :n)
  (ev/give there context)
  (is= context (ev/take back)))

(test "a context serves in two threads at once"
  (def context (tls/new-context identity))
  (with [listener (tls/listen "127.0.0.1" "0")]
    (ev/go (fn [] (tls/accept-loop listener context (say-name "here"))))
    (with-worker [there "there" "0" context]
      (repeat (load 5)
        (is= @["here" "there"]
             (map |($ :word)
                  [(word-from (port-of listener) client) (word-from (there :port) client)]))))))

(test "workers share a port and a context, and both get connections"
  (def context (tls/new-context identity))
  (with-worker [a "a" "0" context]
    (with-worker [b "b" (string (a :port)) context]
      (def seen @{})
      (var tries 0)
      (while (and (< (length seen) 2) (< (++ tries) 200))
        (put seen ((word-from (a :port) client) :word) true))
      (is= @{"a" true "b" true} seen))))

(test "what one worker began, the other resumes"
  (def context (tls/new-context identity))
  (with-worker [a "a" "0" context]
    (with-worker [b "b" "0" context]
      (each version [:TLS1_2 :TLS1_3]
        (def options (merge client {:max-version version}))
        (def {:session session} (word-from (a :port) options))
        (def resumed (word-from (b :port) (merge options {:session session})))
        (is= ["b" true] [(resumed :word) (resumed :resumed)])))))

(test "a client's context is shared, names are resolved in any thread"
  (def context (tls/new-context client))
  (with-worker [server "server" "0" (tls/new-context identity)]
    (def port (server :port))
    (defn visit [] (with [s (tls/connect "localhost" port context)] (string (:read s :all))))
    (def results (ev/thread-chan 10))
    (repeat 3 (ev/thread (fn [] (ev/give results (protect (visit)))) nil :n))
    (is= "server" (visit))
    (repeat 3 (is= [true "server"] (ev/take results)))))

(test "a context outlives the thread that made it"
  (def context (in-thread |(tls/new-context identity)))
  (gccollect)
  (with-worker [w "w" "0" context]
    (is= "w" ((word-from (w :port) client) :word))))

(test "options tables work in a thread as they do here"
  (with-worker [w "w" "0" identity]
    (is= "w" ((word-from (w :port) client) :word))))

# Core leaks the message whose marshalling raises, so these facts are not for runs that look for
# leaks.
(defmacro- refusal-test [fact & body]
  ~(if (= "1" (os/getenv "JSEC_SLOW" "1"))
     (test ,fact ,;body)
     (skip ,fact "core leaks what it can't marshal")))

(refusal-test "a context with a Janet function refuses to cross"
  (def context (tls/new-context (merge client {:on-session print})))
  (fails-with
    "a TLS context can't be marshalled: it holds OpenSSL's state, or a function of its own thread"
    (in-thread (fn [] (string context))))
  (fails-with "a function of its own thread" (ev/give (ev/thread-chan 1) context)))

(test "a context can't be made into an image"
  (fails-with "a TLS context can't be marshalled" (marshal (tls/new-context identity))))

(refusal-test "a stream refuses to cross"
  (with [listener (tls/listen "127.0.0.1" "0")]
    (with [s (tls/connect "127.0.0.1" (port-of listener)
                          (merge client {:handshake false :close-timeout 0}))]
      (def words "a TLS stream can't be marshalled: it belongs to the thread that made it")
      (fails-with words (in-thread (fn [] (:close s))))
      (fails-with words (ev/give (ev/thread-chan 1) s)))))

(test "an error in a worker affects only that worker"
  (fails-with "tls/connect: " (in-thread |(tls/connect "127.0.0.1" 1 {:verify false})))
  (fails-with "unknown option :nonsense" (in-thread |(tls/new-context {:nonsense 1})))
  (is= 1 (in-thread (fn [] 1))))

(test "a thread loads modules once it has a syspath"
  (def syspath (dyn *syspath*))
  (fails-with "could not find module jsec/tls" (in-thread |(require "jsec/tls")))
  # what is loaded there can use the ev/read of the thread's own root environment
  (def module (string (tmpdir) "/fetch.janet"))
  (with-worker [w "w" "0" (tls/new-context identity)]
    (def source (string/format `(import jsec/tls)
                                (defn fetch []
                                  (with [s (tls/connect "127.0.0.1" %d {:verify false})]
                                    (ev/read s 10)))`
                               (w :port)))
    (is= @"w"
         (in-thread
           (fn []
             (setdyn *syspath* syspath)
             (spit module source)
             (def fetch (get-in (dofile module) ['fetch :value]))
             (fetch))))))

(import ../../tools/public)

# ev/thread copies what a function refers to, such as the compiled patterns of a module.
(each {:name name :env env} (public/modules)
  (test (string "a thread takes each function of " name)
    (def functions (filter function? (map |($ :value) (filter dictionary? (values env)))))
    (is= (length functions) (in-thread (fn [] (length functions))))))

(test "a worker that ends with connections open leaves no descriptor behind"
  (with-worker [server "server" "0" (tls/new-context identity)]
    (def port (server :port))
    (defn leave-open []
      (in-thread (fn []
                   (def streams (seq [_ :range [0 3]] (tls/connect "127.0.0.1" port client)))
                   (:read (streams 0) 1)
                   (length streams))))
    (is= 3 (leave-open))
    (def before (descriptors))
    (repeat (load 20) (leave-open))
    (when before
      # a thread gives its answer a moment before it ends
      (while (> (descriptors) (+ 2 before)) (ev/sleep 0.01)))))

(test "many short workers come and go"
  (def context (tls/new-context client))
  (with-worker [server "server" "0" (tls/new-context identity)]
    (def port (server :port))
    (def results (ev/thread-chan 100))
    (def count (load 40))
    (repeat count
      (ev/thread (fn []
                   (ev/give results
                            (protect (with [s (tls/connect "127.0.0.1" port context)]
                                       (:read s :all)))))
                 nil :n))
    (repeat count (is= [true @"server"] (ev/take results)))))

(end)

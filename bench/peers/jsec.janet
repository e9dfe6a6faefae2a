# Ours:
#   jsec.janet MODE CERT KEY [WORKERS]    echo, reuse, sink, source, byte; until standard input ends
#                                         judged: echo, with :on-hello
#   jsec.janet client PORT CA COUNT KIND  connect, verify, 1 byte, close
#                                         KIND: context, content or path
(import jsec/tls)

(def chunk (string/repeat "\0" 262144))

(defn echo [s]
  (while (def data (ev/read s 16384)) (ev/write s data))
  (:close s))

(defn reuse [s]
  (def buf @"")
  (while (ev/read s 16384 buf)
    (ev/write s buf)
    (buffer/clear buf))
  (:close s))

(defn sink [s]
  (def buf (buffer/new 65536))
  (while (ev/read s 65536 buf) (buffer/clear buf))
  (:close s))

(defn source [s] (forever (ev/write s chunk)))

(defn byte [s]
  (ev/write s "!")
  (ev/read s 1)
  (:close s))

(def handlers {"echo" echo "reuse" reuse "sink" sink "source" source "byte" byte "judged" echo})

(defn serve [port context handler ready]
  (def listener (tls/listen "127.0.0.1" port {:share-port true}))
  (ev/give ready (in (net/localname listener) 1))
  # the load generator cuts its connections at its end; don't report those errors
  (def faults (ev/chan 64))
  (ev/go (fn [] (forever (ev/take faults))))
  (ev/go |(tls/accept-loop listener context handler) nil faults))

(defn serve-all [mode cert key workers]
  (def judge (if (= "judged" mode) (fn [hello] (truthy? (hello :ja4)))))
  (def context (tls/new-context {:cert cert :key key :on-hello judge}))
  (def ready (ev/thread-chan 1))
  (var port "0")
  (repeat (dec workers)
    (def given port)
    (ev/thread (fn [] (serve given context (handlers mode) ready)) nil :n)
    (set port (string (ev/take ready))))
  (serve port context (handlers mode) ready)
  (print (ev/take ready))
  (flush)
  (ev/thread |(:read stdin 1))
  (os/exit 0))

(defn be-client [port ca count kind]
  (def options
    (case kind
      "context" (let [context (tls/new-context {:ca-file ca :hostname "localhost"})] |context)
      "content" (let [pem (slurp ca)] |{:ca-file pem :hostname "localhost"})
      "path" |{:ca-file ca :hostname "localhost"}))
  (defn visit []
    (with [s (tls/connect "127.0.0.1" port (options))]
      (ev/read s 1)))
  (repeat (div count 10) (visit))
  (def start (os/clock :cputime))
  (repeat count (visit))
  (printf "{:units %d :cpu %.0f}" count (* 1e9 (- (os/clock :cputime) start))))

(defn main [_ mode & args]
  (if (= mode "client")
    (let [[port ca count kind] args] (be-client port ca (scan-number count) kind))
    (let [[cert key workers] args] (serve-all mode cert key (scan-number (or workers "1"))))))

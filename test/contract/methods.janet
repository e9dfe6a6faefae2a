# What a stream is as a value: rows 23, 25 and 27 of docs/stream-contract.md, and how it prints.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)

(def core-methods
  [:chunk :close :read :write :flush :evread :evchunk :evwrite :shutdown :setsockopt])

(same "the methods of core's stream are listed by keys and next" [a b]
  (def listed (keys a))
  (each name core-methods (is (index-of name listed) name))
  (var count 0)
  (var key (next a))
  (while key
    (++ count)
    (is (cfunction? (in a key)) key)
    (set key (next a key)))
  (is= (length listed) count)
  (is= count (length (distinct listed)))
  nil)

(on-tls "names are methods too, and what TLS adds" [a b]
  (def listed (keys a))
  (each name [:peername :localname :handshake :version :cipher :cipher-bits :connection-info
              :handshake-time]
    (is (index-of name listed) name)
    (is (cfunction? (get a name)))))

(same "a name that is no method is nil, and an error to call" [a b]
  (is= nil (get a :nonsense))
  (is= :error (first (outcome (:nonsense a))))
  (is= nil (get a "read"))
  (is= nil (get a 5))
  nil)

(same "evread, evchunk and evwrite are read, chunk and write" [a b]
  (is= nil (:evwrite a "hello world"))
  (is= @"<hello" (:evchunk b 5 @"<" 1))
  (is= @" world" (:evread b 10))
  (:close a)
  (is= nil (:evread b :all)))

(same "flush returns the stream" [a b]
  (is (= a (:flush a))))

(test "the names are those of the socket"
  (each kind [:tls13 :tls12-wrap]
    (def [a b] (pair kind))
    (is= (:peername a) (:localname b))
    (is= (:localname a) (:peername b))
    (is= "127.0.0.1" (first (:peername a)))
    (is (number? (last (:peername a))))
    (each s [a b] (:close s true))))

(test "setsockopt behaves as core's"
  (def cases [[:so-keepalive true] [:so-keepalive 5] [:so-broadcast true] [:so-reuseaddr true]
              [:ip-multicast-ttl 3] [:nonsense true] ["so-keepalive" true] [:tcp-nodelay false]])
  (def [core other] (core-pair))
  (def [a b] (pair :tls13))
  (each args cases
    (def expected (outcome (:setsockopt core ;args)))
    (is= expected (outcome (:setsockopt a ;args)) (string/format "%q" args)))
  (is= (outcome (:setsockopt core :so-keepalive)) (outcome (:setsockopt a :so-keepalive)))
  (each s [core other] (:close s))
  (each s [a b] (:close s true)))

(on-tls "wrong arguments are refused in core's tone" [a b]
  (each f [(a :read) (a :write) (a :close) (a :chunk) (a :shutdown) (a :flush) (a :peername)]
    (def [status text] (outcome (f 5 "x")))
    (is= :error status)
    (is (or (string/find "bad slot #0, expected jsec/tls-stream, got 5" text)
            (string/find "arity" text)) text))
  (each f [(a :flush) (a :peername) (a :version)]
    (is (string/find "arity mismatch" (last (outcome (f a 1 2 3)))))))

(on-tls "marshalling a stream raises with the reason" [a b]
  (is= [:error "a TLS stream can't be marshalled: it belongs to the thread that made it"]
       (outcome (marshal a)))
  (fails-with "can't be marshalled" (marshal @{:deep [a]} make-image-dict))
  (fails-with "can't be marshalled" (make-image @{'s @{:value a}})))

(on-tls
  (string "where a fiber can't wait, within a function of core's that calls back, a read "
          "raises and harms nothing") [a b]
  (defn within [f] (peg/match ~(cmt "x" ,f) "x"))
  (repeat 2 (fails-with "coerced from await to error" (within (fn [&] (:read b 1)))))
  (ev/sleep 0)
  (:write a "data")
  (is= @"data" (:read b 10))
  (fails-with "coerced from await to error" (within (fn [&] (:chunk b 10))))
  (is= [:error "timeout"] (outcome (:read b 10 nil 0.01))))

# Core forgets to free its own buffer there, which leak checkers tell.
(unless (os/getenv "JSEC_SLOW")
  (on-tls "a stream can't be sent to a thread" [a b]
    (fails-with "can't be marshalled" (ev/thread (fn [s] (:close s)) a))
    (fails-with "can't be marshalled" (ev/give (ev/thread-chan 1) a))
    (:write a "x")
    (is= @"x" (:read b 1))))

(on-tls "streams are compared by identity, and can be keys" [a b]
  (is (= a a))
  (is (not= a b))
  (is= [1 2] (let [t @{a 1 b 2}] [(t a) (t b)])))

(on-tls "what was negotiated is told" [a b]
  (is (index-of (:version a) ["TLSv1.2" "TLSv1.3"]))
  (is= (:version a) (:version b))
  (is= (:cipher a) (:cipher b))
  (is (>= (:cipher-bits a) 128))
  (is= (:version a) ((:connection-info a) :version))
  (is= nil (:handshake-time a))
  (is (= a (:handshake a))))

(test "worker threads have their streams, and end cleanly"
  (def syspath (dyn *syspath*))
  (def results (ev/thread-chan 3))
  (repeat 3
    (ev/thread
      (fn [&]
        (setdyn *syspath* syspath)
        (def env (dofile "test/support/pairs.janet"))
        (defn of [name] (get-in env [name :value]))
        (def [a b] ((of 'pair) :tls13))
        (:write a "x")
        (ev/give results (:read b 10))))
    (is= @"x" (ev/take results))))

(end)

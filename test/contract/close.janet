# Closing, shutting down and resets: rows 16, 17, 20 to 22 and 24 of docs/stream-contract.md.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import jsec/tls)

(def truncated "tls/read: connection truncated: the peer closed it without close_notify")

(same "close returns the stream, again and again" [a b]
  (repeat 3 (is (= a (:close a)))))

(on-tls "a hard close returns the stream, again and again" [a b]
  (repeat 3 (is (= a (:close a true))))
  (is (= a (:close a))))

(same "one fiber closes both ends, in either order, and neither close waits for the other" [a b]
  (:write a "unread")
  (:write b "unread")
  (def start (os/clock :monotonic))
  (each s [a b] (is (= s (:close s))))
  (is (< (- (os/clock :monotonic) start) 0.5)))

(on-tls "one fiber closes both ends without a wait, whatever :close-timeout is" [a b]
  {:client {:close-timeout 100} :server {:close-timeout 100}}
  (:write a (string/repeat "x" 10000))
  (each s [b a] (is (= s (:close s)))))

(same "close wakes waiting fibers: reads get nil" [a b]
  (def task (spawn (:read a 1)))
  (turns)
  (:close a)
  (is= [:ok nil] (await task)))

(each [what call] [["chunk" |(:chunk $ 5)] [":all" |(:read $ :all)] ["read of 0" |(:read $ 0)]]
  (same (string "close wakes waiting fibers: a " what " gets nil") [a b]
    (def task (spawn (call a)))
    (turns)
    (:close a)
    (await task)))

(same (string "close wakes waiting fibers: a chunk that had a part gets nil, and the part "
              "stays in its buffer")
  [a b]
  (def buffer @"<")
  (def task (spawn (:chunk a 5 buffer)))
  (:write b "abc")
  (turns)
  (:close a)
  [(await task) buffer])

(same "close wakes waiting fibers: writes fail" [a b] {:plenty true}
  (def task (spawn (:write a (string/repeat "x" plenty-size))))
  (turns)
  (:close a)
  (is= [:error "stream closed"] (await task)))

(on-tls "close wakes all waiting fibers, forced or not" [a b] {:plenty true}
  (each hard [false true]
    (def [s peer] (if hard [a b] (pair :tls13-unix)))
    (def readers (seq [_ :range [0 3]] (spawn (:read s 1))))
    (def writers (seq [_ :range [0 3]] (spawn (:write s (string/repeat "x" plenty-size)))))
    (turns)
    (:close s hard)
    (each t readers (is= [:ok nil] (await t)))
    (each t writers (is= [:error "stream closed"] (await t)))
    (:close peer true)))

(same "use after close raises" [a b]
  (:close a)
  (seq [f :in [|(:read $ 1) |(:chunk $ 1) |(:read $ :all) |(:read $ 0) |(:write $ "x")
               |(:write $ "") |(:flush $)
               |(:setsockopt $ :so-keepalive true) |(:evread $ 1) |(:evchunk $ 1)
               |(:evwrite $ "x")]]
    (is= [:error "stream is closed"] (outcome (f a)))))

(on-tls "shutdown after close raises, as do the names" [a b]
  (:close a)
  (is= [:error "stream is closed"] (outcome (:shutdown a)))
  (is= [:error "stream closed"] (outcome (:peername a)))
  (is= [:error "stream closed"] (outcome (:localname a))))

(same "the names of a closed stream raise as core's do" [a b]
  (:close a)
  (each f [net/peername net/localname]
    (is= [:error "stream closed"] (outcome (f a)))))

(on-tls "two closes at once are both done" [a b] {:client {:close-timeout 0.05}}
  (def tasks (seq [_ :range [0 3]] (spawn (:close a))))
  (each t tasks (is= [:ok a] (await t))))

# ---- a close that has to wait: the kernel takes no more ----

(each kind [:tls13-unix :tls12-unix]
  (test (string "close raises when the kernel does not take all within :close-timeout (" kind ")")
    (def [a b] (full-pair kind {:close-timeout 0.05}))
    (fails-with "tls/close: the peer did not read all that was written within 0.05 s" (:close a))
    (is (= a (:close a)))
    (:close b true))

  (test (string "close returns when the peer has read, and the peer sees a clean end (" kind ")")
    (def [a b] (full-pair kind {:close-timeout 60}))
    (def task (spawn (:close a)))
    (turns)
    (is (not (task :done)))
    (:read b :all)
    (is= [:ok a] (await task))
    (:close b true))

  (test (string "a forced close ends a waiting one (" kind ")")
    (def [a b] (full-pair kind {:close-timeout 60}))
    (def task (spawn (:close a)))
    (turns)
    (is (not (task :done)))
    (:close a true)
    (is= [:ok a] (await task))
    (:close b true))

  (test (string "a close that is cancelled leaves another one waiting (" kind ")")
    (def [a b] (full-pair kind {:close-timeout 60}))
    (def [first-one second-one] [(spawn (:close a)) (spawn (:close a))])
    (turns)
    (ev/cancel (first-one :fiber) "stop")
    (is= [:error "stop"] (await first-one))
    (turns)
    (is (not (second-one :done)))
    (:read b :all)
    (is= [:ok a] (await second-one))
    (:close b true))

  (test (string "a peer that writes before it reads lets a close end (" kind ")")
    (def [a b] (full-pair kind {:close-timeout 60}))
    (def task (spawn (:close a)))
    (def writing (spawn (:write b (string/repeat "x" 4_000_000)) (:read b :all)))
    (is= [:ok a] (await task))
    (await writing)
    (:close b true))

  (test (string "a closing stream is closed for all others (" kind ")")
    (def [a b] (full-pair kind {:close-timeout 60}))
    (def task (spawn (:close a)))
    (turns)
    (is= [:error "stream is closed"] (outcome (:read a 1)))
    (is= [:error "stream is closed"] (outcome (:write a "x")))
    (:read b :all)
    (is= [:ok a] (await task))
    (:close b true)))

# ---- what lingers behind ----

(on-tls "close does not wait for the peer" [a b] {:client {:close-timeout 60}}
  (def started (os/clock :monotonic))
  (:close a)
  (is (< (- (os/clock :monotonic) started) 0.5))
  (is= nil (:read b 1)))

(each kind [:tls13 :tls12]
  (test (string "what was written arrives, however much the peer sends before it reads (" kind ")")
    (def [a b] (pair kind {:close-timeout 10}))
    (def data (bytes-of (load 400000)))
    (:write a data)
    (def closing (spawn (:close a)))
    # a peer that has all data, and goes on sending, is reset
    (repeat 300 (protect (:write b (string/repeat "y" 5000) 5)) (ev/sleep 0))
    (is (= data (string (:read b :all))))
    (:close b)
    (is= :ok (first (await closing)))))

(test "a descriptor lingers for :close-timeout at most, or until the peer ends"
  (turns 10) # those of earlier facts end
  (when-let [before (descriptors)]
    (def [a b] (pair :tls13 {:close-timeout 1}))
    (:close a)
    (is= (+ before 2) (descriptors))
    (while (not= (+ before 1) (descriptors)) (ev/sleep 0.05))
    (:close b true)
    (def [c d] (pair :tls13 {:close-timeout 60}))
    (:close c)
    (:read d 1)
    (:close d)
    (while (not= before (descriptors)) (ev/sleep 0.001))))

(test "no more than 256 connections linger"
  (when-let [before (descriptors)]
    (def peers (seq [_ :range [0 (load 300)]]
                 (def [a b] (pair :tls13-unix {:close-timeout 60}))
                 (:close a)
                 b))
    (is (<= (descriptors) (+ before (length peers) 256)))
    (each b peers (:read b 1) (:close b))
    (while (not= before (descriptors)) (ev/sleep 0.001))))

(test "sockets whose output has arrived make room for others first"
  (def data (bytes-of 1_000_000))
  (def [a slow] (pair :tls13 {:close-timeout 60}))
  (:write a data)
  (:close a)
  (def peers (seq [_ :range [0 300]]
               (def [c d] (pair :tls13-unix {:close-timeout 60}))
               (:close c)
               d))
  # a socket that was closed answers late input with a reset, which takes the data away
  (:write slow "late")
  (turns)
  (is (= data (string (:read slow :all))))
  (each s [slow ;peers] (:close s true)))

(on-tls "both may close at once" [a b] {:client {:close-timeout 60} :server {:close-timeout 60}}
  (def tasks [(spawn (:close a)) (spawn (:close b))])
  (is= [[:ok a] [:ok b]] (tuple ;(map await tasks))))

(on-tls "what was written before the close arrives" [a b] {:client {:close-timeout 60}}
  (def data (bytes-of 300000))
  (def task (spawn (:write a data) (:close a)))
  (is (= data (string (:read b :all))))
  (:close b)
  (is= [:ok a] (await task)))

(on-tls "data that comes late is dropped, and the peer sees no error in what it was sent" [a b]
        {:client {:close-timeout 60}}
  (def task (spawn (:write a "bye") (:close a)))
  (turns)
  (:write b "too late")
  (is= @"bye" (:read b :all))
  (:close b)
  (is= [:ok a] (await task)))

(on-tls "a peer that never stops sending does not hold a close" [a b] {:client {:close-timeout 0.1}}
  (def flood (spawn (forever (:write b (string/repeat "x" 100000)))))
  (turns)
  (:close a)
  (is= :error (first (await flood))))

# ---- shutdown ----

(same "shutdown :w ends the peer's reads only" [a b]
  (is (= a (:shutdown a :w)))
  (is= nil (:read b 10))
  (:write b "answer")
  (is= @"answer" (:read a 10))
  (is= [:error "Broken pipe"] (outcome (:write a "x"))))

(same "a second shutdown :w does nothing" [a b]
  (repeat 2 (is (= a (:shutdown a :w))))
  (is= nil (:read b 10)))

(same "shutdown :r ends our reads" [a b]
  (def task (spawn (:read a 10)))
  (turns)
  (is (= a (:shutdown a :r)))
  (is= [:ok nil] (await task))
  (is= nil (:read a 10))
  (:write a "still")
  (is= @"still" (:read b 10)))

(same "what has come before shutdown :r is still there to be read" [a b]
  (:write b "before")
  (turns)
  (:shutdown a :r)
  (is= @"before" (:read a 10))
  (is= nil (:read a 10)))

(same "shutdown :rw, the default, ends both" [a b]
  (def results
    (seq [[s args] :in [[a [:rw]] [b []]]]
      (is (= s (:shutdown s ;args)))
      [(:read s 10) (outcome (:write s "x"))]))
  (is= [nil [:error "Broken pipe"]] (first results))
  results)

(same "another keyword is refused" [a b]
  (is= [:error "unexpected keyword :x"] (outcome (:shutdown a :x)))
  (outcome (:shutdown a "w")))

(on-tls "shutdown true ends both at once, without close_notify" [a b] {:plenty true}
  (def [reader writer] [(spawn (:read a 1)) (spawn (:write a (string/repeat "x" plenty-size)))])
  (turns)
  (is (= a (:shutdown a true)))
  (is= [:ok nil] (await reader))
  (is= [:error "Broken pipe"] (await writer))
  (is= [:error "Broken pipe"] (outcome (:write a "x")))
  (fails-with truncated (forever (:read b 1000000))))

(on-tls "shutdown false is orderly" [a b]
  (is (= a (:shutdown a false)))
  (is= nil (:read b 1)))

(on-tls "a stream that was shut down can be closed" [a b] {:client {:close-timeout 60}}
  (:shutdown a)
  (:close b)
  (is (= a (:close a))))

# ---- ends without close_notify ----

(on-tls "truncation raises, again and again" [a b]
  (:write a "part")
  (:close a true)
  (is= @"part" (:read b 10))
  (repeat 3 (is= [:error truncated] (outcome (:read b 10))))
  (is= [:error (string/replace "read" "chunk" truncated)] (outcome (:chunk b 10)))
  (is= [:error truncated] (outcome (:read b 0))))

(on-tls "truncation in a chunk or :all raises, and what came stays in the buffer" [a b]
  (def buffer @"<")
  (:write a "part")
  (:close a true)
  (is= [:error truncated] (outcome (:read b :all buffer)))
  (is= @"<part" buffer))

(on-tls "truncation in a chunk without a buffer raises once the bytes have been read" [a b]
  (:write a "part")
  (:close a true)
  (is= [:error (string/replace "read" "chunk" truncated)] (outcome (:chunk b 10)))
  (is= @"part" (:read b 10))
  (is= [:error truncated] (outcome (:read b 10))))

(on-tls "with :truncation :eof it is an end like any" [a b] {:server {:truncation :eof}}
  (:write a "part")
  (:close a true)
  (is= @"part" (:read b :all))
  (repeat 3 (is= nil (:read b 1)))
  (is= nil (:read b 0))
  (is= nil (:chunk b 3)))

(test "with :truncation :eof a peer that only stopped sending can be answered"
  # the peer ends its direction of the socket, with no close_notify, and reads on
  (each version [:TLS1_2 :TLS1_3]
    (def [client server] (core-pair))
    (def [left right] (core-pair))
    (defn relay [from to]
      (spawn (while (def x (:read from 10000)) (:write to x)) (:shutdown to :w)))
    (relay server left)
    (relay left server)
    (def accepted (spawn (wrap-server right {:truncation :eof :max-version version})))
    (def c (wrap-client client))
    (def [_ s] (await accepted))
    (:write c "question")
    (is= @"question" (:read s 100))
    (:shutdown left :w)
    (is= nil (:read s 100))
    (:write s "answer")
    (is= @"answer" (:read c 100))
    (each x [c s] (:close x true))))

# ---- resets ----

(defn reset
  "Close a core stream so that its peer gets a reset: with unread data."
  [s peer-write]
  (peer-write "unread")
  (turns)
  (:close s))

(test "a read after a reset raises with the errno's text, as core's does"
  (def texts
    (seq [tls :in [false true]]
      (def [a b] (core-pair))
      (def ours
        (if tls
          (let [task (spawn (wrap-client a {:handshake false}))] (last (await task)))
          a))
      (def write
        (if tls (let [t (spawn (:handshake ours))] (turns) (fn [x] (:read b 1))) |(:write a $)))
      (def reader (if tls (spawn (:handshake ours)) (spawn (:read ours 10))))
      (turns)
      (reset b write)
      (def [status text] (await reader))
      (:close ours)
      text))
  (is= "Connection reset by peer" (first texts))
  (is= "tls-stream/handshake: handshake failed: Connection reset by peer" (texts 1)))

(each version [:TLS1_2 :TLS1_3]
  (test (string "a read or write of an open stream after a reset raises with the errno's text ("
                version ")")
    # a relay in between resets its connection to us
    (def [client near] (core-pair))
    (def [far server] (core-pair))
    (defn relay [from to]
      (spawn (while (def x (:read from 10000)) (:write to x))))
    (def relays [(relay near far) (relay far near)])
    (def accepted (spawn (wrap-server server {:max-version version})))
    (def c (wrap-client client))
    (def [_ s] (await accepted))
    (def reader (spawn (:read c 10)))
    (turns 5)
    (each r relays (ev/cancel (r :fiber) "stop"))
    (turns)
    (:write c "unread")
    (turns)
    (:close near)
    (is= [:error "Connection reset by peer"] (await reader))
    (is= [:error "Connection reset by peer"] (outcome (:read c 1)))
    (is= :error (first (outcome (:write c "x"))))
    (:close c)
    (:close s true)
    (:close far)))

(end)

# A DTLS client keeps docs/stream-contract.md, a datagram at a time; recv-from is as core's.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "" :only [spawn await turns outcome spin identity core-pair
                                         descriptors])
(import jsec/dtls)
(import jsec/dtls-stream)

(def served {:cert (identity :cert) :key (identity :key)})
(def trust {:trusted-cert (identity :cert) :hostname "localhost"})

# A loop that uses poll serves streams in the order in which they were made: these come before
# jsec's event queue, which the first server makes.
(def [bell alarm] (core-pair))

(defmacro- with-pair
  ``Run `body` with a client and its server; `peer` is the client's address there, known from a
  first datagram.``
  [[client server peer] & body]
  ~(with [,server (dtls/listen "127.0.0.1" 0 ,served)]
     (with [,client (dtls/connect "127.0.0.1" (in (dtls/localname ,server) 1) ,trust)]
       (ev/write ,client "hello")
       (def ,peer (dtls/recv-from ,server 100 @""))
       ,;body)))


# ---- reading

(test "a read waits, and bytes are appended to a given buffer"
  (with-pair [c s peer]
    (def buffer @"XXXX")
    (def task (spawn (:read c 100 buffer)))
    (turns)
    (is (not (task :done)))
    (dtls/send-to s peer "123")
    (is= [:ok @"XXXX123"] (await task))))

(test "a read of 0 waits until there is something, and gives nil"
  (with-pair [c s peer]
    (def task (spawn (:read c 0)))
    (turns)
    (is (not (task :done)))
    (dtls/send-to s peer "abc")
    (is= [:ok nil] (await task))
    (is= @"abc" (:read c 10))))

(test "bad arguments are refused with core's text"
  (with-pair [c s peer]
    (each n [-1 1.5 nil :some "5"]
      (each method [:read :chunk]
        (fails-with "bad slot #1, expected non-negative 32 bit signed integer" (method c n))))
    (fails-with `bad slot #2, expected buffer, got "str"` (:read c 1 "str"))
    (fails-with "bad slot #1, expected string, symbol, keyword or buffer, got 12" (:write c 12))
    (each timeout [-1 math/nan] (fails-with "bad slot #3" (:read c 1 nil timeout)))
    (each n [-1 1.5 nil :all "5"]
      (fails-with "bad slot #1, expected non-negative 32 bit signed integer"
                  (dtls/recv-from s n @"")))
    (fails-with "bad slot #2, expected buffer" (dtls/recv-from s 1 "str"))
    (fails-with "bad slot #2, expected string, symbol, keyword or buffer" (dtls/send-to s peer 12))
    (fails-with "bad slot #0, expected jsec/dtls-server" (dtls/recv-from c 1 @""))
    (fails-with "bad slot #0, expected jsec/dtls-client" (dtls/read s 1))))

(test "read :all returns the data until the session ends"
  (with-pair [c s peer]
    (each data ["a" "bc" "def"] (dtls/send-to s peer data))
    (dtls/close-peer s peer)
    (is= @"abcdef" (:read c :all nil 5))))

# ---- time

(test "a timeout raises, data that is there wins over a timeout of 0, and the client stays usable"
  (with-pair [c s peer]
    (is= [:error "timeout"] (outcome (:read c 10 nil 0.01)))
    (is= [:error "timeout"] (outcome (:read c 10 nil {:timeout 0.01})))
    (dtls/send-to s peer "x")
    (spin 0.01)
    (is= @"x" (:read c 10 nil 0))
    (dtls/send-to s peer "y")
    (is= @"y" (:read c 10))))

(test "a deadline ends a read, a chunk's bytes stay, and the client stays usable"
  (with-pair [c s peer]
    (is= [:error "deadline expired"] (outcome (ev/with-deadline 0.01 (:read c 10))))
    (def buffer @"")
    (dtls/send-to s peer "part")
    (is= [:error "timeout"] (outcome (:chunk c 10 buffer 0.05)))
    (is= @"part" buffer)
    (dtls/send-to s peer "rest")
    (is= @"partrest" (:chunk c 4 buffer))))

(test "a timer of a read that is done does not go off later"
  (with-pair [c s peer]
    (dtls/send-to s peer "x")
    (:read c 10 nil 0.02)
    (is= [:ok nil] (outcome (ev/sleep 0.04)))))

# ---- cancelling

(test "a cancelled read takes nothing: the next reader gets the next datagram"
  (with-pair [c s peer]
    (def task (spawn (:read c 10)))
    (turns)
    (ev/cancel (task :fiber) "stop")
    (is= [:error "stop"] (await task))
    (dtls/send-to s peer "kept")
    (is= @"kept" (:read c 10))))

(test "a read that is cancelled in the turn in which its datagram came loses nothing"
  (with-pair [c s peer]
    (each turn [0 1 2 3]
      (def task (spawn (:read c 10)))
      (turns)
      (dtls/send-to s peer "precious")
      (repeat turn (ev/sleep 0))
      (ev/cancel (task :fiber) "stop")
      (def [status value] (await task))
      (if (= :ok status) (is= @"precious" value) (is= @"precious" (:read c 10 nil 5))))))

(test "recv-from that is cancelled in the turn in which its datagram came loses nothing"
  (with-pair [c s peer]
    (each turn [0 1 2 3]
      (def buffer @"before ")
      (def task (spawn (dtls/recv-from s 100 buffer)))
      (turns)
      (ev/write c "precious")
      (repeat turn (ev/sleep 0))
      (ev/cancel (task :fiber) "stop")
      (def [status value] (await task))
      (if (= :ok status)
        (is= @"before precious" buffer)
        (do
          (is= @"before " buffer)
          (is= peer (dtls/recv-from s 100 buffer 5))
          (is= @"before precious" buffer))))))

(test "what several cancelled recv-from had been given in that turn comes again in its order"
  (with-pair [c s peer]
    (def words ["first" "second" "third" "fourth"])
    (each cancelled [[0 1] [1 0] [0 1 2] [2 0 1] [0 2] [1 2]]
      (def buffers [@"" @"" @""])
      (def tasks (map (fn [buffer] (spawn (dtls/recv-from s 100 buffer))) buffers))
      # a core stream's event of the same turn: its task runs before those that were given the
      # datagrams
      (def ringer (spawn (:read alarm 1) (each i cancelled (ev/cancel ((tasks i) :fiber) "stop"))))
      (turns)
      (:write bell "!")
      (each word words (ev/write c word))
      (await ringer)
      (each i cancelled (is= [:error "stop"] (await (tasks i))))
      (def kept (filter next (map string buffers)))
      (def left (seq [_ :range [(length kept) 4] :let [buffer @""]]
                  (dtls/recv-from s 100 buffer 5)
                  (string buffer)))
      (is= words (tuple ;(sorted-by |(index-of $ words) [;kept ;left])))
      (is= (filter |(index-of $ left) words) left))))

# ---- writing

(test "what is sent is what was in the buffer at the call"
  (with-pair [c s peer]
    (def [data buffer] [@"first" @""])
    (:write c data)
    (buffer/push data " changed")
    (dtls/recv-from s 100 buffer)
    (is= @"first" buffer)))

(test "symbols and keywords can be written"
  (with-pair [c s peer]
    (def buffer @"")
    (is= 3 (:write c :abc))
    (is= 3 (:write c 'def))
    (repeat 2 (dtls/recv-from s 100 buffer))
    (is= @"abcdef" buffer)))

(test "a reader and a writer at once are independent"
  (with-pair [c s peer]
    (def reader (spawn (:read c 10)))
    (turns)
    (repeat 20 (:write c "out"))
    (def buffer @"")
    (repeat 20 (dtls/recv-from s 10 buffer 5))
    (is= (string/repeat "out" 20) (string buffer))
    (dtls/send-to s peer "in")
    (is= [:ok @"in"] (await reader))))

(test "a network error is raised, and the client stays usable"
  (with-pair [c s peer]
    (def port (in (dtls/localname s) 1))
    (dtls/close-server s true)
    (def [status why] (do (:write c "x") (outcome (:read c 10 nil 5))))
    (is= :error status)
    (is= "Connection refused" why)
    (fails-with "timeout" (:read c 10 nil 0.01))))

# ---- several at once

(test "several readers are served in order"
  (with-pair [c s peer]
    (def tasks (seq [_ :range [0 5]] (spawn (:read c 10))))
    (turns)
    (for i 0 5 (dtls/send-to s peer (string i)))
    (is= ["0" "1" "2" "3" "4"] (tuple ;(map |(string (last (await $))) tasks)))))

(test "several fibers in recv-from are each given a datagram"
  (with-pair [c s peer]
    (def buffers (seq [_ :range [0 5]] @""))
    (def tasks (seq [b :in buffers] (spawn (dtls/recv-from s 10 b))))
    (turns)
    (for i 0 5 (:write c (string i)))
    (each task tasks (is= [:ok peer] (await task)))
    (is= @["0" "1" "2" "3" "4"] (sorted (map string buffers)))))

(test "datagrams without a waiting reader are kept for later"
  (with-pair [c s peer]
    (for i 0 100 (:write c (string/format "%03d" i)))
    (ev/sleep 0.02)
    (def buffer @"")
    (for i 0 100 (is= peer (dtls/recv-from s 100 buffer 5)))
    (is= 300 (length buffer))))

# ---- closing

(test "closing wakes a waiting read with nil, and calls after it raise"
  (with-pair [c s peer]
    (def tasks [(spawn (:read c 10)) (spawn (:chunk c 10))])
    (turns)
    (is= c (:close c))
    (each task tasks (is= [:ok nil] (await task)))
    (each call [|(:read c 1) |(:write c "x") |(:chunk c 1) |(:shutdown c) |(:flush c)]
      (fails-with "stream is closed" (call)))
    (each call [|(:peername c) |(:localname c)] (fails-with "stream closed" (call)))))

(test "closing does not wait for an answer"
  (with [s (dtls/listen "127.0.0.1" 0 served)]
    (def c (dtls/connect "127.0.0.1" (in (dtls/localname s) 1) trust))
    (:close s true)
    (def before (os/clock :monotonic))
    (:close c)
    (is (< (- (os/clock :monotonic) before) 0.5))))

# ---- the end of things

(test "clients and servers without references are collected, with their descriptors"
  (defn use-some []
    (with-pair [c s peer] nil)
    # not closed: a server without peers, a client whose server has gone
    (def s (dtls/listen "127.0.0.1" 0 served))
    (def c (dtls/connect "127.0.0.1" (in (dtls/localname s) 1) trust))
    (dtls/close-peer s (do (:write c "x") (dtls/recv-from s 10 @"")) true)
    nil)
  (use-some)
  (when-let [before (descriptors)]
    (repeat 20 (use-some))
    (repeat 3 (gccollect) (turns))
    (is (<= (descriptors) (+ before 2)) [(descriptors) before])))

(test "streams, servers and contexts of another thread are refused when marshalled"
  (with-pair [c s peer]
    (fails-with "a DTLS client can't be marshalled" (marshal c))
    (fails-with "a DTLS server can't be marshalled" (marshal s))))

(test "a process exits cleanly with calls pending"
  (def code
    ~[(import jsec/dtls)
      (def s (dtls/listen "127.0.0.1" 0 ,served))
      (def c (dtls/connect "127.0.0.1" (in (dtls/localname s) 1) ,trust))
      (ev/go (fn [] (dtls/recv-from s 10 @"")))
      (ev/go (fn [] (dtls/read c 10)))
      (def silent (net/listen "127.0.0.1" "0" :datagram))
      (ev/go (fn [] (dtls/connect "127.0.0.1" (in (net/localname silent) 1) ,trust)))
      (ev/sleep 0.05)
      (os/exit 0)])
  (def path (string (tmpdir) "/exit.janet"))
  (spit path (string/join (map |(string/format "%j" $) code) "\n"))
  (is= 0 (os/execute [(dyn *executable*) path] :p)))

(test "a connect that is cancelled or runs out of time leaves nothing behind"
  (with [silent (net/listen "127.0.0.1" "0" :datagram)]
    (def port (in (net/localname silent) 1))
    (def before (descriptors))
    (repeat 5
      (is= [:error "timeout"]
           (outcome (dtls/connect "127.0.0.1" port (merge trust {:timeout 0.02}))))
      (def task (spawn (dtls/connect "127.0.0.1" port trust)))
      (turns)
      (ev/cancel (task :fiber) "stop")
      (is= [:error "stop"] (await task)))
    (if before (is= before (descriptors)))))

(test "all addresses of a host get a ClientHello, and one answer is enough"
  # "localhost" may be ::1 and 127.0.0.1: a server on either is found, whichever comes first
  (def hosts
    (distinct (map |(first (net/address-unpack $)) (net/address "localhost" "1" :datagram true))))
  (each host hosts
    (with [s (dtls/listen host 0 served)]
      (with [c (dtls/connect "localhost" (in (dtls/localname s) 1)
                             {:trusted-cert (identity :cert)})]
        (is= "DTLSv1.2" (:version c))))))

(end)

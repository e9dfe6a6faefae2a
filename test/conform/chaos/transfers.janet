# Connections over TCP and unix sockets. Each direction has a content of its own, of which both ends
# know every byte, and a record on either side: what was written, what was read, and how it ended.
(import ./faults :prefix "")
(import jsec/tls)

(def- max-sizes
  "Bytes of a direction. The larger ones fill the kernel's buffers, so that writes wait."
  [1000 100000 300000 3000000])
(def- max-piece "Bytes of a write." 1000000)
(def- patience "Seconds after which a connection hangs."
  (* 30 (scan-number (os/getenv "JSEC_SLOW" "1"))))

# ---- contents ----

(var- block nil)
(def- block-size 1048573)

(defn choose-contents [rng]
  (def bytes (math/rng-buffer rng block-size))
  (set block (string bytes (buffer/slice bytes 0 max-piece))))

(defn- content "Bytes of a direction." [direction at n]
  (def start (mod (+ at (* 7919 (direction :number))) block-size))
  (string/slice block start (+ start n)))

(defn- new-direction [rng number]
  @{:number number :size (math/rng-int rng (pick rng max-sizes)) :written 0 :pending 0 :read 0})

# ---- the two ends of a direction ----

(defn- write-piece [rng stream piece reckless]
  (cond
    (and reckless (chance? rng 0.1)) (:write stream piece (seconds rng 0.01))
    (and reckless (chance? rng 0.1)) (ev/with-deadline (seconds rng 0.02) (:write stream piece))
    (:write stream piece)))

(defn- write-all
  "Write the content in pieces; `:pending` is the length of the piece whose write did not return."
  [rng stream direction reckless]
  (while (< (direction :written) (direction :size))
    (def n (min (between rng 1 (pick rng [2000 70000 max-piece]))
                (- (direction :size) (direction :written))))
    (put direction :pending n)
    (write-piece rng stream (content direction (direction :written) n) reckless)
    (put direction :pending 0)
    (update direction :written + n)))

(defn- check-piece [direction piece]
  (def n (length piece))
  (def at (direction :read))
  (update direction :read + n)
  (count :bytes n)
  (unless (= (direction :read) (min (direction :read) (direction :size)))
    (error "more bytes than were written"))
  (unless (= (string piece) (content direction at n))
    (fault "direction " (direction :number) ": the bytes after " at
           " are not those that were written")))

(defn- read-piece
  "Some bytes, nil at the end, or :again where the read was given up."
  [rng stream buffer]
  (def n (between rng 1 40000))
  (defn interrupted [f]
    (try (f) ([err] (if (index-of err ["timeout" "deadline expired"]) :again (error err)))))
  (cond
    (chance? rng 0.1) (interrupted |(:read stream n buffer (seconds rng 0.005)))
    (chance? rng 0.1) (interrupted |(ev/with-deadline (seconds rng 0.005) (:read stream n buffer)))
    (chance? rng 0.05) (interrupted |(:chunk stream n buffer (seconds rng 0.005)))
    (:read stream n buffer)))

(defn- take-piece [direction buffer]
  (check-piece direction buffer)
  (buffer/clear buffer))

(defn- read-all
  ``Read to the end, compare each byte; `:end` is :clean or the error. A chunk that was given up
  leaves bytes in the buffer.``
  [rng stream direction]
  (def buffer @"")
  (def [fine end]
    (protect
      (while (read-piece rng stream buffer)
        (take-piece direction buffer)
        (if (chance? rng 0.05) (ev/sleep (seconds rng 0.01))))))
  (take-piece direction buffer)
  # after a close of one's own there is no more to read, which is no end
  (put direction :end (cond (direction :stopped) :stopped fine :clean end)))

# ---- manners: what the two sides of a connection do ----

(defn- task [f]
  (def done (ev/chan 1))
  {:fiber (ev/go (fn [] (ev/give done (protect (f))))) :done done})

(defn- await [task] (ev/take (task :done)))

(defn- polite
  "Both write all, end their direction, read to the end and close: all arrives."
  [rng stream out in &]
  (def writer (task |(do
                       (write-all (math/rng (math/rng-int rng 1000000)) stream out false)
                       (:shutdown stream :w)
                       (put out :whole true))))
  (read-all rng stream in)
  (def [fine why] (await writer))
  (unless fine (fault "direction " (out :number) ": a polite write raised " (describe why)))
  (:close stream))

(defn- one-way
  "The client writes and closes at once, the server reads: all arrives."
  [rng stream out in client]
  (if client
    (do (write-all rng stream out false) (:close stream) (put out :whole true))
    (do (read-all rng stream in) (:close stream))))

(defn- cancel [task]
  (if (fiber/can-resume? (task :fiber)) (ev/cancel (task :fiber) "cancelled by chaos")))

(def- blows
  "What befalls a reckless side in the midst of it."
  {:cancel-write (fn [{:writer writer}] (cancel writer))
   # another reader goes on where the cancelled one was
   :cancel-read (fn [side]
                  (def {:reader reader :stream stream :in in :rng rng} side)
                  (when (fiber/can-resume? (reader :fiber))
                    (cancel reader)
                    (await reader)
                    (put side :reader (task |(read-all rng stream in)))))
   :close (fn [{:stream stream :in in}] (put in :stopped true) (protect (:close stream)))
   # in one turn: the cancelled fiber has not run when the stream closes
   :cancel-close (fn [{:writer writer :stream stream :in in}]
                   (cancel writer)
                   (put in :stopped true)
                   (protect (:close stream)))
   :abort (fn [{:stream stream :in in :out out}]
            (put in :stopped true)
            (put out :aborted true)
            (:close stream true))
   :abandon (fn [{:reader reader :writer writer :out out}]
              (put out :aborted true)
              (cancel reader)
              (cancel writer))
   :nothing (fn [&])})

(defn- end-side
  "End the direction, wait for the other; close where the direction was cut."
  [{:stream stream :reader reader :writer writer :in in}]
  (await writer)
  (unless (first (protect (:shutdown stream :w 5)))
    (put in :stopped true)
    (protect (:close stream)))
  (await reader)
  (protect (:close stream)))

(defn- reckless
  "Both write with timeouts and read; a blow falls at some time."
  [rng stream out in &]
  (def [write-rng read-rng]
    [(math/rng (math/rng-int rng 1000000)) (math/rng (math/rng-int rng 1000000))])
  (def side
    @{:rng rng :stream stream :out out :in in
     :writer (task |(write-all write-rng stream out true))
     # a reader that comes late lets the writes wait
     :reader (task |(do
                      (if (chance? read-rng 0.5) (ev/sleep (seconds read-rng 0.2)))
                      (read-all read-rng stream in)))})
  (ev/sleep (seconds rng 0.1))
  (def blow (pick rng (sorted (keys blows))))
  (put out :blow blow)
  (count blow)
  ((blows blow) side)
  (unless (= blow :abandon) (end-side side)))

(def- on-purpose "raised by chaos")

(defn- raising
  "The server's handler raises when it has read a little; its client is polite."
  [rng stream out in client]
  (if client
    (do (protect (read-all rng stream in)) (protect (:close stream)))
    (do
      (put out :aborted true)
      (write-all rng stream (merge-into out {:size (min 1000 (out :size))}) false)
      (error on-purpose))))

(defn- deaf
  ``The client writes, reads nothing and closes, while the server writes: all that the client
  wrote arrives.``
  [rng stream out in client]
  (if client
    (do
      (put in :stopped true)
      (one-way rng stream out in client))
    (do
      (put out :aborted true)
      (def writer (task |(write-all rng stream out false)))
      (read-all (math/rng (math/rng-int rng 1000000)) stream in)
      (:close stream true)
      (await writer))))

(def- manners {:polite polite :one-way one-way :deaf deaf :reckless reckless :raising raising})

# ---- a connection ----

(def- plans "What the connections that are open do, by their number." @{})

(defn- judge-direction [plan direction]
  (def {:written written :pending pending :read read :end end} direction)
  (def words (string/format "%s, direction %d" (plan :manner) (direction :number)))
  (when (= end :clean)
    (if (direction :aborted) (fault words ": looks whole, and was aborted"))
    (unless (or (= read written) (= read (+ written pending)))
      (fault words ": ended cleanly after " read " bytes, of which " written " were written and "
             pending " pending")))
  (when (and (direction :whole) (not= :reckless (plan :manner)))
    (unless (= end :clean) (fault words ": was whole, and its reader saw " (describe end)))
    (unless (= read (direction :size))
      (fault words ": " read " bytes of " (direction :size) " arrived"))))

(defn- run-side [plan stream out in client]
  (def rng (math/rng (+ (* 2 (plan :seed)) (if client 1 0))))
  ((manners (plan :manner)) rng stream out in client))

(defn- serve [plan stream]
  (def [fine why] (protect (run-side plan stream (plan :down) (plan :up) false)))
  (ev/give (plan :served) true)
  (unless (or fine (= why on-purpose))
    (fault (plan :manner) ", the server's side raised " (describe why)))
  (unless fine (error why)))

(defn handle
  "The server's side: the connection's number comes first."
  [stream]
  (def number (protect (:chunk stream 8)))
  (def plan (if (and (first number) (last number)) (plans (scan-number (last number)))))
  (if plan (serve plan stream) (:close stream true)))

(defn- connect [plan {:address [host port] :options options}]
  (tls/connect host port (merge options {:max-version (plan :version) :close-timeout 20})))

(defn- give-up-connect
  "Cancel a connect, or let it time out, at some time."
  [rng plan server]
  (def connecting (task |(connect plan server)))
  (ev/sleep (seconds rng 0.01))
  (ev/cancel (connecting :fiber) "cancelled by chaos")
  (def [made stream] (await connecting))
  (if made (:close stream true))
  (count :given-up))

(defn- talk
  "The client's side. Its stream is garbage when this returns."
  [plan server]
  (def stream (connect plan server))
  (def greeted (first (protect (:write stream (string/format "%08d" (plan :number))))))
  (if greeted (run-side plan stream (plan :up) (plan :down) true) (:close stream true))
  greeted)

(defn- run-client [plan server]
  (put plans (plan :number) plan)
  (when (talk plan server)
    (ev/take (plan :served))
    (each way [:up :down] (judge-direction plan (plan way)))
    (count (plan :manner)))
  (put plans (plan :number) nil))

(var- number 0)

(defn run-one
  "One connection to one of the servers, as its seed wants it."
  [rng servers]
  (def plan
    {:number (++ number) :seed (math/rng-int rng 1000000) :served (ev/chan 1)
     :version (pick rng [:TLS1_2 :TLS1_3])
     :manner (pick rng [:polite :one-way :deaf :reckless :reckless :reckless :raising])
     :up (new-direction rng (* 2 number)) :down (new-direction rng (inc (* 2 number)))})
  (def server (pick rng servers))
  (if (chance? rng 0.1)
    (give-up-connect rng plan server)
    (try
      (ev/with-deadline patience (run-client plan server))
      ([err fib]
        (put plans (plan :number) nil)
        (fault (plan :manner) ": " (if (= err "deadline expired") "it hangs" (string err))
               (string/format ", %q: %q %q" (plan :version) (plan :up) (plan :down)))))))

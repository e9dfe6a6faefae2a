# A wire between a client and a server of ours that cuts, stalls or spoils what passes, at a byte of
# choice.
(import jsec/tls)
(import ./check)

(defn plain-pair
  "A connected pair of core's streams."
  []
  (with [listener (net/listen "127.0.0.1" "0")]
    (def near (check/plain-connect "127.0.0.1" (string (get (net/localname listener) 1))))
    [near (net/accept listener)]))

(defn- pump
  ``Pass bytes on until the end. `(wire :at)` bytes after the beginning of the direction `(wire
  :way)` its action happens: :close both sides (with bytes unread, which resets the sender),
  :stall, or :flip a byte; :drip passes one at a time.``
  [wire way from to]
  (def {:at at :action action} wire)
  (def mine (= way (wire :way)))
  (def chunk @"")
  (var passed 0)
  (defn room [] (cond (= action :drip) 1 (and mine at (<= passed at)) (max 1 (- at passed)) 65536))
  (forever
    (when (and mine (= passed at) (index-of action [:close :stall]))
      (if (= action :stall) (break))
      (ev/close from)
      (ev/close to)
      (break))
    (unless (ev/read from (room) (buffer/clear chunk)) (ev/close to) (break))
    (when (and mine (= passed at) (= action :flip))
      (put chunk 0 (bxor (chunk 0) 1)))
    (+= passed (length chunk))
    (put wire way passed)
    # where the other side has gone, core's ev/write ends the process with SIGPIPE
    (net/write to chunk)))

(defn- start-pump [wire way from to]
  # whichever side goes first, the other pump ends with an error
  (ev/go (fn [] (try (pump wire way from to) ([_])))))

(defn meet
  ``Make a handshake over such a wire: `{:client result :server result :up bytes :down bytes}`,
  the results being `[true version]` or `[false error]`. A side that succeeds waits
  for the other one.``
  [client-options server-options action &opt way at]
  (def [client client-end] (plain-pair))
  (def [server-end server] (plain-pair))
  (def wire @{:action action :way way :at at :up 0 :down 0})
  (start-pump wire :up client-end server-end)
  (start-pump wire :down server-end client-end)
  (def done (ev/chan 2))
  (defn side [name start]
    (def stream (protect (start)))
    (put wire name (if (first stream) [true (:version (in stream 1))] stream))
    (ev/give done name)
    (in stream 1))
  (def streams @[])
  (ev/go (fn [] (array/push streams (side :server |(tls/wrap server server-options)))))
  (ev/go (fn [] (array/push streams (side :client |(tls/wrap client "localhost" client-options)))))
  (ev/take done)
  (ev/take done)
  (each stream streams (if (= :jsec/tls-stream (type stream)) (:close stream true)))
  (each stream [client client-end server-end server] (ev/close stream))
  wire)

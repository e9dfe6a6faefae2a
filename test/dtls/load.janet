# Two thousand peers on one server of DTLS, each with datagrams of its own.
(import ../support/check :prefix "")
(import ../support/datagrams :prefix "")
(import jsec/dtls)

(defn- most-descriptors []
  (def child (os/spawn ["sh" "-c" "ulimit -n"] :p {:out :pipe}))
  (def text (string/trim (ev/read (child :out) :all)))
  (os/proc-wait child)
  (or (scan-number text) 1000000))

(def- peers (min (load 2000) (- (most-descriptors) 100)))

(test (string peers
              " peers on one server each get their own datagrams back, of 64 bytes and of 1 KB")
  :deadline 150
  (with-server [s]
    (def clients (in-parallel peers 50 (fn [_] (connect s))))
    (defer (each c clients (dtls/close c true))
      (is= peers (length (dtls/peers s)))
      (each size [64 1024]
        (in-parallel peers 100
          (fn [i]
            (def head (string i ":"))
            (def data (string head (string/repeat (string/from-bytes (+ 32 (% i 90)))
                                                  (- size (length head)))))
            (repeat 3 (ask (clients i) data)))))
      # all at once: what overflows the socket is asked for again
      (def answered
        (in-parallel peers peers (fn [i] (length (ask (clients i) (string "all at once " i))))))
      (is= peers (length (filter pos? answered))))))

(end)

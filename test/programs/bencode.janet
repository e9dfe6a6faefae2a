# janet-bencode's reading and writing of streams, as its usages have it.
(import ./over)

(def messages
  ["breathe" "" 32767 -2 ["alice" "carol" "bob"] [] {} {:id "1" :op "clone"}
   {:length 5.0 :width 12.0 :height 13.0}
   {:id "1" :session "fabb7627-45d3-46a8-8804-7a8cd3fc6f94" :status ["done"]}])

(defn check []
  (def env (over/load "/janet-bencode/bencode"))
  (each message messages
    (with [listener (over/server "127.0.0.1" "0"
                                 |(defer (:close $) ((over/value env 'write-stream) $ message)))]
      (with [s (over/connect "127.0.0.1" (over/port-of listener))]
        (def got (ev/with-deadline 10 ((over/value env 'read-stream) s)))
        (assert (deep= message got) (string/format "%q" got)))))
  (string (length messages) " messages"))

# Syslog over TLS (RFC 5425): messages of RFC 5424, each after its length, to a collector that
# verifies its senders.
#   janet examples/syslog_tls.janet                                   sender and collector in one
#   janet examples/syslog_tls.janet logs.example.org 6514 ca.pem me.pem me.key "the text"
(import jsec/cert)
(import jsec/tls)

(def facility-user 1)
(def severities {:error 3 :warning 4 :notice 5 :info 6})

(defn timestamp []
  (def {:year year :month month :month-day day :hours hours :minutes minutes :seconds seconds}
    (os/date))
  (string/format "%04d-%02d-%02dT%02d:%02d:%02dZ" year (inc month) (inc day) hours minutes seconds))

(defn message
  "A message of RFC 5424, without structured data."
  [severity host program text]
  (string "<" (+ (* 8 facility-user) (severities severity)) ">1 " (timestamp) " " host " " program
          " " (os/getpid) " - - " text))

(defn send-message
  "Octet counting, RFC 5425 section 4.3: the length in decimal, a space, the message."
  [stream text]
  (ev/write stream (string (length text) " " text)))

(defn sender [host port options]
  (tls/connect host port (merge {:timeout 10 :min-version :TLS1_2} options)))

# ---- the collector ----

(defn read-message [stream]
  (def digits @"")
  (while (and (ev/chunk stream 1 digits) (not= (chr " ") (last digits)))
    (assert (< (length digits) 10) "no length"))
  (if-let [size (scan-number (string/trim digits))]
    (ev/chunk stream size)))

(defn collect [received]
  (fn [stream]
    (def who (get-in (:peer-certificate stream :data) [:subject :common-name]))
    (while (def text (read-message stream)) (print who " > " text))
    (ev/close stream)
    (ev/give received true)))

(defn demonstrate []
  (def ca (cert/generate-self-signed-cert {:common-name "Our CA" :key-type :ec-p256}))
  (defn issue [name]
    (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name
                      :key-type :ec-p256}))
  (def collector (merge (issue "localhost") {:verify true :ca-file (ca :cert)}))
  (def listener (tls/listen "127.0.0.1" "0"))
  (def received (ev/chan 1))
  (ev/go (fn [] (tls/accept-loop listener collector (collect received))))
  (with [s (sender "localhost" (get (net/localname listener) 1)
                   (merge (issue "web-1.example") {:ca-file (ca :cert)}))]
    (send-message s (message :info "web-1.example" "shop" "started"))
    (send-message s (message :error "web-1.example" "shop"
                             "disk full\nand a second line, which octet counting bears")))
  (ev/take received)
  (ev/close listener))

(defn main [_ & arguments]
  (if-let [[host port ca cert key text] (if (= 6 (length arguments)) arguments)]
    (with [s (sender host port {:ca-file ca :cert cert :key key})]
      (send-message s (message :notice "localhost" "jsec" text)))
    (demonstrate)))

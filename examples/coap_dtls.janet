# CoAP over DTLS (RFC 7252): a client that asks a device for its temperature, and repeats the
# request if a datagram is lost.
#   janet examples/coap_dtls.janet                                     client and device in one
#   janet examples/coap_dtls.janet coap.example.org 5684 sensors/temp  asks that server (coaps://)
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)

# ---- messages: four bytes, a token, options, 0xff and the payload (RFC 7252 section 3) ----

(def confirmable 0)
(def acknowledgement 2)
(def uri-path 11)

(defn header [type code id token]
  (buffer (string/from-bytes (+ 0x40 (* 16 type) (length token)) code (div id 256) (% id 256))
          token))

(defn add-path
  ``A Uri-Path option for each segment: the difference to the option before, the length, the text;
  both below 13 here.``
  [into path]
  (var before 0)
  (each segment (string/split "/" path)
    (assert (< (length segment) 13) "a segment of more than 12 bytes")
    (buffer/push into (+ (* 16 (- uri-path before)) (length segment)) segment)
    (set before uri-path))
  into)

(defn read-message
  ``What a datagram says: {:type :code :id :token :path :payload}. Options but Uri-Path are passed
  over.``
  [bytes]
  (def token-length (% (bytes 0) 16))
  (var at (+ 4 token-length))
  (var number 0)
  (def path @[])
  (while (and (< at (length bytes)) (not= 0xff (bytes at)))
    (def [delta size] [(div (bytes at) 16) (% (bytes at) 16)])
    (assert (and (< delta 13) (< size 13)) "an option that this example does not read")
    (+= number delta)
    (if (= number uri-path) (array/push path (string/slice bytes (inc at) (+ at 1 size))))
    (+= at (inc size)))
  {:type (% (div (bytes 0) 16) 4) :code (bytes 1) :id (+ (* 256 (bytes 2)) (bytes 3))
   :token (string/slice bytes 4 (+ 4 token-length))
   :path (string/join path "/")
   :payload (if (< at (length bytes)) (string/slice bytes (inc at)) "")})

(defn code-text [code] (string/format "%d.%02d" (div code 32) (% code 32)))

# ---- the client ----

(defn get-resource
  ``GET a path: sent again after 2, 4, 8 … seconds until the answer comes (section 4.2), each time
  the same message.``
  [client path]
  (def random (crypto/random-bytes 6))
  (def token (string/slice random 2))
  (def request (add-path (header confirmable 1 (+ (* 256 (random 0)) (random 1)) token) path))
  (defn attempt [patience]
    (if (> patience 32) (error "no answer"))
    (ev/write client request)
    (def [came datagram] (protect (ev/read client 1500 nil patience)))
    (cond
      (not came) (if (= "timeout" datagram) (attempt (* 2 patience)) (error datagram))
      (nil? datagram) (error "the server has ended the session")
      (let [answer (read-message datagram)]
        # an answer to another request, or a duplicate
        (if (= token (answer :token)) answer (attempt patience)))))
  (attempt 2))

# ---- the device ----

(def resources {"sensors/temp" "21.5 C"})

(defn answer [request]
  (def payload (resources (request :path)))
  # 2.05 Content, 4.04 Not Found
  (def head (header acknowledgement (if payload 0x45 0x84) (request :id) (request :token)))
  (if payload (buffer/push head 0xff payload) head))

(defn serve [server]
  (def datagram @"")
  (while (def peer (dtls/recv-from server 1500 (buffer/clear datagram)))
    (dtls/send-to server peer (answer (read-message datagram)))))

(defn ask [host port path options]
  (with [client (dtls/connect host port (merge {:timeout 30} options))]
    (def {:code code :payload payload} (get-resource client path))
    (print "coaps://" host "/" path ": " (code-text code) " " payload)))

(defn main [_ &opt host port path]
  (if host
    (ask host (or port "5684") (or path ".well-known/core") {})
    (let [own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256})
          server (dtls/listen "127.0.0.1" 0 own)]
      (ev/go (fn [] (serve server)))
      (each path ["sensors/temp" "sensors/wind"]
        (ask "localhost" (get (dtls/localname server) 1) path {:trusted-cert (own :cert)}))
      (dtls/close-server server))))

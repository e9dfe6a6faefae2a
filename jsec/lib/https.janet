# One request over HTTPS or, where the caller allows it, plain HTTP. The certificate is verified,
# nothing is redirected, and each part of an answer has a limit.

(def- tls/connect (get-in (require "../native") ['tls/connect :value]))

(def- max-head "Bytes of status and headers." 65536)
(def- max-body "Bytes, where the caller sets no other limit." 1048576)

(defn- url-grammar [scheme default-port]
  (peg/compile ~{:host (+ (* "[" '(some (+ :h (set ":."))) "]") '(some (+ :w (set ".-"))))
                 :port (+ (* ":" (number (between 1 5 :d))) (constant ,default-port))
                 :path (+ '(* "/" (any (range "!~"))) (constant "/"))
                 :main (* ,scheme "://" :host :port :path -1)}))

(def- https-grammar (url-grammar "https" 443))
(def- http-grammar (url-grammar "http" 80))

(defn parse-url
  "[host port path] of an https URL, or nil."
  [url]
  (if (bytes? url) (peg/match https-grammar url)))

(defn parse-plain-url
  "[host port path] of an http URL, or nil."
  [url]
  (if (bytes? url) (peg/match http-grammar url)))

(defn- host-header [host port plain]
  (def name (if (string/find ":" host) (string "[" host "]") host))
  (if (= (if plain 80 443) port) name (string name ":" port)))

(defn- send-request [stream method [host port path] plain {:body body :headers headers}]
  (def head @"")
  (buffer/push head method " " path " HTTP/1.1\r\nHost: " (host-header host port plain)
               "\r\nUser-Agent: jsec\r\nConnection: close\r\n")
  (eachp [name value] (or headers {}) (buffer/push head name ": " value "\r\n"))
  (if body (buffer/push head "Content-Length: " (string (length body)) "\r\n"))
  (:write stream (buffer/push head "\r\n" (or body ""))))

# ---- the answer ----

(def- head-grammar
  (peg/compile ~{:token '(some (if-not (+ ":" (range "\0 ") "\x7f") 1))
                 :value (/ '(any (if-not "\r\n" (+ "\t" (range " \xff")))) ,string/trim)
                 :header (group (* (/ :token ,string/ascii-lower) ":" :value "\r\n"))
                 :status (* "HTTP/1." :d " " (number (3 :d)) (to "\r\n") "\r\n")
                 :main (* :status (group (any :header)) -1)}))

(defn- more [stream into what]
  (unless (:read stream 65536 into) (errorf "the answer ends in the midst of its %s" what)))

(defn- read-head
  "[status headers rest]: what has come behind the empty line."
  [stream]
  (def text @"")
  (var end nil)
  (while (nil? (set end (string/find "\r\n\r\n" text)))
    (if (> (length text) max-head) (error "the answer's head is too long"))
    (more stream text "head"))
  (def [status headers] (or (peg/match head-grammar (string/slice text 0 (+ end 2)))
                            (error "the answer is no HTTP")))
  [status (from-pairs headers) (buffer/slice text (+ end 4))])

(defn- check-size [n max-size] (if (> n max-size) (error "the answer is too long")))

(defn- read-length [stream rest text max-size]
  (def n (or (if (peg/match ~(* (between 1 9 :d) -1) text) (scan-number text))
             (error "the answer's Content-Length is malformed")))
  (check-size n max-size)
  (while (< (length rest) n) (more stream rest "body"))
  (string/slice rest 0 n))

(defn- read-to-end [stream rest max-size]
  (while (:read stream 65536 rest) (check-size (length rest) max-size))
  (check-size (length rest) max-size)
  (string rest))

(def- chunk-size (peg/compile ~(* (/ '(between 1 6 :h) ,|(scan-number (string "0x" $)))
                                  (? (* (any " ") ";" (to "\r\n"))) "\r\n" ($))))

(defn- read-chunks [stream rest max-size]
  (def body @"")
  (var at 0)
  (forever
    (def [n start] (or (peg/match chunk-size rest at) [nil nil]))
    (cond
      (nil? n) (do
                 (if (> (- (length rest) at) 1000) (error "the answer's chunks are malformed"))
                 (more stream rest "body"))
      (zero? n) (break)
      (do
        (check-size (+ n (length body)) max-size)
        (while (< (length rest) (+ start n 2)) (more stream rest "body"))
        (buffer/push body (buffer/slice rest start (+ start n)))
        (set at (+ start n 2)))))
  (string body))

(defn- read-body [stream status headers rest max-size]
  (def {"transfer-encoding" encoding "content-length" size} headers)
  (cond
    (index-of status [204 304]) ""
    (= encoding "chunked") (read-chunks stream rest max-size)
    encoding (error "the answer has an unknown Transfer-Encoding")
    size (read-length stream rest size max-size)
    (read-to-end stream rest max-size)))

# ---- one request ----

(defn- look-up
  ``The addresses of a host. A thread looks them up: core's lookup would stop the event loop for as
  long as it takes.``
  [host port]
  (def answers (ev/thread-chan 1))
  (defn find-all [&]
    (ev/give answers (protect (map |(tuple ;(net/address-unpack $))
                                   (net/address host port :stream true)))))
  (ev/thread find-all nil :n)
  (def [found addresses] (ev/take answers))
  (if found addresses (error addresses)))

(defn attempt
  ``[true value] of `f`, or [false error]. It runs as a task of its own: an error or a deadline that
  ends the caller ends it, too, and is not mistaken for one of its errors.``
  [f]
  (def ended (ev/chan 1))
  (def task (ev/go f nil ended))
  (edefer (ev/cancel task "cancelled")
    (def [outcome] (ev/take ended))
    [(= :ok outcome) (fiber/last-value task)]))

(defn- connect-plain [host port]
  (var stream nil)
  (var problem nil)
  (each [address] (look-up host port)
    (if stream (break))
    (def [connected result] (attempt (fn [] (net/connect address port))))
    (if connected (set stream result) (set problem result)))
  (or stream (error problem)))

(defn request
  ``Make one request: `{:status :headers :body}`, headers by their names in lower case. The options
  are `:body`, `:headers`, `:tls` (of tls/connect), `:timeout`, seconds for all of it, `:max-body`,
  bytes of the answer, and `:plain`, true where http URLs are allowed. Raises what fails, without
  the URL.``
  [method url &opt opts]
  (default opts {})
  (def plain (if (opts :plain) (parse-plain-url url)))
  (def target (or plain (parse-url url) (error "not an https URL")))
  (def [host port] target)
  (ev/with-deadline (get opts :timeout 30)
    (def stream (if plain (connect-plain host port) (tls/connect host port (get opts :tls {}))))
    (defer (if plain (:close stream) (:close stream true))
      (send-request stream method target plain opts)
      (def [status headers rest] (read-head stream))
      {:status status :headers headers
       :body (if (= method "HEAD")
               ""
               (read-body stream status headers rest (get opts :max-body max-body)))})))

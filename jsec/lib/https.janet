# One request over HTTPS, for services with small answers. The certificate is verified, nothing is
# redirected, and each part of an answer has a limit.
(import ../tls)

(def- max-head "Bytes of status and headers." 65536)
(def- max-body "Bytes." 1048576)

(def- url-grammar
  (peg/compile ~{:host (+ (* "[" '(some (+ :h (set ":."))) "]") '(some (+ :w (set ".-"))))
                 :port (+ (* ":" (number (between 1 5 :d))) (constant 443))
                 :path (+ '(* "/" (any (range "!~"))) (constant "/"))
                 :main (* "https://" :host :port :path -1)}))

(defn parse-url
  "[host port path] of an https URL, or nil."
  [url]
  (if (bytes? url) (peg/match url-grammar url)))

(defn- host-header [host port]
  (def name (if (string/find ":" host) (string "[" host "]") host))
  (if (= 443 port) name (string name ":" port)))

(defn- send-request [stream method [host port path] {:body body :headers headers}]
  (def head @"")
  (buffer/push head method " " path " HTTP/1.1\r\nHost: " (host-header host port)
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

(defn- check-size [n] (if (> n max-body) (error "the answer is too long")))

(defn- read-length [stream rest text]
  (def n (or (if (peg/match ~(* (between 1 9 :d) -1) text) (scan-number text))
             (error "the answer's Content-Length is malformed")))
  (check-size n)
  (while (< (length rest) n) (more stream rest "body"))
  (string/slice rest 0 n))

(defn- read-to-end [stream rest]
  (while (:read stream 65536 rest) (check-size (length rest)))
  (string rest))

(def- chunk-size (peg/compile ~(* (/ '(between 1 6 :h) ,|(scan-number (string "0x" $)))
                                  (? (* (any " ") ";" (to "\r\n"))) "\r\n" ($))))

(defn- read-chunks [stream rest]
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
        (check-size (+ n (length body)))
        (while (< (length rest) (+ start n 2)) (more stream rest "body"))
        (buffer/push body (buffer/slice rest start (+ start n)))
        (set at (+ start n 2)))))
  (string body))

(defn- read-body [stream status headers rest]
  (def {"transfer-encoding" encoding "content-length" size} headers)
  (cond
    (index-of status [204 304]) ""
    (= encoding "chunked") (read-chunks stream rest)
    encoding (error "the answer has an unknown Transfer-Encoding")
    size (read-length stream rest size)
    (read-to-end stream rest)))

(defn request
  ``Make one request: `{:status :headers :body}`, headers by their names in lower case. The options
  are `:body`, `:headers`, `:tls` (of tls/connect) and `:timeout`, seconds for all of it. Raises
  what fails, without the URL.``
  [method url &opt opts]
  (default opts {})
  (def target (or (parse-url url) (error "not an https URL")))
  (def [host port] target)
  (ev/with-deadline (get opts :timeout 30)
    (def stream (tls/connect host port (get opts :tls {})))
    (defer (:close stream true)
      (send-request stream method target opts)
      (def [status headers rest] (read-head stream))
      {:status status :headers headers
       :body (if (= method "HEAD") "" (read-body stream status headers rest))})))

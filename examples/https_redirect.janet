# A site over HTTPS, and a plain HTTP server beside it that sends clients there.
#   janet examples/https_redirect.janet 80 443 cert.pem key.pem   serves these ports
#   janet examples/https_redirect.janet                           serves a client of its own
(import jsec/cert)
(import jsec/tls)

# Compiled here: handlers of net/accept-loop have no dynamic bindings, and so no names like :a.
(def- path-of (peg/compile '(* :a+ " " '(* "/" (any (range "!~"))) " HTTP/1.")))
(def- host-of
  (peg/compile '(thru (* "\n" (set "Hh") "ost:" (any " ") '(some (+ :w (set ".-")))))))

(defn read-request
  "The path and the host that a client asks for, or nil. Reads what HTTP/1.1 allows, and no body."
  [stream]
  (def head @"")
  (while (and (not (string/find "\r\n\r\n" head)) (< (length head) 8192)
              (:read stream 4096 head 30)))
  (def [path] (or (peg/match path-of head) []))
  (def [host] (or (peg/match host-of head) []))
  (if (and path host) [path host]))

(defn answer [stream status headers body]
  (:write stream (string "HTTP/1.1 " status "\r\n" headers "Content-Length: " (length body)
                         "\r\nConnection: close\r\n\r\n" body)))

(defn redirect
  "A handler that names the same page on the HTTPS port. 308 keeps the method, as 301 may not."
  [https-port]
  (def port (if (= "443" (string https-port)) "" (string ":" https-port)))
  (fn [stream]
    (if-let [[path host] (read-request stream)]
      (answer stream "308 Permanent Redirect"
              (string "Location: https://" host port path "\r\n") "")
      (answer stream "400 Bad Request" "" ""))
    (:close stream)))

(defn page
  "The site. The header makes browsers use HTTPS by themselves from now on (RFC 6797)."
  [stream]
  (if-let [[path] (read-request stream)]
    (answer stream "200 OK" "Strict-Transport-Security: max-age=31536000\r\n"
            (string "you asked for " path ", over TLS\n"))
    (answer stream "400 Bad Request" "" ""))
  (:close stream))

(defn serve
  "Serve both; returns their listeners."
  [address port https-port own]
  (def https (tls/listen address https-port))
  (def http (net/listen address port))
  (ev/go (fn [] (tls/accept-loop https own page)))
  (ev/go (fn [] (net/accept-loop http (redirect (get (net/localname https) 1)))))
  [http https])

(defn ask [stream path]
  (:write stream (string "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"))
  (:read stream :all))

(defn demonstrate []
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def [http https] (serve "127.0.0.1" 0 0 own))
  (def [port https-port] (map |(get (net/localname $) 1) [http https]))
  (def location
    (with [stream (net/connect "127.0.0.1" port)]
      (first (peg/match '(* (thru "Location: ") '(to "\r\n")) (ask stream "/page")))))
  (print "redirected to " (string/replace (string https-port) "PORT" location))
  (with [stream (tls/connect "localhost" https-port {:trusted-cert (own :cert)})]
    (print (ask stream "/page")))
  (each listener [http https] (ev/close listener)))

(defn main [_ &opt port https-port cert key]
  (if port
    (serve "0.0.0.0" port https-port {:cert cert :key key})
    (demonstrate)))

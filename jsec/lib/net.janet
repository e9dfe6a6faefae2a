# net/connect and its like over TLS, with the signatures and results of core's functions.
(import ./arguments)
(import ./options)

(def- natives (require "../native"))
(defn- native-function [name] (get-in natives [name :value]))
(def- tls/connect (native-function 'tls/connect))
(def- tls/listen (native-function 'tls/listen))
(def- tls/accept (native-function 'tls/accept))
(def- tls/accept-loop (native-function 'tls/accept-loop))
(def- tls/wrap (native-function 'tls/wrap))
(def- has-options? (native-function 'tls/listener-options?))
(def- check-loop (native-function 'tls/check-loop))
(def core/connect "Core's: a program may import jsec/net in place of it." net/connect)
(def- core/accept net/accept)

(defn- refuse [name]
  (errorf (string "%s: a server needs a certificate: give :cert and :key by tls/with-options, "
                  "by the :options of tls/import, or to tls/listen")
          name))

(defn- server-options
  "The options for a listener that has none of its own; nil for one that has."
  [name listener fallback]
  (unless (has-options? listener)
    (or (options/for-server (options/current fallback)) (refuse name))))

(defn- check-type [function slot type]
  (unless (index-of type [nil :stream :datagram])
    (arguments/refuse function "type" slot ":stream" type)))

(defn within
  "The result of `f`, which has `seconds` if that is not nil."
  [seconds f]
  (if (nil? seconds)
    (f)
    (try (ev/with-deadline seconds (f))
      ([why fiber] (if (= why "deadline expired") (error "timeout") (propagate why fiber))))))

(defn- connect-from [host port type bindhost bindport given]
  (tls/wrap (core/connect host port type bindhost bindport) host given))

(defn- connect [fallback host port &opt type bindhost bindport]
  (check-type "net/connect" 2 type)
  (def given (options/for-client (options/current fallback)))
  (if bindhost
    (within (if (dictionary? given) (given :timeout))
            |(connect-from host port type bindhost bindport given))
    (tls/connect host port type given)))

# As core's, it shares its port by default, and takes a free one for nil.
(defn- listen [fallback host port &opt type no-reuse]
  (def given (options/for-listener (options/current fallback)))
  (def shares (and (not no-reuse) (get given :share-port true)))
  (tls/listen host (if (nil? port) "0" port) type (put given :share-port shares)))

(defn- accept [fallback listener &opt timeout]
  (if-let [given (server-options "net/accept" listener fallback)]
    (tls/accept listener (options/over given {:handshake false}) timeout)
    (core/accept listener timeout)))

(defn- accept-loop [fallback listener handler]
  (def given (server-options "net/accept-loop" listener fallback))
  (tls/accept-loop listener given handler (options/for-loop (options/current fallback))))

(defn start-loop
  "Run an accept-loop in a task. A listener that is closed before it begins is no error."
  [run]
  (ev/go (fn server-handler []
           (try (run)
             ([why fiber] (unless (= why "stream is closed") (propagate why fiber)))))))

(defn- server [fallback host port &opt handler type no-reuse]
  (check-type "net/server" 3 type)
  (unless (nil? handler) (arguments/check-handler "net/server" 2 handler))
  (assert (not (and (= type :datagram) handler)) "handler not supported for :datagram servers")
  (def given (options/current fallback))
  (unless (or (= type :datagram) (options/for-server given)) (refuse "net/server"))
  (if handler (check-loop (options/for-loop given)))
  (def listener (listen fallback host port type no-reuse))
  (if handler (start-loop |(accept-loop fallback listener handler)))
  listener)

(def- where
  ``The options of TLS are those of `tls/with-options`; in a library that `tls/import` loaded, by
  default those of its `:options`.``)

(defn- entry [signature text function]
  @{:value function :doc (string "(" signature ")\n\n" text "\n\n" where)})

(defn entries
  ``Core's names with our functions, as entries of an environment. Without a dynamic binding the
  functions take the options `fallback`.``
  [fallback]
  {'net/connect
   (entry "net/connect host port &opt type bindhost bindport"
          ``Connect to a TLS server, as core's function of this name connects to a TCP server, over
          TCP or a unix socket. The server is verified as by `tls/connect`. Returns a TLS stream.
          Raises as `tls/connect` does, and for `:datagram`.``
          (fn net/connect [host port &opt type bindhost bindport]
            (arguments/under-name "net/connect"
              (connect fallback host port type bindhost bindport))))
   'net/listen
   (entry "net/listen host port &opt type no-reuse"
          ``Listen for TLS clients. Returns a listener, which keeps the certificate that the options
          name, if any. Raises when the address is in use, and for `:datagram`.``
          (fn net/listen [host port &opt type no-reuse]
            (check-type "net/listen" 2 type)
            (arguments/under-name "net/listen" (listen fallback host port type no-reuse))))
   'net/accept
   (entry "net/accept stream &opt timeout"
          ``Take the next connection of a listener. Returns its TLS stream at once, without waiting
          for the client: the first read or write makes the handshake, and raises if it fails.
          Returns nil when the listener is closed. Raises "timeout" after that many seconds, and
          when neither the listener nor the options name a certificate.``
          (fn net/accept [stream &opt timeout]
            (arguments/under-name "net/accept" (accept fallback stream timeout))))
   'net/accept-loop
   (entry "net/accept-loop stream handler"
          ``Call `handler` with a TLS stream, in a fiber of its own, for each connection whose
          handshake succeeds, as `tls/accept-loop` does; its options can stand beside the others.
          Returns the listener when it is closed. Raises when neither the listener nor the options
          name a certificate.``
          (fn net/accept-loop [stream handler]
            (arguments/under-name "net/accept-loop" (accept-loop fallback stream handler))))
   'net/server
   (entry "net/server host port &opt handler type no-reuse"
          ``Listen for TLS clients and, if there is a `handler`, serve them as `net/accept-loop`
          does, in a task of its own. Returns the listener. Raises when the address is in use, when
          the options name no certificate, and for `:datagram`.``
          (fn net/server [host port &opt handler type no-reuse]
            (arguments/under-name "net/server"
              (server fallback host port handler type no-reuse))))})

# TLS for programs and libraries that call net/* themselves.
(import ./arguments)
(import ./options)
(import ./net :as over)
(import ./worlds)

(def- natives (require "../native"))
(defn- native-function [name] (get-in natives [name :value]))
(def- tls/connect (native-function 'tls/connect))
(def- tls/listen (native-function 'tls/listen))
(def- tls/accept-loop (native-function 'tls/accept-loop))
(def- check-loop (native-function 'tls/check-loop))

(defmacro tls/with-options
  ``Run the body with options of TLS for the functions of `jsec/net`, for libraries loaded by
  `tls/import`, for `tls/server` and for `tls/stream-factory`. They are a dynamic binding: tasks
  started in the body have them too, threads do not, and an inner `with-options` replaces an outer
  one. nil leaves them as they are.

  The options are a context from `tls/new-context`, or a table or struct of the options of
  `tls/connect`, `tls/listen`, `tls/accept` and `tls/accept-loop`, for clients and servers alike:
  each takes what is meant for it. Those that name the other end (`:hostname`, `:pins`, `:session`
  and their like) and `:timeout` count for clients. Two more hold options or a context for one side
  alone, which come before the others; beside a context, of these only those of a connection, a loop
  and a listener count:

  * `:client` - what `tls/connect` takes.
  * `:server` - what `tls/listen`, `tls/accept` and `tls/accept-loop` take.

  Returns the value of the body. Raises what the body raises; options are checked when they are
  used.

      (tls/with-options {:cert "cert.pem" :key "key.pem"}
        (rpc/server functions))``
  [opts & body]
  ~(with-dyns [,options/key ,opts] ,;body))

(defn- check-own [function slot opts]
  (unless (index-of (type opts) [:nil :table :struct :jsec/tls-context])
    (arguments/refuse function "opts" slot "options or TLS context" opts)))

(defn- handler-and-options
  "In core's order, or in that of `tls/accept-loop`."
  [a b]
  (if (or (function? b) (dictionary? a) (abstract? a)) [b a] [a b]))

(defn tls/server
  ``Listen for TLS clients and serve them, as `net/server` does for TCP: `handler` is called with a
  TLS stream, in a fiber of its own, for each connection whose handshake succeeded. The loop runs
  in a task of its own, and ends when the listener is closed.

  `opts` is a context, or a table or struct of the options of `tls/listen`, `tls/accept` and
  `tls/accept-loop` together; it may also stand before the handler. nil stands for the options of
  `tls/with-options`. Without a handler there is only the listener, for `tls/accept` and its like.

  * `:cert`, `:key` - the certificate and its private key: paths, PEM or DER.
  * `:max-connections`, `:on-error` and others - see `tls/accept-loop`.
  * `:backlog`, `:share-port` - see `tls/listen`.

  Returns the listener. Raises when the address is in use, and when options or handler are not those
  of a server.

      (tls/server "0.0.0.0" 8443 handle {:cert "cert.pem" :key "key.pem"})``
  [host port &opt handler opts]
  (def [serve own] (handler-and-options handler opts))
  (unless (nil? serve) (arguments/check-handler "tls/server" 2 serve))
  (check-own "tls/server" 3 own)
  (def given (or own (options/current nil)))
  (when (and (or serve given) (not (options/for-server given)))
    (error "tls/server: a server needs a certificate: give :cert and :key"))
  (def of-loop (options/for-loop given))
  (def listener
    (arguments/under-name "tls/server"
      (if serve (check-loop of-loop))
      (tls/listen host port (options/for-listener given))))
  (if serve (over/start-loop |(tls/accept-loop listener nil serve of-loop)))
  listener)

# ---- clients of several protocols ----

# Schemes of the same protocols over TLS end in an s of their own, or have another name.
(def- plain-schemes
  (tabseq [scheme :in ["http" "ws" "amqp" "mqtt" "irc" "redis" "nats" "imap" "pop" "pop3" "smtp"
                       "ftp" "ldap" "nntp" "stomp" "xmpp" "sip" "tcp"]]
    scheme true))

(defn- is-plain? [scheme]
  (and scheme (plain-schemes (string/ascii-lower scheme))))

(defn tls/stream-factory
  ``Connect to a host and port, with TLS unless the scheme of the URL is one without: for the
  `:stream-factory` of spork's `http/request`, and for other clients that let a function make their
  connection.

  `opts` is nil, a context, or a table or struct of options for `tls/connect`, and:

  * `:scheme` - of the URL. "http", "ws", "amqp", "mqtt", "redis" and their like get a plain
    connection; "https", "wss", "amqps" and all others get TLS, and so does a call without one.

  The options of the call come before those of `tls/with-options`. `:timeout` counts for plain
  connections as well; the other options are for TLS.

  Returns a TLS stream, or a stream of core's for a plain connection. Raises as `tls/connect` and
  `net/connect` do.

      (http/request "GET" "https://example.org/" :stream-factory tls/stream-factory)``
  [host port &opt opts]
  (check-own "tls/stream-factory" 2 opts)
  (def given (if (= :jsec/tls-context (type opts)) {:context opts} (options/over opts {})))
  (def own (options/without given [:scheme]))
  (def all (if (own :context) own (options/over (options/for-client (options/current nil)) own)))
  (arguments/under-name "tls/stream-factory"
    (if (is-plain? (given :scheme))
      (over/within (all :timeout) |(over/core/connect host port))
      (tls/connect host port all))))

# ---- libraries that call net/* ----

(def- of-import "Arguments of import, require and dofile."
  [:as :prefix :export :exit :fresh :only :loader :source :expander :evaluator :read :parser])

(defn- check-arguments
  "A misspelt :options would be ignored."
  [name args]
  (def given (table ;args))
  (each key (keys given)
    (unless (index-of key [:options ;of-import])
      (errorf "%s: unknown argument %q: expected :options and those of import" name key)))
  given)

(defn tls/require
  ``Load a library as `require` does, but so that the `net/connect net/listen net/accept
  net/accept-loop net/server` that it and the modules it imports call are those of `jsec/net`. The
  library is loaded anew, beside one that was loaded by `import`; a second call with the same
  options returns the same. Besides the arguments of `require`:

  * `:options` - the library's options of TLS, as for `tls/with-options`, which comes before them.

  Modules that the library imports later, while its functions run, are loaded likewise. Native
  modules are shared with the rest of the program. Macros of the library expand in the file that
  uses them, and so do the names in them: there, and in code that the library evaluates while its
  functions run, `net/*` are those of that file.

  Returns the environment of the library. Raises what `require` raises, and for other arguments.``
  [path & args]
  (unless (string? path) (arguments/refuse "tls/require" "path" 0 "string" path))
  (unless (even? (length args))
    (error "tls/require: arguments come in pairs of keyword and value"))
  (def given (check-arguments "tls/require" args))
  (def world (worlds/of-options (given :options)))
  (worlds/load world require path (kvs (put given :options nil))))

(defn- import-here [path & args] (worlds/import-by tls/require path args))

(defmacro tls/import
  ``Import a library as `import` does, but so that the `net/*` that it calls are those of
  `jsec/net`: its clients and servers speak TLS. See `tls/require`. `path` and the arguments `:as`,
  `:prefix`, `:export`, `:exit`, `:fresh`, `:only` are those of `import`.

  * `:options` - the library's options of TLS, as for `tls/with-options`, which comes before them.

  Returns the environment. Raises what `import` raises.

      (tls/import spork/rpc :options {:cert "cert.pem" :key "key.pem" :ca-file "ca.pem"})
      (rpc/server {:double (fn [_ x] (* 2 x))})``
  [path & args]
  (assert (even? (length args)) "tls/import: arguments come in pairs of keyword and value")
  (check-arguments "tls/import" args)
  ~(,import-here ,(string path) ,;(worlds/quoted args)))

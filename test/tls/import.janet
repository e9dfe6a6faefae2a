# tls/import and tls/require: libraries that call net/* and know nothing of TLS.
(import ../support/check :prefix "")
(import ../support/pairs :prefix "")
(import ../support/process :prefix "")
(import jsec/tls)

(def both {:cert (identity :cert) :key (identity :key) :trusted-cert (identity :cert)})

# A library of three files: a server, a client in a module of its own, and what both import.
(def here (tmpdir))
(defn library [name text] (spit (string here "/" name ".janet") text))
(library "echo" ``
  (import ./client :export true)
  (import ./state :export true)
  (defn- echo [s]
    (++ state/served)
    (while (def data (:read s 100)) (:write s data))
    (:close s))
  (defn server [&opt host port] (net/server (or host "127.0.0.1") (or port "0") echo))
  (defn loop-server []
    (def listener (net/listen "127.0.0.1" "0"))
    (ev/call |(while (def s (net/accept listener)) (ev/call echo s)))
    listener)
  (defn kept [] [net/connect net/listen net/accept net/accept-loop net/server])
  (defmacro connect-here [host port] ~(,net/connect ,host ,port))
  (defn- hidden [] 1)
  ``)
(library "client" ``
  (defn ask [host port text]
    (with [s (net/connect host port)]
      (:write s text)
      (string (:read s 100))))
  ``)
(library "state" "(var served 0)")
(library "with-native" ``
  (def native-env (require "jsec/native"))
  (import jsec/tls)
  (def context (tls/new-context {}))
  ``)
(library "late" ``
  (defn by-require [host port] ((get-in (require "/client") ['ask :value]) host port "ping"))
  (defn by-import [host port]
    (import* "/client" :as "late")
    ((get-in (curenv) ['late/ask :value]) host port "ping"))
  (defn by-macro [host port]
    (import /client :as late)
    ((get-in (curenv) ['late/ask :value]) host port "ping"))
  (defn by-use [host port]
    (use /client)
    ((get-in (curenv) ['ask :value]) host port "ping"))
  (defn by-dofile [host port]
    ((get-in (dofile "client.janet") ['ask :value]) host port "ping"))
  ``)
(library "broken" "(error \"oops in the library\")")
(library "circle" "(import ./circle)")

# Modules are found from the working directory.
(os/cd here)

(defn answers
  "What a client of a server of the library gets, and the type of the stream behind it."
  [env server]
  (def [host port] (address-of server))
  ((get-in env ['client/ask :value]) host port "ping"))

(defn value [env name] (get-in env [name :value]))

(tls/import /echo :options both)
(import /echo :as plain)

(defn speaks-tls? [listener]
  (def [host port] (address-of listener))
  (first (protect (:close (tls/connect host port (merge client-options {:timeout 5}))))))

(test "a library's servers and clients speak TLS, those of imported modules as well"
  (with [server (echo/server)]
    (is (speaks-tls? server))
    (is= "ping" (echo/client/ask ;(address-of server) "ping"))))

(test "loops around net/accept too"
  (with [server (echo/loop-server)]
    (is (speaks-tls? server))
    (is= "ping" (echo/client/ask ;(address-of server) "ping"))))

(test "the same library, imported by import, keeps core's functions"
  (is= [net/connect net/listen net/accept net/accept-loop net/server] (plain/kept))
  (each f (plain/kept) (is (not (index-of f (echo/kept)))))
  (with [server (plain/server)]
    (is= "ping" (plain/client/ask ;(address-of server) "ping"))
    (is (not= echo/state/served plain/state/served))))

(test "macros of the library that hold a function hold ours"
  (with [server (echo/server)]
    (def [host port] (address-of server))
    (with [s (echo/connect-here host port)]
      (is= :jsec/tls-stream (type s)))))

(test ":as, :prefix, :only and :export are those of import"
  (defn bound [form]
    (def env (make-env))
    (put env 'tls/import (dyn 'tls/import))
    (resume (fiber/new (fn [] (eval form)) "" env))
    (filter symbol? (keys env)))
  (is (index-of 'e/server (bound '(tls/import /echo :as e))))
  (is (index-of 'server (bound '(tls/import /echo :prefix ""))))
  (is (index-of 'echo/server (bound '(tls/import "/echo"))))
  (is (nil? (index-of 'echo/hidden (bound '(tls/import /echo)))))
  (is= @['echo/server 'tls/import] (sorted (bound '(tls/import /echo :only [server]))))
  (library "exports" "(import jsec/tls) (tls/import ./client :export true)")
  (is (value (require "/exports") 'client/ask)))

(test "imports with the same options share a library, others have their own"
  (def first-time (tls/require "/echo" :options both))
  (is= first-time (tls/require "/echo" :options both))
  (is= (value first-time 'server) echo/server)
  (is (not= first-time (tls/require "/echo" :options (merge both))))
  (is (not= first-time (tls/require "/echo")))
  (is= (tls/require "/echo") (tls/require "/echo"))
  (is (not= first-time (tls/require "/echo" :options both :fresh true))))

(test "without :options, those of with-options count"
  (def env (tls/require "/echo"))
  (fails-with "net/server: a server needs a certificate" ((value env 'server)))
  (tls/with-options both
    (with [server ((value env 'server))]
      (is= "ping" (answers env server)))))

(test "with-options comes before :options"
  (tls/with-options {:cert "absent" :key "absent"}
    (fails-with ":cert: neither PEM nor DER" (echo/server))))

(test "an image of a library, compiled before, gets our functions"
  (spit (string here "/packed.jimage") (make-image (require "/echo")))
  (def env (tls/require "/packed" :options both))
  (with [server ((value env 'server))]
    (is (speaks-tls? server))
    (is= "ping" (answers env server))))

(test "native modules and jsec itself are the program's"
  (def env (tls/require "/with-native"))
  (is= (require "jsec/native") (value env 'native-env))
  (is= :jsec/tls-context (type (value env 'context)))
  (is= (get (dyn 'tls/connect) :value) (value env 'tls/connect)))

(test "errors of the library are raised, and it can be loaded again"
  (fails-with "oops in the library" (tls/require "/broken"))
  (fails-with "circular dependency" (tls/require "/circle"))
  (library "broken" "(def fine 1)")
  (is= 1 (value (tls/require "/broken") 'fine))
  (fails-with "could not find module" (tls/require "/absent")))

(test "what a library imports while its functions run speaks TLS as well"
  (def env (tls/require "/late" :options both))
  (with [server (echo/server)]
    (each name '[by-require by-import by-macro by-use by-dofile]
      (def [status answer] (await (spawn ((value env name) ;(address-of server)))))
      (is= [:ok "ping"] [status answer] name))))

(test "arguments that import does not have are refused: a misspelt :options would be ignored"
  (fails-with "tls/require: unknown argument :optoins" (tls/require "/echo" :optoins both))
  (fails-with "tls/require: unknown argument :env" (tls/require "/echo" :env (make-env)))
  (fails-with "tls/import: unknown argument :optoins" (eval '(tls/import /echo :optoins both)))
  (fails-with "tls/import: arguments come in pairs" (eval '(tls/import /echo :options))))

(test "core's functions and module cache are as they were"
  (is= "<cfunction net/connect>" (string net/connect))
  (is= (require "/echo") (require "/echo"))
  (is (nil? (dyn *module-loaders*)))
  (is (not= (require "/echo") (tls/require "/echo"))))

(test "a library that was imported early is loaded anew"
  (is= "TLS\n"
       (run-code (string/format ``
         (os/cd %q)
         (import /echo :as early)
         (import jsec/tls)
         (tls/import /echo :options {:cert %q :key %q :trusted-cert %q})
         (def server (echo/server))
         (def [host port] (net/localname server))
         (print (if (= "ping" (echo/client/ask host port "ping")) "TLS"))
         (assert (= net/connect ((early/kept) 0)))
         (:close server)
         `` here (both :cert) (both :key) (both :cert)))))

(end)

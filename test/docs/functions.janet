# Each public function has an example in examples/functions, which runs. As a reader would, they run
# in a folder with the files of a CA, beside a TLS server and a DTLS server that echo.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import ../../tools/public)
(import ../../tools/snippets)
(import jsec/dtls)

# Those of jsec/net come last, as it replaces core's functions.
(def examples (sort-by |(if (string/has-prefix? "net/" (first $)) 1 0) (snippets/all)))

(def without-example
  ``What `net/…` of jsec does is what core's functions do, and tls/import loads other packages.
  Those of jsec/acme need a CA: docs/operations.md has one.``
  ["net/accept" "net/accept-loop" "net/server" "tls/import" "tls/require"
   ;(map |(string "acme/" $) ["account" "obtain" "revoke" "renewal-info" "serve" "change-key"
                              "deactivate"])])

(test "each public function has an example, and each example a function"
  (def functions (map |($ :name) (mapcat public/functions (public/modules))))
  (def shown (map first examples))
  (is= [] (tuple ;(filter |(not (or (index-of $ shown) (index-of $ without-example))) functions)))
  (is= [] (tuple ;(filter |(not (index-of $ functions)) shown))))

(def dir (tmpdir))
(def made (authority "Test CA"))
(def own (issue made))
(spit (string dir "/ca.pem") (made :cert))
(spit (string dir "/ca.key") (made :key))
(spit (string dir "/localhost.pem") (own :cert))
(spit (string dir "/localhost.key") (own :key))
(os/cd dir)

(defn- echo-datagrams [server]
  (def data @"")
  (while (def peer (dtls/recv-from server 1500 (buffer/clear data)))
    (dtls/send-to server peer data)))

(defn- eval-in
  "The value of the last form of a text; definitions and imports go to `env`."
  [env text]
  (def fiber (fiber/new (fn [] (eval-string text)) :ei env))
  (def result (resume fiber))
  (if (= :error (fiber/status fiber)) (propagate result fiber) result))

(defn- run-steps [name code]
  (def env (make-env))
  (def module (first (string/split "/" name)))
  # as the head of the module's page says; jsec/net would replace core's functions
  (unless (= "net" module) (eval-in env (string "(import jsec/" module ")")))
  (each [part expected] (snippets/steps code)
    (def value (eval-in env part))
    (if expected (is= (eval-in env expected) value part))))

(with-server [tls-server own echo]
  (def datagrams (dtls/listen "127.0.0.1" 0 own))
  (ev/go (fn [] (echo-datagrams datagrams)))
  (def dtls-port (string (in (dtls/localname datagrams) 1)))
  (each [name code] examples
    (test (string name ": its example runs")
      (run-steps name (->> code
                           (string/replace-all "8443" (tls-server :port))
                           (string/replace-all "5684" dtls-port)))))
  (dtls/close-server datagrams))

(end)

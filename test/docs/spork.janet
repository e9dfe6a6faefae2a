# The examples that use spork, README and the page on HTTPS run with the spork of SPORK=path.
(import ../support/check :prefix "")
(import ../support/blocks)
(import ../support/peers)
(import ../support/spork)
(import ../support/visitors)

(def examples
  "What each example prints, among other things."
  {"https_client" ["200: in three chunks, over TLS" "/out is refused: a redirect"
                   "/new is refused: tls/stream-factory: certificate verify failed"]
   "https_server" ["hello, over TLS" "three, on the same connection"]
   "rpc_tls" ["1 + 2 + 3 = 6" "without a certificate: tls/"]
   "netrepl_tls" ["the server evaluates (+ 1 2)" "without a certificate: tls/"]})

(defn- run-example [name env]
  (def log (string (tmpdir) "/log"))
  (def status (with [out (file/open log :w)]
                (os/execute [(dyn *executable*) (string "examples/" name ".janet")] :pe
                            (merge env {:out out :err out}))))
  (def text (string (slurp log)))
  (is= 0 status text)
  (each wanted (examples name) (is (string/find wanted text) text))
  (is (not (string/find "\nerror:" (string "\n" text))) text))

(defn- run-page [path]
  (def page (blocks/sections (string (slurp path))))
  (def check-section (blocks/run-page (tmpdir) (blocks/make-web) page))
  (each [heading _] page
    (test (string path ", " heading ": runs as written")
      (check-section heading))))

(defn- visit-site []
  (def port (peers/free-port))
  (def own (peers/saved (tmpdir) "own" (peers/issue (peers/authority "Test CA"))))
  (peers/with-child [server (dyn *executable*) "examples/https_server.janet" port (own :cert)
                     (own :key)]
    (peers/until-up server port)
    (visitors/visit-all "127.0.0.1" port)
    (peers/with-child [curl "curl" "-s" "--insecure" (string "https://127.0.0.1:" port "/")]
      (is= 0 (peers/exit-status curl))
      (is= @"hello, over TLS\n" (curl :out)))
    (is= nil (server :status))
    (is= @[] (visitors/noise server "client: "))))

(defn- run-all []
  (def modules (spork/module-path))
  (def env (merge (os/environ) {"JANET_PATH" modules}))
  (each name (sorted (keys examples))
    (test (string "examples/" name ".janet runs with spork") :deadline 60
      (run-example name env)))
  (os/setenv "JANET_PATH" modules)
  (test "examples/https_server.janet survives every client, without a stack trace" :deadline 120
    (visit-site))
  (if (blocks/can-run?)
    (each path ["README.md" "docs/https.md"] (run-page path))
    (skip "README and the page on HTTPS run as written" "no namespaces may be made here")))

(if (spork/folder)
  (run-all)
  (skip "the examples with spork, README and the page on HTTPS run" "SPORK=path names no spork"))

(end)

# The examples that use spork, README and the page on HTTPS run with the spork of SPORK=path.
(import ../support/check :prefix "")
(import ../support/blocks)
(import ../support/judges)
(import ../support/peers)
(import ../support/spork)
(import ../support/visitors)
(import jsec/tls)

(def examples
  "What each example prints, among other things."
  {"https_client" ["200: in three chunks, over TLS" "/out is refused: a redirect"
                   "/new is refused: tls/stream-factory: certificate verify failed"]
   "https_server" ["hello, over TLS" "three, on the same connection"]
   "https_site" ["plain: HTTP/1.1 308 Permanent Redirect" "/demo.janet: HTTP/1.1 200 OK"
                 "/../README.md: HTTP/1.1 404" "/%2e%2e/README.md: HTTP/1.1 404"]
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

(defn- serve-folder [f]
  (def dir (tmpdir))
  (defn at [name] (string dir "/" name))
  (each folder ["site" "acme"] (os/mkdir (at folder)))
  (spit (at "secret.txt") "secret\n")
  (spit (at "site/index.html") "<p>hi\n")
  (spit (at "site/a b.txt") "text\n")
  (os/symlink "../secret.txt" (at "site/link.txt"))
  (spit (at "acme/tok-1_") "tok-1_.thumb")
  (def own (peers/saved dir "own" (peers/issue (peers/authority "First CA"))))
  (def [plain secure] [(peers/free-port) (peers/free-port)])
  (peers/with-child [site (dyn *executable*) "examples/https_site.janet" (at "site") (at "acme")
                     plain secure (own :cert) (own :key)]
    (peers/until-up site secure)
    (defn curl [& arguments]
      (judges/run ["curl" "-s" "-k" "-i" "--path-as-is" "--max-time" "10" ;arguments] ""))
    (f {:site site :curl curl :dir dir :secure secure
        :http (string "http://127.0.0.1:" plain) :https (string "https://127.0.0.1:" secure)})))

(defn- check-site [{:curl curl :http http :https https}]
  (def index (curl (string https "/")))
  (each part ["HTTP/1.1 200 OK" "Content-Type: text/html" "<p>hi" "Strict-Transport-Security: "]
    (is (string/find part index) index))
  (is (string/find "text/plain" (curl (string https "/a%20b.txt"))))
  (def head (curl "-I" (string https "/")))
  (is (string/find "Content-Length: 6\r\n" head) head)
  (is (not (string/find "<p>hi" head)) head)
  (is (string/find "405" (curl "-d" "x" (string https "/"))))
  (each path ["/../secret.txt" "/%2e%2e/secret.txt" "/..%2fsecret.txt" "/link.txt" "/x%00" "//"
              "/./index.html" "/%" "/nothing" "/site/../../secret.txt"]
    (def answer (curl (string https path)))
    (is (string/has-prefix? "HTTP/1.1 404" answer) (string path ": " answer)))
  (is (string/find "tok-1_.thumb" (curl (string http "/.well-known/acme-challenge/tok-1_"))))
  (each path ["/.well-known/acme-challenge/../secret.txt" "/page?x=1"]
    (def answer (curl (string http path)))
    (is (string/has-prefix? "HTTP/1.1 308" answer) answer)
    (is (string/find (string "Location: " https path "\r\n") answer) answer)))

(defn- renew-and-end [{:site site :dir dir :secure secure}]
  (def next-ca (peers/authority "Next CA"))
  (peers/saved dir "own" (peers/issue next-ca))
  (os/proc-kill (site :proc) false :hup)
  (defn reloaded? []
    (first (protect (:close (tls/connect "localhost" secure {:ca-file (next-ca :cert)})))))
  (while (not (reloaded?)) (ev/sleep 0.05))
  (os/proc-kill (site :proc) false :term)
  (is= 0 (peers/exit-status site)))

(defn- run-all []
  (def modules (spork/module-path))
  (def env (merge (os/environ) {"JANET_PATH" modules}))
  (each name (sorted (keys examples))
    (test (string "examples/" name ".janet runs with spork") :deadline 60
      (run-example name env)))
  (os/setenv "JANET_PATH" modules)
  (test "examples/https_server.janet survives every client, without a stack trace" :deadline 120
    (visit-site))
  (test "examples/https_site.janet serves a folder, renews its certificate, ends" :deadline 30
    (serve-folder |(do (check-site $) (renew-and-end $))))
  (if (blocks/can-run?)
    (each path ["README.md" "docs/https.md"] (run-page path))
    (skip "README and the page on HTTPS run as written" "no namespaces may be made here")))

(if (spork/folder)
  (run-all)
  (skip "the examples with spork, README and the page on HTTPS run" "SPORK=path names no spork"))

(end)

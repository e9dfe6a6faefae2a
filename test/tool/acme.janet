# jsec cert acme, with pebble as its CA.
(import ../support/check :prefix "")
(import ../support/pebble :as pebble)
(import ../support/peers :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def tool (string (os/cwd) "/bin/jsec"))

(defn start-in [folder & words]
  (start "env" (string "--chdir=" folder) (dyn *executable*) tool "cert" ;words))

(defn end-of
  "[status out err] of a child that was started."
  [child]
  (defer (stop child)
    (feed child "")
    [(exit-status child) (string (child :out)) (string (child :err))]))

(defn jsec [folder & words] (end-of (start-in folder ;words)))

(defn account-words
  "The options for the server's account."
  [server folder]
  (spit (string folder "/eab") (string (pebble/binding :key) "\n"))
  ["--directory" (server :directory) "--ca" (get-in server [:client :tls :ca-file]) "--agree"
   "--eab-kid" (pebble/binding :kid) "--eab-key-file" "eab" "--email" "me@a.example"])

(defn http [server] ["--http" (string "127.0.0.1:" (get-in server [:ports :http]))])

(defn acme
  "Run the tool with the server's account. Returns [status out err]."
  [server folder & words]
  (jsec folder "acme" ;(account-words server folder) ;words))

(defn- without-notice
  "Standard error but for what ASan says about the stack of a handshake that waits."
  [text]
  (def notice '(+ (* "==" :d+ "==WARNING: ASan is ignoring") "False positive error" "For details"))
  (string/join (filter |(not (peg/match notice $)) (string/split "\n" text)) "\n"))

(defn fine [server folder & words]
  (def [status out err] (acme server folder ;words))
  (is= [0 ""] [status (without-notice err)])
  out)

(defn has [text & parts] (each part parts (is (string/find part text) (string part "\nin\n" text))))

(defn names-of [chain]
  (sorted (map |(string/replace "DNS:" "" $) ((cert/parse chain) :san))))

(defn pair-of
  "The certificate and the key of a name, which have to belong together."
  [folder name]
  (def pair (map |(string (slurp (string folder "/" name $))) [".pem" ".key"]))
  (is= ;(map crypto/jwk-thumbprint pair))
  pair)

(defn write-hook
  "A program that changes the records of the server's DNS, and notes how it was called."
  [server folder & lines]
  (def url (string "http://127.0.0.1:" (get-in server [:ports :control])))
  (def path (string folder "/hook"))
  (spit path (string/join
               ["#!/bin/sh" `echo "$1 $2" >>hook.log` ;lines
                `case $1 in add) call=set-txt ;; *) call=clear-txt ;; esac`
                (string `curl -sSf -d "{\"host\":\"$2.\",\"value\":\"$3\"}" ` url `/$call`)]
               "\n"))
  (os/chmod path 8r700))

(peer-test pebble/programs "a certificate and its key, and an account that later runs use"
  (pebble/with-pebble [server {}]
    (def folder (tmpdir))
    (is= (string "wrote acme-account.key (keep it secret)\nwrote a.example.pem\n"
                 "wrote a.example.key (keep it secret)\n")
         (fine server folder ;(http server) "a.example" "www.a.example"))
    (def [chain] (pair-of folder "a.example"))
    (is= ["a.example" "www.a.example"] (tuple ;(names-of chain)))
    (is ((cert/verify-chain chain {:roots (server :root)}) :valid))
    (is= ["rw-r--r--" "rw-------" "rw-------"]
         (tuple ;(map |(os/stat (string folder "/" $) :permissions)
                      ["a.example.pem" "a.example.key" "acme-account.key"])))
    (def place (string "127.0.0.1:" (get-in server [:ports :tls])))
    (is= "wrote b.pem\nwrote b.key (keep it secret)\n"
         (fine server folder "--tls-alpn" place "-o" "b" "--key-type" "rsa" "b.example"))
    (is= :rsa ((cert/parse (first (pair-of folder "b"))) :key-type))))

# The port of the CA's requests is nginx's, as port 80 mostly is. It says 404 to others.
(def nginx-template ``
  daemon off; master_process off; pid %s/pid; error_log stderr;
  events {}
  http {
    access_log off; client_body_temp_path %s/body; proxy_temp_path %s/proxy;
    fastcgi_temp_path %s/fastcgi; uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi;
    server {
      listen 127.0.0.1:%s;
      location /.well-known/acme-challenge/ { proxy_pass http://127.0.0.1:%s; }
      location / { return 404; }
    }
  }
  ``)

(peer-test [;pebble/programs "nginx"] "nginx passes the CA's requests on"
  (pebble/with-pebble [server {}]
    (def folder (tmpdir))
    (def [port own] [(get-in server [:ports :http]) (free-port)])
    (spit (string folder "/conf")
          (string/format nginx-template ;(array/new-filled 6 folder) port own))
    (with-child [nginx (find-program "nginx") "-e" "stderr" "-c" (string folder "/conf")]
      (until-up nginx port)
      (fine server folder "--http" (string "127.0.0.1:" own) "a.example"))
    (is= ["a.example"] (tuple ;(names-of (first (pair-of folder "a.example")))))))

(peer-test [;pebble/programs "curl"] "a hook changes the records of the DNS, for wildcards too"
  (pebble/with-pebble [server {}]
    (def folder (tmpdir))
    (write-hook server folder)
    (def [status out _] (acme server folder "--dns-hook" "./hook" "*.c.example"))
    (is= 0 status)
    (has out "wrote _.c.example.pem")
    (is= ["*.c.example"] (tuple ;(names-of (first (pair-of folder "_.c.example")))))
    (is= "add _acme-challenge.c.example\nremove _acme-challenge.c.example\n"
         (string (slurp (string folder "/hook.log"))))))

(peer-test [;pebble/programs "curl"]
           "a hook that fails to add ends the run, one that fails to remove is reported"
  (pebble/with-pebble [server {}]
    (def folder (tmpdir))
    (write-hook server folder `[ "$1" = remove ] || exit 7`)
    (def [status _ err] (acme server folder "--dns-hook" "./hook" "d.example"))
    (is= 1 status)
    (has err "jsec: --dns-hook: ./hook add _acme-challenge.d.example " ": exit status 7\n")
    (is= nil (os/stat (string folder "/d.example.pem")))
    (write-hook server folder `[ "$1" = add ] || exit 8`)
    (def [status _ err] (acme server folder "--dns-hook" "./hook" "d.example"))
    (is= 0 status)
    (has err "jsec: --dns-hook: ./hook remove _acme-challenge.d.example " ": exit status 8\n")
    (pair-of folder "d.example")
    (def [status _ err] (acme server folder "--dns-hook" "./none" "e.example"))
    (is= 1 status)
    (has err "--dns-hook: ./none add " "No such file")))

(peer-test pebble/programs "--renew-within does nothing, unless the files need another certificate"
  (pebble/with-pebble [server {"certificateValidityPeriod" (* 40 86400)}]
    (def folder (tmpdir))
    (defn in-folder [name] (string folder "/" name))
    (defn run [& words] (fine server folder ;(http server) ;words "a.example"))
    (has (run "--renew-within" "30") "wrote a.example.pem")
    (def first-pair (pair-of folder "a.example"))
    (def days (div (- ((cert/parse (first first-pair)) :not-after) (os/time)) 86400))
    (defn same? [] (deep= first-pair (pair-of folder "a.example")))
    (is= "" (run "--renew-within" (string (dec days))))
    (is (same?))
    (has (run "--renew-within" (string (inc days))) "wrote a.example.pem")
    (is (not (same?)))
    (is= "" (run "--renew-within" "1"))
    (has (run "--renew-within" "1" "www.a.example" "-o" "a.example") "wrote a.example.pem")
    (is= 2 (length (names-of (first (pair-of folder "a.example")))))
    (has (run "--renew-within" "1") "wrote a.example.pem")
    (has (run "--renew-within" "1" "--force") "wrote a.example.pem")
    (spit (in-folder "a.example.key") (crypto/generate-key :ec-p256))
    (has (run "--renew-within" "1") "wrote a.example.pem")
    (os/rm (in-folder "a.example.key"))
    (has (run "--renew-within" "1") "wrote a.example.pem")
    (jsec folder "self" "--force" "a.example")
    (has (run "--renew-within" "1") "wrote a.example.pem")))

(peer-test pebble/programs "existing files stay without --force, and when the CA refuses"
  (pebble/with-pebble [server {"domainBlocklist" ["blocked.example"]}]
    (def folder (tmpdir))
    (fine server folder ;(http server) "-o" "site" "a.example")
    (def before (pair-of folder "site"))
    (def [status _ err] (acme server folder ;(http server) "-o" "site" "a.example"))
    (is= 1 status)
    (has err "site.pem is there already: --force replaces it, --renew-within when it ends soon")
    (def [status out err]
      (acme server folder ;(http server) "-f" "-o" "site" "a.example" "blocked.example"))
    (is= [1 ""] [status out])
    (has err "the CA refused (status 400): rejectedIdentifier")
    (is= (tuple ;before) (tuple ;(pair-of folder "site")))
    (def [status _ err] (jsec folder "acme" "--directory" (server :directory) "--agree" "--ca"
                              (get-in server [:client :tls :ca-file]) ;(http server) "b.example"))
    (is= 1 status)
    (has err "give --eab-kid and --eab-key-file, the id and the key that it gave you")
    (def [status _ err] (acme server folder ;(http server) "-o" "nowhere/a" "a.example"))
    (is= 1 status)
    (has err "nowhere/acme-account.key.lock: lock file not opened: No such file")
    (def [status _ err]
      (acme server folder ;(http server) "-o" "nowhere/a" "--account-key" "own.key" "a.example"))
    (is= 1 status)
    (has err "nowhere/a")
    (is= nil (os/stat (string folder "/own.key")))))

(peer-test pebble/programs "two runs at once take turns, and the second one finds all done"
  (pebble/with-pebble [server {}]
    (def folder (tmpdir))
    (def words ["acme" ;(account-words server folder) ;(http server) "--renew-within" "30"
                "a.example"])
    (def results (map end-of (seq [_ :range [0 2]] (start-in folder ;words))))
    (is= [[0 ""] [0 ""]] (tuple ;(map (fn [[status _ err]] [status err]) results)))
    (is= 1 (count |(= "" ($ 1)) results))
    (pair-of folder "a.example")))

(test "what is missing on the line ends with 2, and writes nothing"
  (def folder (tmpdir))
  (def url ["--directory" "https://localhost:1/dir"])
  (each [words part]
    [[[] "a NAME is needed"]
     [["a.example"] "--directory, the CA's URL; to try: https://acme-staging-v02.api.letsencrypt"]
     [["a.example" ;url "--http" "80"] "acme needs --agree"]
     [["a.example" ;url "--agree"] "acme needs one of --http, --tls-alpn and --dns-hook"]
     [["a.example" ;url "--agree" "--http" "80" "--tls-alpn" "443"] "acme needs one of"]
     [["a.example" ;url "--agree" "--http" "80" "--eab-kid" "1"] "need each other"]
     [["a.example" ;url "--agree" "--http" "99999"] "no port: 99999"]
     [["a.example" ;url "--agree" "--http" "80" "--account-key" "a.example.key"] "are one file"]
     [["a.example" ;url "--agree" "--http" "80" "--days" "3"] "acme takes no --days"]]
    (def [status out err] (jsec folder "acme" ;words))
    (is= [2 ""] [status out] err)
    (has err part)
    (is= [] (tuple ;(os/dir folder)))))

(end)

# Let's Encrypt's test server, with a DNS server in which every name is this machine.
(import ./check :as check)
(import ./peers :as peers)
(import jsec/lib/https :as https)
(import jsec/lib/json :as json)

(def programs ["pebble" "pebble-challtestsrv"])

# "some test key of at least 32 bytes!"
(def binding {:kid "kid-1" :key "c29tZSB0ZXN0IGtleSBvZiBhdCBsZWFzdCAzMiBieXRlcyEh"})

(defn- write-config [dir ports options]
  (def ca (peers/authority "Pebble's HTTPS"))
  (def paths (peers/saved dir "pebble" (peers/issue ca)))
  (spit (string dir "/trust.pem") (ca :cert))
  (def config
    {"pebble" (merge {"listenAddress" (string "127.0.0.1:" (ports :acme))
                      "managementListenAddress" (string "127.0.0.1:" (ports :management))
                      "certificate" (paths :cert) "privateKey" (paths :key)
                      "httpPort" (scan-number (ports :http)) "tlsPort" (scan-number (ports :tls))
                      "ocspResponderURL" ""
                      "externalAccountBindingRequired" true
                      "externalAccountMACKeys" {(binding :kid) (binding :key)}}
                     options)})
  (def file (string dir "/pebble.json"))
  (spit file (json/encode config))
  file)

(defn- get-text [{:dir dir} port path]
  (def answer (https/request "GET" (string "https://localhost:" port path)
                             {:tls {:ca-file (string dir "/trust.pem")}}))
  (answer :body))

(defn- dns-post [{:ports ports} path object]
  (def body (json/encode object))
  (with [s (check/plain-connect "127.0.0.1" (ports :control))]
    (ev/write s (string "POST " path " HTTP/1.0\r\nContent-Length: " (length body) "\r\n\r\n" body))
    (assert (string/find " 200 " (string (ev/read s :all))))))

(defn set-txt [server name value]
  (dns-post server "/set-txt" {:host (string name ".") :value value}))
(defn clear-txt [server name] (dns-post server "/clear-txt" {:host (string name ".")}))

(defn run
  ``Call `f` with a server: `:directory`, its URL; `:client`, options for it; `:root`, the CA of
  what it issues; `:ports`. `options` are of pebble's configuration.``
  [options f]
  (def dir (check/tmpdir))
  (def ports (tabseq [name :in [:acme :management :http :tls :dns :control]]
               name (peers/free-port)))
  (def config (write-config dir ports options))
  (def server @{:dir dir :ports ports
                :directory (string "https://localhost:" (ports :acme) "/dir")
                :client {:terms true :eab binding :tls {:ca-file (string dir "/trust.pem")}}})
  (os/setenv "PEBBLE_VA_NOSLEEP" "1")
  (os/setenv "PEBBLE_WFE_NONCEREJECT" "20")
  (defn local [port] (string "127.0.0.1:" port))
  (peers/with-child [dns "pebble-challtestsrv" "-management" (local (ports :control))
                     "-defaultIPv4" "127.0.0.1" "-defaultIPv6" "" "-dns01" (local (ports :dns))
                     "-http01" "" "-https01" "" "-tlsalpn01" ""]
    (peers/with-child [pebble "pebble" "-config" config "-dnsserver" (local (ports :dns))]
      (peers/until-up dns (ports :control))
      (peers/until-up pebble (ports :acme))
      (put server :root (get-text server (ports :management) "/roots/0"))
      (f server))))

(defmacro with-pebble
  "Run `body` with a server as `name`, see `run`."
  [[name options] & body]
  ~(,run ,options (fn [,name] ,;body)))

# An HTTPS client with spork's http: it follows redirects and reads chunked bodies. Without spork
# the example does nothing.
#   janet examples/https_client.janet https://example.org/  gets that page
#   janet examples/https_client.janet                       gets pages of a server of its own
(import jsec/cert)
(import jsec/tls)

(unless (first (protect (import* "spork/http" :as "http")))
  (print "spork is not installed: janet-pm install spork, or jpm install spork")
  (os/exit 0))

(defn absolute
  "The URL that a `Location` header names."
  [location url]
  (if (string/has-prefix? "/" location)
    (string (first (peg/match '(* '(* (thru "://") (to (+ "/" -1)))) url)) location)
    location))

(defn fetch
  ``GET a page, by way of at most `hops` redirects. `options` are those of tls/connect. A page over
  TLS is never left for one without.``
  [url &opt options hops]
  (default hops 5)
  (def answer (http/request "GET" url
                            :headers {"Connection" "close"}
                            :stream-factory tls/stream-factory
                            :stream-opts (merge (or options {})
                                                {:scheme (first (string/split ":" url))})))
  (def location (get-in answer [:headers "location"]))
  (if (and location (index-of (answer :status) [301 302 303 307 308]))
    (let [place (absolute location url)]
      (assert (pos? hops) "too many redirects")
      (assert (or (string/has-prefix? "https://" place) (string/has-prefix? "http://" url))
              (string "a redirect to a page without TLS: " place))
      (fetch place options (dec hops)))
    answer))

# ---- a server to try it on ----

(defn page [request]
  (case (request :path)
    "/old" {:status 301 :headers {"Location" "/new"} :body "it has moved\n"}
    "/new" {:status 200 :body ["in three " "chunks, " "over TLS\n"]}
    "/out" {:status 302 :headers {"Location" "http://localhost/"} :body ""}
    {:status 404 :body "no such page\n"}))

(defn demonstrate []
  (def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
  (def listener (tls/listen "127.0.0.1" 0))
  (ev/go (fn [] (tls/accept-loop listener own (fn [s] (http/server-handler s page)))))
  (def site (string "https://localhost:" ((net/localname listener) 1)))
  (def trust {:trusted-cert (own :cert)})
  (def {:status status :body body} (fetch (string site "/old") trust))
  (prin status ": " body)
  (each [path options] [["/out" trust] ["/new" {}]]
    (def [fine why] (protect (fetch (string site path) options)))
    (assert (not fine))
    (print path " is refused: " why))
  (ev/close listener))

(defn main [_ &opt url]
  (if url
    (let [{:status status :body body} (fetch url)] (print status "\n" body))
    (demonstrate)))

# A DTLS context takes other certificates while its server runs.
(import ../support/check :prefix "")
(import ../support/dtls :prefix "")
(import jsec/dtls)

(def [one two] [(issue "one") (issue "two")])

(defn- put-files [pair]
  (spit (string dir "/own.pem") (pair :cert))
  (spit (string dir "/own.key") (pair :key))
  {:cert (string dir "/own.pem") :key (string dir "/own.key")})

(defn- name-of [c] ((:peer-certificate c :data) :subject-text))
(defn- served-name [s] (with-client [c s plain] (echoes c) (name-of c)))

(test "dtls/reload: new peers get the new certificate, an open session goes on"
  (def ctx (dtls/new-context (put-files one)))
  (with-server [s ctx]
    (with-client [open s plain]
      (echoes open)
      (put-files two)
      (is= ctx (dtls/reload ctx))
      (is= "CN=two" (served-name s))
      (echoes open)
      (is= "CN=one" (name-of open)))))

(test "dtls/reload: a session from before is resumed"
  (def ctx (dtls/new-context (put-files one)))
  (with-server [s ctx]
    (def session (with-client [c s plain] (echoes c) (:get-session c)))
    (dtls/reload ctx (put-files two))
    (with-client [c s (merge plain {:session session})]
      (echoes c)
      (is= true (:session-reused? c)))))

(test "dtls/reload: what does not fit raises and changes nothing"
  (def own (put-files one))
  (def ctx (dtls/new-context own))
  (with-server [s ctx]
    (spit (own :key) (two :key))
    (fails-with "dtls/reload: :key does not belong to :cert" (dtls/reload ctx))
    (fails-with "it is a connection's" (dtls/reload ctx (merge served {:hostname "x"})))
    (is= "CN=one" (served-name s))))

(test "dtls/reload: a client's context takes another CA"
  (def ctx (dtls/new-context {:ca (self-signed :cert)}))
  (with-server [s (put-files one)]
    (fails-with "not trusted" (dtls/connect "127.0.0.1" (port-of s) ctx))
    (dtls/reload ctx plain)
    (with-client [c s ctx] (echoes c))))

(end)

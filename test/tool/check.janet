# jsec check and the JSON of the tool, on nine servers.
(import ../support/check :prefix "")
(import ../support/nine)
(import ../support/peers :prefix "")
(import ../../tools/schema)
(import jsec/cli/record)

(def dir (tmpdir))

(defn jsec [& words]
  (with-child [c (dyn *executable*) "bin/jsec" ;words]
    (feed c "")
    [(exit-status c) (string (c :out)) (string (c :err))]))

(defn- json
  "A line of JSON as a value; jsec has no parser, so python3 writes it as Janet."
  [text]
  (with-child [c "python3" "-c" ```
import json, sys
def out(v):
    if v is None: return ":null"
    if v is True or v is False: return str(v).lower()
    if isinstance(v, str): return json.dumps(v, ensure_ascii=False).replace("\\u", "\\u")
    if isinstance(v, list): return "[" + " ".join(map(out, v)) + "]"
    if isinstance(v, dict): return "{" + " ".join(out(k) + " " + out(x) for k, x in v.items()) + "}"
    return repr(v)
for line in sys.stdin: print(out(json.loads(line)))
```]
    (feed c text)
    (is= 0 (exit-status c) (described c))
    (map parse (string/split "\n" (string/trim (c :out))))))

# What each server gets: exit statuses of check and connect, the level of findings by id, and a part
# of connect's report.
(def verdicts
  {"good" [0 0 {"verification" "good" "chain" "good"} "verified     yes"]
   "expired" [3 3 {"verification" "bad" "validity" "bad" "chain" "note"} "has expired"]
   "incomplete" [3 3 {"verification" "bad" "chain" "warn"}
                 `the server must send its intermediate "CN=Test Intermediate`]
   "rsa-1024" [3 3 {"verification" "bad" "key" "bad"} "RSA of 1024 bits, at least 2048 wanted"]
   "tls-1.0" [3 1 {"verification" "good" "tls-1.0" "bad" "tls-1.2" "bad" "tls-1.3" "warn"}
              "the peer allows none of our protocol versions"]
   "wrong-host" [3 3 {"verification" "bad"} `wanted "localhost", certificate names "other.example"`]
   "sha-1" [3 3 {"verification" "bad" "signature" "bad"}
            "signed with ecdsa-with-SHA1, SHA-256 or better wanted"]
   "client-cert" [0 1 {"verification" "good" "client-certificate" "note"}
                  "jsec: the server requires a certificate: give --cert and --key"]
   "http" [1 1 {} "does not speak TLS"]})

(defn- levels [target] (from-pairs (map |[($ :id) ($ :level)] (target :findings))))
(defn- in-keywords [value]
  (cond
    (dictionary? value) (from-pairs (map (fn [[k v]] [(keyword k) (in-keywords v)]) (pairs value)))
    (indexed? value) (map in-keywords value)
    value))

(if-not (and (find-program "openssl") (find-program "python3"))
  (skip "nine servers" "openssl or python3 is missing")
  (nine/with-servers dir
    (fn [ports ca]
      (each [name what] nine/names
        (def [check-status connect-status expected part] (verdicts name))
        (def place (string "localhost:" (ports name)))

        (test (string "check of a server of which holds: " what) :deadline 60
          (def [status out err] (jsec "check" "--json" "--ca" ca place))
          (is= [check-status ""] [status err])
          (def [target] (json out))
          (schema/check "target" target)
          (def target (in-keywords target))
          (is= (= 0 check-status) (target :ok))
          (is= expected (struct ;(mapcat |[$ (get (levels target) $)] (keys expected))))
          (is= check-status (first (jsec "check" "--ca" ca place))))

        (test (string "connect to it: " name)
          (def [status out err] (jsec "connect" "-i" "--ca" ca place))
          (is= connect-status status err)
          (is (string/find part (string out err)) (string out err))
          (def [status out] (jsec "connect" "--json" "--ca" ca place))
          (is= connect-status status)
          (def [target] (json out))
          (schema/check "target" target)
          (is= (= 0 connect-status) (target "ok"))))

      (test "targets that fail have an entry each, with stage and reason"
        (def silent (net/listen "127.0.0.1" "0"))
        (def closed (string "127.0.0.1:" (free-port)))
        (def [status out]
          (jsec "check" "--json" "--timeout" "1" "nosuch.invalid" closed
                (string "127.0.0.1:" (port-of silent)) (string "https://localhost:" (ports "http"))
                (string "https://localhost:" (ports "good") "/path?query")))
        (:close silent)
        (is= 3 status)
        (def targets (json out))
        (is= 5 (length targets))
        (each target targets (schema/check "target" target))
        (is= ["resolve" "connect" "handshake" "handshake" :null]
             (tuple ;(map |(if (dictionary? ($ "failure")) (get-in $ ["failure" "stage"]) :null)
                          targets)))
        (is= (string "could not connect to " closed ": Connection refused")
             (get-in targets [1 "failure" "reason"])))

      (test "-k goes on and says what would have failed"
        (def place (string "localhost:" (ports "expired")))
        (def [status out] (jsec "connect" "-k" "-i" "--ca" ca place))
        (is= 0 status)
        (is (string/find "verified     NO: certificate verify failed: certificate has expired" out)
            out)
        (def [target] (json ((jsec "connect" "-k" "--json" "--ca" ca place) 1)))
        (is= [true false] [(target "ok") (get-in target ["verification" "ok"])]))

      (test "--suites lists suites and groups, in text and JSON, in seconds"
        (def place (string "localhost:" (ports "rsa-1024")))
        (def begun (os/clock :monotonic))
        (def [_ out] (jsec "check" "--suites" "--ca" ca place))
        (is (< (- (os/clock :monotonic) begun) (* 5 (scan-number (os/getenv "JSEC_SLOW" "1")))))
        (each part ["suites of TLS 1.3" "    ok    TLS_AES_128_GCM_SHA256" "suites of TLS 1.0"
                    "    warn  TLS_RSA_WITH_AES_128_CBC_SHA\n" "groups of TLS 1.3: " "secp256r1"]
          (is (string/find part out) (string part "\n" out)))
        (def [target] (json ((jsec "check" "--suites" "--json" "--ca" ca place) 1)))
        (schema/check "target" target)
        (is= ["TLS 1.3" "TLS 1.2" "TLS 1.1" "TLS 1.0"]
             (tuple ;(map |($ "version") (target "suites")))))

      (test "--showcerts shows what the server sent, and --save-chain writes it"
        (def place (string "localhost:" (ports "good")))
        (def file (string dir "/chain"))
        (def [status out]
          (jsec "connect" "-i" "--showcerts" "--save-chain" file "--ca" ca place))
        (is= 0 status)
        (is= (string (slurp (string dir "/good.crt"))) (string (slurp file)))
        (is (string/find (string/trim (slurp file)) out))))))

(test "a finding's id is one of the list in docs/tool.md"
  (def page (string (slurp "docs/tool.md")))
  (each [id] schema/finding-ids
    (is (string/find (string "| `" id "` |") page) id)))

(test "the schema's check finds a missing field, a field too many and a wrong type"
  (def good {"stage" :null "reason" "x"})
  (schema/check "failure" good)
  (each bad [{"reason" "x"} (merge good {"more" 1}) (merge good {"reason" 5}) "text"]
    (fails-with "failure" (schema/check "failure" bad))))

(peer-test "openssl" "cert verify judges certificates in files as openssl does"
  (defn verify [& words] (first (jsec "cert" "verify" ;words)))
  (def [ca good wrong expired incomplete]
    (map |(string dir "/" $ ".crt") ["ca" "good" "wrong" "expired" "incomplete"]))
  (defn openssl-verify [& words]
    (with-child [c "openssl" "verify" ;words] (exit-status c)))
  (each file [good wrong expired incomplete]
    (is= (zero? (openssl-verify "-CAfile" ca file)) (zero? (verify file "--ca" ca)) file)
    (each [option host] [["-verify_hostname" "localhost"] ["-verify_ip" "127.0.0.1"]
                         ["-verify_hostname" "other.example"]]
      (is= (zero? (openssl-verify option host "-CAfile" ca file))
           (zero? (verify file "--ca" ca "--host" host)) (string file " " host))))
  (is= 0 (verify good "--ca" ca "--host" "localhost"))
  (is= 3 (verify good "--host" "localhost") "the system's CAs did not issue it")
  (is= 3 (verify good expired "--ca" ca))
  (is= 1 (verify (string dir "/good.key") "--ca" ca))
  (def [_ out] (jsec "cert" "verify" "--json" incomplete "--ca" ca))
  (def [[result]] (json out))
  (is= false (result "ok"))
  (is (string/find "intermediate" (result "reason")))
  (each certificate (result "certificates") (schema/check "certificate" certificate))
  (def [_ out] (jsec "cert" "show" "--json" good))
  (def [[shown]] (json out))
  (is= ["certificate" good] [(shown "kind") (shown "file")])
  (schema/check "certificate"
                (from-pairs (filter |(not (index-of (first $) ["kind" "file"])) (pairs shown)))))

(peer-test "python3" "the JSON of cert list and of serve is that of the schema"
  (def folder (string dir "/listed"))
  (each words [["ca" folder] ["issue" "localhost" "--ca" folder "-o" (string folder "/server")]
               ["issue" "me@a.example" "--client" "--ca" folder "-o" (string folder "/me")]
               ["revoke" "me@a.example" "--ca" folder "--reason" "superseded"]
               ["crl" "--ca" folder]]
    (def [status _ err] (jsec "cert" ;words))
    (is= 0 status err))
  (def [issued] (json ((jsec "cert" "list" "--json" "--ca" folder) 1)))
  (is= 2 (length issued))
  (each entry issued (schema/check "issued" entry))
  (is= [["valid" :null] ["revoked" "superseded"]]
       (tuple ;(map |[($ "status") ($ "reason")] issued)))
  (def [[list]] (json ((jsec "cert" "show" "--json" (string folder "/ca.crl")) 1)))
  (each time [(list "this-update") (list "next-update") (get-in list ["revoked" 0 "time"])]
    (is ((record/types "time") time) time))
  (with-child [c (dyn *executable*) "bin/jsec" "serve" "0" "--json" "--once" "--client-ca"
               (string folder "/ca.pem") "--cert" (string folder "/server.pem") "--key"
               (string folder "/server.key")]
    (def [port] (await c :out '(* "127.0.0.1:" '(some :d))))
    (def place (string "localhost:" port))
    (def trust ["--ca" (string folder "/ca.pem")])
    (jsec "connect" "-q" ;trust place)
    (jsec "connect" "-q" ;trust "--cert" (string folder "/me.pem") "--key" (string folder "/me.key")
          place)
    (is= 0 (exit-status c) (described c))
    (def events (json (string (c :out))))
    (each event events (schema/check "event" event))
    (is= ["listening" "refused" "connection"] (tuple ;(take 3 (map |($ "event") events))))
    (is= 1 (length (get-in events [2 "certificates"])))))

(end)

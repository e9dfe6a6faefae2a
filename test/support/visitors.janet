# Clients of all kinds that visit a server, and leave it in their own ways: with close_notify,
# without, with a reset, in the middle of a handshake.
(import jsec/tls)
(import ./check)
(import ./peers)

(def- python ``
import ssl, sys, urllib.request
context = ssl._create_unverified_context()
urllib.request.urlopen(sys.argv[1], context=context, timeout=2).read()
``)

(def- node ``
const request = require("https").get(process.argv[1], {rejectUnauthorized: false, timeout: 2000},
                                     r => r.on("data", () => {}).on("end", () => process.exit()));
request.on("error", () => process.exit());
request.on("timeout", () => process.exit());
``)

(def- go ``
package main
import ("crypto/tls"; "io"; "net/http"; "os"; "time")
func main() {
  transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
  client := &http.Client{Transport: transport, Timeout: 2 * time.Second}
  answer, err := client.Get(os.Args[1])
  if err == nil { io.ReadAll(answer.Body); answer.Body.Close() }
}
``)

(defn- go-program []
  (def path (string (check/tmpdir) "/visit.go"))
  (spit path go)
  path)

(defn- programs
  "Commands by name; their first word is the program that they need."
  [url place]
  {"curl" ["curl" "-sk" "--max-time" "2" url]
   "wget" ["wget" "-q" "-T" "2" "-t" "1" "--no-check-certificate" "-O" "/dev/null" url]
   "urllib" ["python3" "-c" python url]
   "httpie" ["http" "--verify=no" "--timeout=2" "--ignore-stdin" url]
   "node" ["node" "-e" node url]
   "go" ["go" "run" (if (check/find-program "go") (go-program) "") url]
   "wrk" ["wrk" "-t1" "-c10" "-d1s" url]
   "s_client" ["sh" "-c" (string "echo hello | timeout 1 openssl s_client -quiet -connect " place)]
   "s_client that is killed"
   ["sh" "-c" (string "sleep 5 | timeout -s KILL 0.3 openssl s_client -quiet -connect " place)]
   "jsec check" [(string (os/cwd) "/bin/jsec") "check" place]})

(defn- by-hand
  "What the programs do not do."
  [host port]
  (defn plain [] (check/plain-connect host port))
  (defn client [] (tls/connect host port {:verify false :timeout 5 :close-timeout 0.1}))
  {"leaves at once" |(:close (plain))
   "resets at once" |(tls/abort (plain))
   "speaks HTTP" |(with [s (plain)] (:write s "GET / HTTP/1.0\r\n\r\n") (:read s :all))
   "half a hello" |(with [s (plain)] (:write s "\x16\x03\x01\x02\x00\x01"))
   "leaves after the handshake" |(:close (client))
   "truncates" |(let [s (client)] (:write s "x") (:shutdown s true))
   "closes by force" |(let [s (client)] (:write s "x") (:close s true))
   "aborts" |(let [s (client)] (:write s "x") (tls/abort s))
   "resets with data unread" |(let [s (client)]
                                (:write s "GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
                                (ev/sleep 0.1)
                                (:close s true))
   "does not trust it" |(tls/connect host port {:timeout 5})})

(defn- run [command]
  (def child (peers/start ;command))
  (defer (peers/stop child)
    (ev/close ((child :proc) :in))
    (peers/exit-status child)))

(defn noise
  "The lines of a server's standard error, but for those that begin with `own`, its own reports."
  [server &opt own]
  (filter |(not (or (empty? $) (and own (string/has-prefix? own $))))
          (string/split "\n" (server :err))))

(defn visit-all
  "Let all of them visit a server; what they got does not matter. Returns the names of those there."
  [host port]
  (def place (string host ":" port))
  (def present
    (filter |(check/find-program (first (last $)))
            (pairs (programs (string "https://" place "/") place))))
  (each [_ command] present (run command))
  (eachp [_ visit] (by-hand host port) (protect (visit)))
  (map first present))

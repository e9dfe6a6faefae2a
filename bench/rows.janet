# The contenders, and the rows that are measured.
(import ./harness :as harness)

(def- built harness/built)

(def contenders
  ``The others are compared with the first. Each contender is a line: its commands take MODE CERT
  KEY, or client PORT CA COUNT KIND (see bench/c/limit.c); `:needs` is a program without which it
  is skipped; `:modes` gives its own names of modes.``
  [{:name "limit" :modes {"reuse" "echo" "judged" "echo"} :tls [(string built "limit")]
    :dtls [(string built "dtls_limit")] :kinds ["context"]}
   {:name "jsec" :tls ["janet" "bench/peers/jsec.janet"]
    :dtls ["janet" "bench/peers/jsec_dtls.janet"] :kinds ["context" "content" "path"]}
   {:name "Go" :tls [(string built "go-peer")] :needs (string built "go-peer")
    :kinds ["context" "content"]}
   {:name "Node" :tls ["node" "bench/peers/node.js"] :needs "node" :kinds ["context" "content"]}
   {:name "Python" :tls ["python3" "bench/peers/asyncio_peer.py"] :needs "python3"
    :kinds ["context" "content"]}])

(defn- per-unit [key scale] (fn [found] (/ (found key) (found :units) scale)))
(def- microseconds (per-unit :cpu 1e3))

(defn- wishes [service] (if (= service :dtls) ["datagrams=1"] []))

(defn- serving
  "A row whose figure is a server's CPU time for each unit of work."
  [name target mode work &named service scale unit only]
  (default service :tls)
  {:name name
   :only only
   :service service
   :mode mode
   :measure (fn [server] (harness/load server ;work ;(wishes service)))
   :figures [{:name name :target target :unit (or unit "µs")
              :take (per-unit :cpu (or scale 1e3))}]})

(defn- bulk [name target mode size]
  (serving name target mode [mode 600e6 (string "size=" size)] :unit "ns/byte" :scale size))

(defn- visiting [name target count kind]
  {:name name
   :client kind
   :measure (fn [command server] (harness/client command server count kind))
   :figures [{:name name :target target :unit "µs" :take microseconds}]})

(defn- waits
  "The time of an answer while all connections are held, one message at a time."
  [what]
  [{:name (string what ", wait for it: median") :unit "µs" :take (fn [found] (/ (found :p50) 1e3))}
   {:name (string what ", wait for it: 99 %") :unit "µs" :take (fn [found] (/ (found :p99) 1e3))}])

(defn- memory
  "A row of connections that are fresh, and of those that had a message echoed."
  [service size idle used echo]
  {:name (idle :name)
   :service service
   :mode "echo"
   :fresh true # what was used before is not given back
   :measure (fn [server] (harness/load server "hold" 2000 (string "size=" size) ;(wishes service)))
   :figures [(merge idle {:unit "KB" :take (per-unit :idle 1)})
             (merge used {:unit "KB" :take (per-unit :used 1)})
             ;(waits echo)]})

(def- climb
  {:name "climb"
   :service :tls
   :mode "echo"
   :fresh true
   :rounds 3
   :only ["limit" "jsec"]
   :measure (fn [server] (harness/load server "climb" 10000))
   :figures [{:name "the 2nd thousand of 10,000 connections, each" :unit "µs"
              :take (per-unit :first 1e3)}
             {:name "the 10th thousand of 10,000 connections, each" :unit "µs"
              :take (per-unit :last 1e3)}
             {:name "memory of each of 10,000" :unit "KB" :take (per-unit :held 1)}
             ;(waits "echo of 64 bytes beside 10,000")]})

(defn- workers [count]
  {:name (string count " on two cores")
   :service :tls
   :mode "echo"
   :core "-"
   :extra [(string count)]
   :only ["jsec"]
   :measure (fn [server] (harness/load server "full" 1500))
   :figures [{:name (string "full handshake, " count (if (= count 1) " worker" " workers"))
              :target (if (= count 2) "1.05 of one") :unit "µs" :take microseconds}]})

(def- beginning
  {:name "import and first verified connection"
   :client "context"
   :measure (fn [command server]
              (harness/cost [;command "client" (server :port) (harness/identity :ca) 1 "context"]))
   :figures [{:name "import and first verified connection" :target "10 ms" :unit "ms"
              :take (per-unit :cpu 1e6)}]})

(def rows
  [(serving "full handshake" 1.03 "echo" ["full" 1500])
   (serving "resumed handshake" 1.03 "echo" ["resumed" 2500])
   (serving "full handshake, with :on-hello" nil "judged" ["full" 1500] :only ["limit" "jsec"])
   (serving "echo of 64 bytes, 64 connections" 1.08 "echo" ["echo" 60000])
   (serving "echo of 64 bytes, 512 connections" 1.10 "echo" ["echo" 60000 "connections=512"])
   (serving "echo of 64 bytes, 64 beside 4,000 idle" 1.08 "echo" ["echo" 60000 "idle=4000"])
   (bulk "bulk in, writes of 16 KB" "0.40 ns" "sink" 16384)
   (bulk "bulk out, writes of 256 KB" "0.34 ns" "source" 262144)
   (serving "echo of 16 KB" 1.00 "echo" ["echo" 15000 "size=16384"])
   # Janet's part of it: without a new buffer, and garbage, for each message
   (serving "echo of 16 KB, read into the same buffer" nil "reuse" ["echo" 15000 "size=16384"] :only
            ["limit" "jsec"])
   (serving "DTLS echo of 64 bytes, 64 peers" 1.08 "echo" ["echo" 60000] :service :dtls)
   (serving "DTLS echo of 64 bytes, 512 peers" 1.10 "echo" ["echo" 60000 "connections=512"] :service
            :dtls)
   (memory :tls 16384 {:name "memory of an idle connection" :target "18 KB"}
           {:name "memory after an exchange of 16 KB" :target "20 KB"} "echo of 16 KB beside 2,000")
   (serving "DTLS echo of 64 bytes, 2,000 peers" 1.10 "echo" ["echo" 60000 "connections=2000"]
            :service :dtls)
   # Janet's part of it: without DTLS, and on Janet's own functions
   (serving "UDP echo of 64 bytes, 64 peers, plain" nil "plain" ["echo" 60000 "plain=1"] :service
            :dtls)
   (serving "DTLS echo of 1 KB, 512 peers" 1.10 "echo" ["echo" 60000 "connections=512" "size=1024"]
            :service :dtls)
   (memory :dtls 1000 {:name "memory of an idle DTLS peer"}
           {:name "memory of a DTLS peer after 1,000 bytes"}
           "DTLS echo of 1,000 bytes beside 2,000")
   (visiting "client, reused context" 0.75 500 "context")
   (visiting "client, options each time" "1.05 of reused" 500 "content")
   (visiting "client, options with paths" "1.05 of reused" 500 "path")
   beginning
   climb
   (workers 1)
   (workers 2)])

(def quick "Rows that matter while working."
  ["full handshake" "echo of 64 bytes, 64 connections" "bulk in, writes of 16 KB"])

# The first servers that README and guide show survive every client, and print no stack trace.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import ../support/blocks)
(import ../support/visitors)
(import jsec/tls)

(def dir (tmpdir))
(let [made (issue (authority "Test CA"))]
  (spit (string dir "/localhost.pem") (made :cert))
  (spit (string dir "/localhost.key") (made :key)))

(defn program-of
  "The program of that name on a page, on another port."
  [page name port]
  (def texts (mapcat |(map last (last $)) (blocks/sections (string (slurp page)))))
  (def text (find |(string/has-prefix? (string "# " name "\n") $) texts))
  (string (peg/replace '(* "84" :d :d) (string port) text)))

(defn echoes? [port]
  (with [s (tls/connect "127.0.0.1" port {:verify false :timeout 5})]
    (:write s "hello")
    (= "hello" (string (:chunk s 5)))))

(each [page own] [["README.md" nil] ["docs/guide.md" "client: "]]
  (test (string page ": the first server survives every client, without a stack trace")
    :deadline 120
    (def port (free-port))
    (spit (string dir "/server.janet") (program-of page "server.janet" port))
    (with-child [server "sh" "-c" (string "cd " dir " && exec " (dyn *executable*) " server.janet")]
      (until-up server port)
      (def visited (visitors/visit-all "127.0.0.1" port))
      (is (index-of "s_client" visited))
      (is (echoes? port))
      (is= nil (server :status))
      (is= @[] (visitors/noise server own)))))

(end)

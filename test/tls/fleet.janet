# Sessions across processes, and with other implementations.
(import ../support/check :prefix "")
(import ../support/peers :as peers)
(import jsec/cert)
(import jsec/crypto)
(import jsec/tls)

(def dir (tmpdir))
(defn- at [name] (string dir "/" name))
(spit (at "ticket.key") (crypto/random-bytes 80))

(def one (cert/generate-self-signed-cert {:common-name "a.example" :key-type :ec-p256}))
(def two (cert/generate-self-signed-cert {:common-name "a.example" :key-type :rsa}))
(def trust (string (one :cert) (two :cert)))
(eachp [name made] {"one" one "two" two}
  (spit (at (string name ".pem")) (made :cert))
  (spit (at (string name ".key")) (made :key)))

(defn- server-process
  "A process of its own that serves an identity with the fleet's ticket key; gives [process port]."
  [name]
  (def text
    (string/format
      ``(import jsec/tls)
        (def listener (tls/listen "127.0.0.1" "0"))
        (print (in (net/localname listener) 1))
        (flush)
        (tls/accept-loop listener {:cert %q :key %q :ticket-keys %q}
          (fn [s] (with [_ s] (while (def data (:read s 100)) (:write s data)))))``
      (at (string name ".pem")) (at (string name ".key")) (at "ticket.key")))
  (def process (os/spawn ["janet" "-e" text] :p {:in :pipe :out :pipe}))
  (def said @"")
  (while (not (string/find "\n" said))
    (unless (ev/read (process :out) 100 said) (error "the server said nothing")))
  [process (string/trim said)])

(defmacro- with-fleet [names ports & body]
  (with-syms [processes]
    ~(let [,processes (map ,server-process ,names)
           ,ports (map |(in $ 1) ,processes)]
       (defer (each [process] ,processes (os/proc-kill process true))
         ,;body))))

(defn- visit [port opts]
  (with [s (tls/connect "127.0.0.1" port (merge {:hostname "a.example" :trusted-cert trust} opts))]
    (:write s "hello")
    (is= @"hello" (:chunk s 5))
    [(:session-reused? s) (:get-session s)]))

(each version [:TLS1_2 :TLS1_3]
  (test (string
          version
          ": a session of one process is resumed by another, with the same and with another "
          "certificate")
    (with-fleet ["one" "one" "two"] ports
      (def opts {:security {:max-version version}})
      (def [reused session] (visit (ports 0) opts))
      (is= false reused)
      (each port ports (is= true (first (visit port (merge opts {:session session}))) port)))))

(defn- output
  "What a program says on standard output, given nothing to read."
  [& words]
  (def process (os/spawn words :p {:in :pipe :out :pipe :err :pipe}))
  (ev/close (process :in))
  (def said (ev/read (process :out) :all))
  (ev/read (process :err) :all)
  (os/proc-wait process)
  (string said))

(each version ["-tls1_2" "-tls1_3"]
  (peer-test "openssl" (string "openssl s_client " version
                               " resumes its session at another of our processes")
    (with-fleet ["one" "two"] ports
      (def file (at "openssl.session"))
      # s_client goes on until it reads a Q, which may not come before the ticket
      (defn ask [port before & words]
        (output "sh" "-c" (string "(" before " echo Q) | openssl s_client " version
                                  " -connect 127.0.0.1:" port
                                  " -servername a.example " (string/join words " "))))
      (def ticket
        (string "for i in $(seq 600); do if [ -s " file " ]; then break; fi; sleep 0.05; done;"))
      (is (string/find "New, TLS" (ask (ports 0) ticket "-sess_out" file)))
      (is (string/find "Reused, TLS" (ask (ports 1) "" "-sess_in" file)))
      (os/rm file)))

  (peer-test "openssl" (string "we resume a session with openssl s_server " version)
    (def port (peers/free-port))
    (def server (os/spawn ["openssl" "s_server" version "-accept" (string "127.0.0.1:" port) "-cert"
                           (at "one.pem")
                           "-key" (at "one.key") "-rev" "-quiet"] :p
                          {:in :pipe :out :pipe :err :pipe}))
    (defer (os/proc-kill server true)
      (defn reversed [opts]
        (with [s (tls/connect "127.0.0.1" port
                              (merge {:hostname "a.example" :trusted-cert trust} opts))]
          (:write s "abc\n")
          (is= @"cba\n" (:chunk s 4))
          [(:session-reused? s) (:get-session s)]))
      (var first-visit nil)
      (for i 0 100
        (def [up result] (protect (reversed {})))
        (when up (set first-visit result) (break))
        (unless (string/find "refused" result) (error result))
        (ev/sleep 0.05))
      (def [reused session] first-visit)
      (is= false reused)
      (is= true (first (reversed {:session session}))))))

(end)

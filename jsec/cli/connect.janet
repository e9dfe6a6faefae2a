# jsec connect: reports on a server, then bridges the connection to standard input and output.
(import ./args)
(import ./connection)
(import ./files)
(import ./show)

(def command
  {:name "connect"
   :usage "HOST[:PORT]"
   :summary "report on a TLS server, then bridge the connection to standard input and output"
   :text ``
Connects (port 443 by default; unix:PATH for a unix socket), makes the handshake and reports to
standard error: the address, the verification, protocol, cipher suite, group, ALPN, times, and the
certificates that the server sent. Then it copies standard input to the server and the server's data
to standard output, until both have ended.

If the certificate does not verify, no data is sent: jsec reports the certificates, from a second
connection, and the exit status is 3.
``
   :options [{:name "hostname" :value "NAME"
              :doc "name to ask for (SNI) and to verify, in place of HOST"}
             ;connection/options
             {:name "insecure" :short "k" :doc "don't verify: an attacker may be the server"}
             {:name "starttls" :value "PROTOCOL" :kind connection/starttls-names
              :doc "begin in plaintext, then upgrade to TLS"}
             {:name "session" :value "FILE"
              :doc "resume the session in FILE, if it exists, and write the new session to it"}
             {:name "keylog" :value "FILE"
              :doc "append the connection's secrets to FILE, for Wireshark"}
             {:name "info" :short "i" :doc "report to standard output, without the bridge"}
             {:name "quiet" :short "q" :doc "bridge without a report"}]
   :examples [["jsec connect example.org" "report on example.org, port 443"]
              ["printf 'GET / HTTP/1.0\\r\\n\\r\\n' | jsec connect -q localhost:8443 --ca ca.pem"
               "a request over TLS"]
              ["jsec connect --info --json --starttls smtp mail.example.org:25"
               "a mail server's certificate as JSON"]]})

# ---- the bridge ----

(defn- send-input
  "Copy standard input to the stream; send close_notify at its end."
  [stream]
  (def input (os/open "/dev/stdin" :r))
  (def chunk @"")
  (while (:read input 16384 (buffer/clear chunk)) (:write stream chunk))
  (:shutdown stream :w))

(defn- bridge [stream]
  (def [out done] [(dyn :out stdout) (ev/chan 2)])
  (def sender (ev/go (fn [] (send-input stream)) nil done))
  (def chunk @"")
  (while (:read stream 65536 (buffer/clear chunk))
    (file/write stdout chunk)
    (file/flush stdout))
  # the server has ended: further input has no receiver
  (when (pos? (ev/count done))
    (def [outcome fiber] (ev/take done))
    (if (= :error outcome) (propagate (fiber/last-value fiber) fiber)))
  (ev/cancel sender "the server has ended"))

# ---- the command ----

(defn- load-session [path]
  (if (and path (os/stat path)) {:session (slurp path)} {}))

(defn- save-session
  "Write the session to a file that only its owner can read."
  [path stream]
  (if-let [session (connection/await-session stream)]
    (files/write-secret path session)
    (eprint "jsec: the server gave no session to resume")))

(defn- report [given found trouble]
  (cond
    (given :quiet) nil
    (given :json) (show/print-json (if trouble (merge found {:verify-error trouble}) found))
    (connection/show-facts found trouble)))

(defn- look-without-trust
  "Facts about a server whose certificate did not verify."
  [place options given seconds]
  (def [stream connect handshake]
    (connection/open place (merge options {:verify false :session nil}) (given :starttls) seconds))
  (defer (:close stream true) (connection/facts place stream connect handshake)))

(defn- is-verification? [err] (and (bytes? err) (string/find "certificate verify failed" err)))

(defn run [given]
  (def [text & more] (given :words))
  (if (or (nil? text) (next more)) (args/usage-error "one HOST:PORT is needed"))
  (def place (args/target text "443"))
  (def seconds (get given :timeout 15))
  (def options (merge (connection/tls-options given) (load-session (given :session))
                      {:hostname (given :hostname) :keylog (given :keylog)
                       :verify (not (given :insecure))}))
  (def only-report (or (given :info) (given :json)))
  (setdyn :out (if only-report stdout stderr))
  (def [fine result]
    (protect (show/progress "connecting"
                            |(connection/open place options (given :starttls) seconds))))
  (cond
    fine (let [[stream connect handshake] result]
           (report given (connection/facts place stream connect handshake) nil)
           (unless only-report (bridge stream))
           (if-let [path (given :session)] (save-session path stream))
           (:close stream)
           0)
    (is-verification? result) (do
                                (report given (look-without-trust place options given seconds)
                                        result)
                                (eprint "jsec: " (show/plain result))
                                3)
    (error result)))

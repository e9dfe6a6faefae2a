# jsec connect: reports on a server, then bridges the connection to standard input and output.
(import ./args)
(import ./connection)
(import ./dial)
(import ./lazy)
(import ./show)

(def command
  {:name "connect"
   :usage "HOST[:PORT] | URL"
   :summary "report on a TLS server, then bridge the connection to standard input and output"
   :text ``
Connects (port 443 or that of the URL's scheme by default; unix:PATH for a unix socket), makes the
handshake and reports to standard error: the address, the verification, protocol, cipher suite,
group, ALPN, times, and the certificates that the server sent. Then it copies standard input to the
server and the server's data to standard output, until both have ended.

If the certificate does not verify, no data is sent: jsec reports the certificates, from a second
connection, and the exit status is 3. With --insecure the report says what failed, and data is sent
over the second connection.
``
   :options [{:name "hostname" :value "NAME"
              :doc "name to ask for (SNI) and to verify, in place of HOST"}
             ;connection/options
             {:name "insecure" :short "k"
              :doc "go on if the certificate does not verify: an attacker may be the server"}
             {:name "starttls" :value "PROTOCOL" :kind dial/starttls-names
              :doc "begin in plaintext, then upgrade to TLS"}
             {:name "dtls" :doc "DTLS over UDP; each read of standard input is a datagram"}
             {:name "showcerts" :doc "show the certificates themselves (PEM) in the report"}
             {:name "save-chain" :value "FILE"
              :doc "write the certificates that the server sent to FILE (PEM)"}
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

(defn- skip [stream n]
  (when (pos? n)
    (if-let [bytes (:read stream (min n 65536))] (skip stream (- n (length bytes))))))

(defn- open-input
  ``Standard input as a stream. Opening it anew starts a file at its beginning, so what other
  commands have read of it is skipped.``
  []
  (def [is-file place] (protect (file/tell stdin)))
  (def input (os/open "/dev/stdin" :r))
  (if is-file (skip input place))
  input)

(defn- send-input
  "Copy standard input to the stream; send close_notify at its end."
  [stream]
  (def input (open-input))
  (def chunk @"")
  (while (:read input 16384 (buffer/clear chunk)) (:write stream chunk))
  (if (= "TLS" (string/slice (:version stream) 0 3)) (:shutdown stream :w)))

(defn- raise-if-failed [[outcome fiber]]
  (if (= :error outcome) (propagate (fiber/last-value fiber) fiber)))

(defn- copy-output
  "Copy the server's data to standard output until it ends, or `done?`."
  [stream seconds done?]
  (def chunk @"")
  (forever
    (def [fine got] (protect (:read stream 65536 (buffer/clear chunk) seconds)))
    (cond
      fine (if got (do (file/write stdout chunk) (file/flush stdout)) (break))
      (not= "timeout" got) (error got)
      (done?) (break))))

(defn- bridge
  ``Copy in both directions. Datagrams have no end: of DTLS, a second without one ends the bridge
  after the end of standard input.``
  [stream datagrams]
  (def done (ev/chan 2))
  (def sender (ev/go (fn [] (send-input stream)) nil done))
  (copy-output stream (if datagrams 1) |(pos? (ev/count done)))
  # the server has ended: further input has no receiver
  (if (pos? (ev/count done)) (raise-if-failed (ev/take done)))
  (ev/cancel sender "the server has ended"))

(defn- announce-bridge []
  (if (os/isatty stdin)
    (eprint "connected: what you type goes to the server; Ctrl-D ends the input, Ctrl-C all")))

# ---- the command ----

(def- write-all (lazy/function "files" 'write-all))
(def- write-secret (lazy/function "files" 'write-secret))
(def- record-target (lazy/function "record" 'target))

(defn- load-session [path]
  (if (and path (os/stat path)) {:session (slurp path)} {}))

(defn- save-session
  "Write the session to a file that only its owner can read."
  [path stream]
  (if-let [session (connection/await-session stream)]
    (write-secret path session)
    (eprint "jsec: the server gave no session to resume")))

(defn- site-of [given text]
  (if (and (given :dtls) (given :starttls))
    (args/usage-error "--dtls and --starttls exclude each other"))
  (def place (args/target text "443"))
  {:place place
   :name (get given :hostname (if (= :unix (first place)) "localhost" (first place)))
   :starttls (given :starttls) :seconds (get given :timeout 15) :dtls (given :dtls)})

(defn- connect
  ``{:stream :facts} of a connection, or {:failure}. If the certificate does not verify, :failure
  goes with the facts of a second connection, made without verification, and its :stream.``
  [site options]
  (defn attempt [options]
    (def [stream connect handshake] (connection/open site options))
    [stream (connection/facts (site :place) stream connect handshake)])
  (def [fine result] (protect (attempt options)))
  (if fine
    {:stream (result 0) :facts (result 1)}
    (let [failure (show/failure result)
          [fine result] (if (= :verification (failure :stage))
                          (protect (attempt (merge options {:verify false :session nil})))
                          [false nil])]
      (if fine
        (let [[stream facts] result]
          {:stream stream :facts facts
           :failure (merge failure
                           {:text (connection/diagnosis (failure :text) (facts :chain))})})
        {:failure failure}))))

(defn- with-requirement
  ``A connection that is only reported on, to a server that asked for a certificate and got none: is
  one required? If so, that is a failure.``
  [given found]
  (def {:facts facts :stream stream :failure failure} found)
  (def asked (and (or (given :info) (given :json)) facts (facts :request) (nil? (given :cert))))
  (def required (if (and asked stream) (connection/requires-certificate? stream)))
  (if-not asked
    found
    (merge found
           {:facts (merge facts {:request (merge (facts :request) {:required required})})
            :failure (or failure
                         (if required
                           {:stage :handshake
                            :text "the server requires a certificate: give --cert and --key"}))})))

(defn- report [given site {:facts facts :failure failure}]
  (def trouble (if (= :verification (get failure :stage)) (failure :text)))
  (cond
    (given :json) (show/print-json
                    (record-target (site :place) facts
                                   {:asked (not (given :insecure)) :trouble trouble
                                    :failure (unless (and trouble facts (given :insecure)) failure)
                                    :with-pem (given :showcerts)}))
    (and facts (not (given :quiet))) (connection/show-facts facts trouble (given :showcerts))))

(defn- save-chain [path facts]
  (write-all [[path (string/join (map |($ :pem) (facts :chain)))]] true))

(defn- use-connection [given {:stream stream :facts facts}]
  (unless (or (given :info) (given :json))
    (unless (given :quiet) (announce-bridge))
    (bridge stream (given :dtls)))
  (if-let [path (given :session)] (save-session path stream))
  (:close stream)
  0)

(defn- say-unverified
  "The error of a server that is not verified; a report on standard error has the reason already."
  [given failure]
  (def reported (not (or (given :info) (given :json) (given :quiet))))
  (eprint "jsec: "
          (if reported "the server is not verified: nothing was sent"
            (show/clean (failure :text)))))

(defn run [given]
  (def [text & more] (given :words))
  (if (or (nil? text) (next more)) (args/usage-error "one HOST:PORT is needed"))
  (def site (site-of given text))
  (def options
    (merge (connection/tls-options given) (load-session (given :session))
           {:hostname (given :hostname) :keylog (given :keylog)}))
  (setdyn :out (if (or (given :info) (given :json)) stdout stderr))
  (def found (show/progress "connecting" |(with-requirement given (connect site options))))
  (def {:failure failure :facts facts :stream stream} found)
  (report given site found)
  (if-let [path (and facts (given :save-chain))] (save-chain path facts))
  (cond
    (and failure (or (nil? facts) (not= :verification (failure :stage))))
    (if (given :json) 1 (error failure))
    (and failure (not (given :insecure))) (do
                                            (:close stream true)
                                            (say-unverified given failure)
                                            3)
    (use-connection given found)))

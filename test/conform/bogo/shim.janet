#!/usr/bin/env janet
# What BoringSSL's test runner (ssl/test/runner) runs for each of its tests: a client or a server of
# jsec, as the flags ask for, that connects to the runner's port, makes the handshake, gives back
# each byte it reads with all bits turned over, and closes. It exits with 0 if all went as the flags
# say, and with 89 where jsec has no such thing.
(import ./flags)
(import ./datagrams)
(import jsec/cert)
(import jsec/tls)
(import jsec/crypto)

(def- ticket-keys [(crypto/random-bytes 80)])

(defn- fail [& words] (error (string ;words)))

# ---- what was negotiated ----

(defn- expect [what wanted found]
  (unless (= wanted found) (fail what ": wanted " (describe wanted) ", found " (describe found))))

(def- version-names
  {:TLS1_0 "TLSv1" :TLS1_1 "TLSv1.1" :TLS1_2 "TLSv1.2" :TLS1_3 "TLSv1.3" :DTLS1_0 "DTLSv1"
   :DTLS1_2 "DTLSv1.2"})
# connection-info has OpenSSL's names
(def- group-names {"P-256" "secp256r1" "P-384" "secp384r1" "P-521" "secp521r1" "X25519" "x25519"})

(defn- check-info [config resumed info]
  (expect "session reused" (and resumed (not (config :session-miss))) (info :session-reused))
  (if-let [version (config :expect-version)]
    (expect "version" (version-names version) (info :version)))
  (if-let [name (config :expect-server-name)] (expect "server name" name (info :server-name)))
  (if-let [group (config :expect-group)] (expect "group" (group-names group) (info :group)))
  # a resumed session has none, where BoringSSL tells of the first handshake's
  (if-let [signature (config :expect-signature)]
    (unless resumed (expect "signature" signature (info :signature-algorithm))))
  (if-let [path (config :expect-certificate)]
    (expect "peer certificate" ((cert/parse (slurp path)) :sha256)
            (get-in info [:peer-certificate :sha256])))
  (if-let [protocol (config :expect-alpn)]
    (unless (config :server) (expect "ALPN" protocol (info :alpn)))))

# ---- a connection ----

(defn- inverted [bytes] (buffer (string/from-bytes ;(map |(bxor 0xff $) bytes))))

(def- record-sizes [0 1 255 256 257 16383 16384 16385 32767 32768 32769])

(defn- echo
  "Give back what is read, until the other side ends."
  [config stream]
  (while (def bytes (:read stream (or (config :read-size) (if (config :dtls) 16384 512))))
    (if (config :key-update) (:key-update stream))
    (:write stream (inverted bytes))))

(defn- finish [config stream]
  (when (config :check-close-notify)
    (:shutdown stream :w)
    (if (:read stream 1) (fail "data after the end")))
  (:close stream))

(defn- talk [config stream]
  (if (config :writes-first) (:write stream "hello"))
  (cond
    (config :record-sizes) (each size record-sizes (:write stream (string/repeat "B" size)))
    (not (config :shuts-down)) (echo config stream))
  (finish config stream))

(defn- handshake [config resumed stream]
  (unless (config :implicit-handshake)
    (:handshake stream)
    (check-info config resumed (:connection-info stream))))

(defn- shared-options [config]
  (merge (flags/options-of config) (if (config :server) {:ticket-keys ticket-keys} {})))

(defn- client-options
  "Options of a client that offers `session`, and keeps the last one it is given in `sessions`."
  [config session sessions]
  (merge {:on-session |(array/push sessions $)}
         (if session {:session session} {})
         {:hostname (or (config :host-name) "a.example")}))

(def- contexts @{})

(defn- context-of
  ``A context for a server's options, the same one for the same: clients without tickets resume by
  it.``
  [options]
  (def key (freeze options))
  (or (contexts key) (put contexts key (tls/new-context options)))
  (contexts key))

(defn- connect-tcp [config resumed session]
  (def sessions @[])
  (def transport (net/connect "::1" (config :port)))
  (def shared (shared-options config))
  (def options
    (if (config :server)
      {:context (context-of shared)}
      (merge shared (client-options config session sessions))))
  (def stream (tls/wrap transport (merge options {:handshake false})))
  (handshake config resumed stream)
  (talk config stream)
  (last sessions))

(defn- connect [config resumed session]
  (if (config :dtls)
    (datagrams/connect config resumed session
                       {:options shared-options :client-options client-options :check check-info
                        :talk talk
                        :handshake handshake :inverted inverted})
    (connect-tcp config resumed session)))

(defn- run [configs]
  (def {:initial initial :resume resume} configs)
  (var session (connect initial false nil))
  (repeat (initial :resume-count)
    (unless (or session (initial :server)) (fail "no session to offer"))
    (set session (connect resume true session))))

(defn main [_ & args]
  (when (= args ["-is-handshaker-supported"])
    (print "No")
    (os/exit 0))
  (try
    (run (flags/read-flags args))
    ([err fib]
      (if (= err :unimplemented) (os/exit 89))
      (eprint err)
      (if (os/getenv "JSEC_BOGO_TRACE") (debug/stacktrace fib err ""))
      (eprint "--- DONE ---")
      (os/exit 1)))
  (os/exit 0))

# Reaching a server: its address, a connection in plaintext, STARTTLS. Failures name their stage.
(import ../tls)
(import ./lazy)
(import ./show)

(def starttls-names
  "The protocols that can go over to TLS."
  ["ftp" "imap" "ldap" "mysql" "nntp" "pop3" "postgres" "sieve" "smtp" "xmpp"])

(def- talk (lazy/function "starttls" 'talk))

(defn name-of
  "A place [host port] as text."
  [[host port]]
  (cond
    (= :unix host) (string "unix:" port)
    (string/find ":" host) (string "[" host "]:" port)
    (string host ":" port)))

(defn- addresses-of
  "The IP addresses of a place."
  [[host port]]
  (def [fine found]
    (protect (map |(first (net/address-unpack $)) (net/address host port :stream true))))
  (if (and fine (not= :unix host)) (distinct found) []))

(defn- in-brackets
  "The addresses of a place, unless its host is one."
  [place]
  (def all (addresses-of place))
  (if (or (empty? all) (= (first place) (first all)))
    ""
    (string " (" (string/join all ", ") ")")))

(defn timeout?
  "Is it the error of a call that took too long?"
  [err]
  (truthy? (index-of err ["timeout" "deadline expired"])))

(defn in-words
  "The reason in an error; `seconds` is the time that the call had."
  [err seconds]
  (if (timeout? err)
    (string "no answer within " (show/plural seconds "second"))
    ((show/failure err) :text)))

(defn not-reached
  "Raise why there is no connection to a place."
  [place err seconds]
  (def text (in-words err seconds))
  (if (string/find "could not resolve" text)
    (show/failed :resolve text)
    (show/failed :connect "could not connect to " (name-of place) (in-brackets place) ": " text)))

(defn reach
  "The address [IP port] of a place that takes a connection. Raises if there is none."
  [place seconds]
  (try
    (do
      (def stream (tls/connect ;place {:handshake false :verify false :timeout seconds}))
      (defer (:close stream true)
        (if (= :unix (first place))
          place
          (let [[host port] (:peername stream)] [host (string port)]))))
    ([err] (not-reached place err seconds))))

(def- connecting @{:count 0})

(defn- connect
  ``Core's net/connect, with no collection meanwhile: in Janet 1.42 the collector finishes a
  connection that it comes upon.``
  [host port]
  (if (zero? (connecting :count)) (put connecting :interval (gcinterval)))
  (update connecting :count inc)
  (gcsetinterval 0xffffffffffff)
  (defer (if (zero? ((update connecting :count dec) :count)) (gcsetinterval (connecting :interval)))
    (net/connect host port)))

(defn- connect-to-any
  "A plain stream to the first address of a place that takes a connection."
  [[host port] seconds]
  (def hosts (if (= :unix host) [host] (addresses-of [host port])))
  (var stream nil)
  (var err nil)
  (each host (if (empty? hosts) [host] hosts)
    (def [fine result] (protect (ev/with-deadline seconds (connect host port))))
    (if fine (set stream result) (set err result))
    (if fine (break)))
  (or stream (error err)))

(defn before-tls
  ``A plain stream to a place, at the point where TLS begins; `protocol` is one of STARTTLS, or nil,
  and `host` is the server's name in it.``
  [place protocol host seconds]
  (def stream (try (connect-to-any place seconds) ([err] (not-reached place err seconds))))
  (try
    (if protocol (ev/with-deadline seconds (talk protocol stream host)))
    ([err] (:close stream) (show/failed :starttls protocol ": " (in-words err seconds))))
  stream)

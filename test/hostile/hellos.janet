# Old and malformed hellos, as raw bytes: SSLv2 to TLS 1.1, compression, records
# that are too large or empty, and fallbacks. A server refuses them with the alert that the protocol
# has for it, tells why, and serves on; a client does the same with what a server says.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/tls)

(def slowness (scan-number (os/getenv "JSEC_SLOW" "1")))
(def ca (authority "Test CA"))
(def identity (issue ca))
(def trust {:ca-file (ca :cert)})

# ---- making hellos ----

(defn u16 [n] (string/from-bytes (div n 256) (% n 256)))
(defn u24 [n] (string/from-bytes (div n 65536) (% (div n 256) 256) (% n 256)))
(defn record [kind version body]
  (string (string/from-bytes kind) (u16 version) (u16 (length body)) body))
(defn message [kind body] (string (string/from-bytes kind) (u24 (length body)) body))
(defn vector16 [& parts] (def body (string ;parts)) (string (u16 (length body)) body))

(def groups (string "\0\x0a" (vector16 (vector16 "\0\x1d\0\x17"))))
(def signatures (string "\0\x0d" (vector16 (vector16 "\x04\x03\x08\x04\x04\x01"))))
(def share (string "\0\x33" (vector16 (vector16 "\0\x1d" (vector16 (noise 32))))))
(def versions-1-3 (string "\0\x2b" (vector16 "\x02\x03\x04")))

(defn hello
  "A ClientHello's message. :suites and :compression are bytes, :extensions strings."
  [&keys {:version version :suites suites :compression compression :extensions extensions}]
  (default version 0x0303)
  (default suites "\xc0\x2b\xc0\x2f\x13\x01\x00\x2f")
  (default compression "\0")
  (default extensions [groups signatures])
  (message 1 (string (u16 version) (noise 32) "\0" (vector16 suites)
                     (string/from-bytes (length compression)) compression
                     (if (empty? extensions) "" (vector16 ;extensions)))))

(defn hello-of-ssl2
  "A ClientHello as SSLv2 has it, which TLS clients of old sent for the sake of old servers."
  [version]
  (def body (string "\x01" (u16 version) (u16 9) (u16 0) (u16 16) "\x01\0\x80" "\0\0\x2f"
                    "\0\xc0\x2b" (noise 16)))
  (string (u16 (bor 0x8000 (length body))) body))

# ---- what comes back ----

(defn alert-in
  "The fatal alert among records: its number, or 0."
  [bytes]
  (get (peg/match ~(any (+ (* "\x15" 2 "\0\x02\x02" (/ '1 ,first)) 1)) bytes) 0 0))

(def hears-within (* slowness 5))

(defn told
  ``Send bytes to a server of ours: the alert it answers with, and the error it tells. Another
  client is served meanwhile and after.``
  [bytes &opt options]
  (with-server [s (merge identity {:handshake-timeout (* slowness 0.5)} (or options {})) echo]
    (defn serves []
      (with [c (tls/connect "127.0.0.1" (s :port) trust)] (is= @"x" (sent-back c "x"))))
    (with [plain (plain-connect "127.0.0.1" (s :port))]
      (:write plain bytes)
      (serves)
      (def answer (or (try
                        (:read plain :all nil hears-within)
                        ([err] (if (= "timeout" err) @"silence" @""))) @""))
      (def why (refusal s))
      (serves)
      [(alert-in answer) why])))

(defn tells
  "One of these alerts was sent, and the reason begins as this. OpenSSL's versions differ in both."
  [prefix alerts reason [number why]]
  (is (index-of number (if (indexed? alerts) [;alerts] [alerts]))
      (string/format "%q: %s" number why))
  (is (peg/match ~(* ,prefix "handshake failed: " ,reason) why) why))

(defn refused [alerts reason bytes &opt options]
  (tells "tls/accept-loop: " alerts reason (told bytes options)))

# ---- versions ----

(def no-tls "wrong version number: the peer does not speak TLS, or no version allowed here")
(def no-version '(* (+ "unsupported protocol" "unknown protocol" "version too low")
                    ": no protocol version in common" -1))
(def none "No alert." 0)

(test "SSLv2's hello is refused"
  # OpenSSL 4.0 does not know it any more
  (refused [70 none] ~(+ ,no-version ,no-tls) (hello-of-ssl2 0x0002)))

(test "hellos of SSLv3, TLS 1.0 and TLS 1.1 are refused with protocol_version"
  # which is handshake_failure in SSLv3's own terms
  (each [version alerts] [[0x0300 [40 70]] [0x0301 70] [0x0302 70]]
    (refused alerts no-version (record 22 (min version 0x0301) (hello :version version)))
    (refused [40 70 none] ~(+ ,no-version ,no-tls) (hello-of-ssl2 version))))

(test (string "SSLv2's way to say TLS 1.2 is refused: it can't say what signatures it takes, "
              "and so has nothing in common")
  (refused [40 none] ~(+ "no shared cipher: no cipher suite in common with the peer" ,no-tls)
           (hello-of-ssl2 0x0303)))

(test "unknown versions are refused"
  (refused 70 no-version
           (record 22 0x0301
                   (hello :extensions
                          [groups signatures (string "\0\x2b" (vector16 "\x04\x03\x09\x7f\x1c"))])))
  (refused 70 no-version (record 22 0x0301 (hello :version 0x0200)))
  (refused none no-tls (record 22 0x0502 (hello))))

(test (string "a client that falls back though it need not is refused with "
              "inappropriate_fallback (RFC 7507)")
  (refused 86 "inappropriate fallback" (record 22 0x0301 (hello :suites "\xc0\x2b\x56\x00"))))

(test "a hello without a suite in common, or without any, is refused"
  (refused 40 "no shared cipher: no cipher suite in common with the peer"
           (record 22 0x0301 (hello :suites "\0\x05\0\x0a")))
  (refused [47 50] "no ciphers specified" (record 22 0x0301 (hello :suites ""))))

# The layout of a record with a hello: its header, the message header, version, random, session id
(def hello-type-at 5)
(def session-id-at "Its first byte is its length." (+ 5 4 2 32))

# ---- compression ----

(def no-null '(+ "no compression specified" "required compression algorithm missing"))
(test "compression alone is refused; if it is optional, it is not used"
  (refused [47 50] no-null (record 22 0x0301 (hello :compression "\x01")))
  (refused [47 50] no-null (record 22 0x0301 (hello :compression "")))
  # TLS 1.3 has none: RFC 8446, 4.1.2
  (refused 47 "invalid compression algorithm"
           (record 22 0x0301 (hello :compression "\x01\0" :extensions
                                    [groups signatures share versions-1-3])))
  (with-server [s identity echo]
    (with [plain (plain-connect "127.0.0.1" (s :port))]
      (:write plain (record 22 0x0301 (hello :compression "\x01\0")))
      (def answer (:chunk plain 80))
      (is= "\x16\x03\x03" (string/slice answer 0 3))
      (is= 2 (answer hello-type-at) "a ServerHello")
      # the session id is empty or full; suite and compression follow
      (def suite-at (+ session-id-at 1 (answer session-id-at)))
      (is= 0 (answer (+ suite-at 2)) "null"))))

# ---- records ----

(def too-long '(* (+ "data" "encrypted" "packet") " length too long"))
(test "records that are too large are refused with record_overflow"
  (each size [(+ 16384 1) (+ 16384 257) (+ 16384 2049) 65535]
    (refused 22 too-long (string "\x16\x03\x01" (u16 size) (string/slice (hello) 0 20)
                                 (string/repeat "\0" (- size 20))))))

(test "a hello in pieces of any size is a hello, in empty ones none"
  (with-server [s identity echo]
    (each size [1 3 100]
      (with [plain (plain-connect "127.0.0.1" (s :port))]
        (:write plain (string ;(map |(record 22 0x0301 $) (partition size (hello)))))
        (is= "\x16\x03\x03" (string (:chunk plain 3)) size))))
  (refused 10 "record too small" (string/repeat (record 22 0x0301 "") 100)))

(test "what is no hello is refused with unexpected_message"
  (each [kind body] [[20 "\x01"] [21 "\x02\x28"] [21 "\x01\0"] [23 "data"] [24 "x"]
                     [22 (message 2 "xx")] [22 (message 20 (noise 12))]]
    (refused 10 "unexpected message" (record kind 0x0303 body))))

# ---- what servers say ----

(defn says
  ``Answer a client's hello with what `make` makes of its session id: its error, and the alert it
  sent.``
  [version make]
  (def listener (net/listen "127.0.0.1" "0"))
  (def got (ev/chan 1))
  (ev/go (fn [] (with [plain (net/accept listener)]
                  (def hello (:read plain 5000))
                  (def id-end (+ session-id-at 1 (hello session-id-at)))
                  (:write plain (make (string/slice hello session-id-at id-end)))
                  (ev/give got (or (try (:read plain :all nil hears-within) ([_] @"")) @"")))))
  (defer (ev/close listener)
    (def [fine why]
      (protect (tls/connect "127.0.0.1" (port-of listener)
                            (merge trust {:min-version version :max-version version}))))
    (is (not fine))
    [(alert-in (ev/take got)) why]))

(each version [:TLS1_2 :TLS1_3]
  (test (string
          version
          ": a client refuses old versions, compression, other suites and large records of a "
          "server, with an alert")
    (def new (= version :TLS1_3))
    (defn server-hello [hello-version suite compression]
      (fn [id]
        (def extensions (if new (vector16 "\0\x2b\0\x02\x03\x04") ""))
        (record 22 0x0303
                (message 2 (string (u16 hello-version) (noise 32) id suite compression
                                   extensions)))))
    (def choice (if new "\x13\x01" "\xc0\x2b"))
    (each [alert reason make]
          [[70 "unsupported protocol: no protocol version in common"
            (fn [id]
              (record 22 0x0303 (message 2 (string (u16 0x0302) (noise 32) "\0" choice "\0"))))]
           [70 "unsupported protocol: no protocol version in common"
            (fn [id]
              (record 22 0x0303 (message 2 (string (u16 0x0300) (noise 32) "\0" choice "\0"))))]
           [47 (if new "invalid compression algorithm" "compression disabled")
            (server-hello 0x0303 choice "\x01")]
           [47 "unknown cipher returned" (server-hello 0x0303 "\0\x05" "\0")]
           [22 too-long (fn [id] (string "\x16\x03\x03\x60\0" (string/repeat "\0" 24576)))]
           [10 "unexpected message" (fn [id] (record 23 0x0303 "data"))]]
      (tells "tls/connect: " alert reason (says version make)))))

(end)

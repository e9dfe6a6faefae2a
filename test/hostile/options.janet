# Arguments and options of wrong types, ranges and names: each is refused, with what was expected.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/dtls)
(import jsec/tls)
(import jsec/tls-stream)

(def dir (tmpdir))
(def ca (authority "Test CA"))
(def server (issue ca))
(def listener (tls/listen "127.0.0.1" "0"))
(def port (port-of listener))

(defn plain-pair
  "A connected pair of core's streams."
  []
  (def plain (net/listen "127.0.0.1" "0"))
  (def near (net/connect "127.0.0.1" (port-of plain)))
  (def far (net/accept plain))
  (ev/close plain)
  [near far])

# ---- arguments ----

(def [near far] (plain-pair))
(def context (tls/new-context server))
(def anything [nil true 12 -1 math/nan "text" @"buffer" :keyword 'symbol [1] @[1] {:a 1} @{:a 1}
               print (fiber/new (fn [])) near context])

# function, arguments that are right (so that only one at a time is wrong), slot, types that are
# fine
(def bytes [:string :buffer :keyword :symbol])
(def options [:table :struct :nil]) # their content is for other facts
(def slots
  [["tls/new-context" tls/new-context [{}] 0 options]
   ["tls/connect" tls/connect ["localhost" "1"] 0 bytes]
   ["tls/connect" tls/connect ["localhost" "1"] 1 [:number ;bytes]]
   ["tls/connect" tls/connect ["localhost" "1" {}] 2 [:jsec/tls-context ;options]]
   ["tls/listen" tls/listen ["127.0.0.1" "0"] 0 [:number ;bytes]]
   ["tls/listen" tls/listen ["127.0.0.1" "0"] 1 [:number ;bytes]]
   ["tls/listen" tls/listen ["127.0.0.1" "0" {}] 2 [:jsec/tls-context ;options]]
   ["tls/accept" tls/accept [listener server] 0 []]
   ["tls/accept" tls/accept [listener server] 1 [:jsec/tls-context ;options]]
   ["tls/accept" tls/accept [listener server 0.01] 2 [:number ;options]]
   ["tls/accept-loop" tls/accept-loop [listener server (fn [s])] 0 []]
   ["tls/accept-loop" tls/accept-loop [listener server (fn [s])] 1 [:jsec/tls-context ;options]]
   ["tls/accept-loop" tls/accept-loop [listener server (fn [s])] 2 []]
   ["tls/accept-loop" tls/accept-loop [listener server (fn [s]) {}] 3 options]
   ["tls/upgrade" tls/upgrade [near "localhost"] 0 [:core/stream]]
   ["tls/upgrade" tls/upgrade [near "localhost"] 1 bytes]
   ["tls/upgrade" tls/upgrade [near "localhost" {}] 2 [:jsec/tls-context ;options]]
   ["tls/wrap" tls/wrap [near "localhost"] 0 [:core/stream]]
   ["tls/wrap" tls/wrap [near {}] 1 [:jsec/tls-context :string :buffer ;options]]
   ["tls/wrap" tls/wrap [near "localhost" {}] 2 [:jsec/tls-context ;options]]
   ["tls/set-ticket-keys" tls/set-ticket-keys [context "x"] 0 [:jsec/tls-context]]
   ["tls/set-ticket-keys" tls/set-ticket-keys [context "x"] 1 [:string :buffer :tuple :array]]
   ["tls/reload" tls/reload [context {}] 0 [:jsec/tls-context]]
   ["tls/reload" tls/reload [context {}] 1 options]
   ["tls-stream/trust-cert" tls-stream/trust-cert [context (server :cert)] 0 [:jsec/tls-context]]
   ["tls-stream/trust-cert" tls-stream/trust-cert [context (server :cert)] 1 [:string :buffer]]])

(each [name function arguments slot fine] slots
  (test (string name " refuses wrong types in slot " slot)
    (each value anything
      (unless (index-of (type value) fine)
        (def given (array ;arguments))
        (put given slot value)
        (fails-with ~(+ ,(string "bad slot #" slot ", expected ")
                        "bad stream, expected server socket"
                        ,(string name ": bad options, expected table or struct, got ")
                        ,(string name ": bad option "))
                    (function ;given))))))

(test "functions of a stream refuse other values"
  (each function [tls-stream/handshake tls-stream/shutdown tls-stream/connection-info
                  tls-stream/version tls-stream/cipher
                  tls-stream/cipher-bits tls-stream/handshake-time tls-stream/peer-certificate
                  tls-stream/peer-chain
                  tls-stream/verify-result tls-stream/get-session tls-stream/session-reused?
                  tls-stream/key-update
                  tls-stream/renegotiate]
    (each value anything
      (fails-with "bad slot #0, expected jsec/tls-stream" (function value)))
    (fails-with "arity mismatch" (function))))

(test "too few and too many arguments are refused"
  (each [function & arguments]
        [[tls/new-context {} {}] [tls/connect "localhost"] [tls/connect "localhost" 1 {} {}]
         [tls/listen "localhost"]
         [tls/listen "localhost" 1 {} {}] [tls/accept listener] [tls/accept listener server 1 1]
         [tls/accept-loop listener server] [tls/accept-loop listener server (fn [s]) {} {}]
         [tls/upgrade near]
         [tls/upgrade near "a" {} {}] [tls/wrap] [tls/wrap near "a" {} {}]
         [tls-stream/trust-cert context]]
    (fails-with "arity mismatch" (function ;arguments))))

(test "a stream that was refused in an argument is still whole"
  (:write near "still there")
  (is= @"still there" (:read far 100)))

# ---- options: wrong types ----

(def wrong # option, what is expected, values that are wrong
  [[:cert "string or buffer" [1 true :a {} print]]
   [:key "string, buffer or key" [1 true :a {} print]]
   [:cert "1 to 8 of them" [[] (array/new-filled 9 "x")]]
   [:password "string or buffer" [1 true [] {}]]
   [:verify "true, false or :optional" [1 "true" :yes [] {}]]
   [:ca "string or buffer" [1 true :a [] {}]]
   [:ca-file "string or buffer" [1 true :a [] {}]]
   [:ca-path "string or buffer" [1 true :a [] {}]]
   [:trusted-cert "string or buffer" [1 true :a [] {}]]
   [:hostname "string or buffer" [1 true :a [] {}]]
   [:verify-hostname "string or buffer" [1 true :a [] {}]]
   [:alpn "array or tuple of protocol names" ["h2" 1 :h2 [] {} true]]
   [:alpn "protocol names of 1 to 255 bytes" [[1] [""] ["h2" ""] [(string/repeat "x" 256)] [nil]]]
   [:security "table or struct" [1 "x" [] true]]
   [:min-version "one of :TLS1_2 :TLS1_3" [1.2 "TLS1.4" :SSL3 "" true [] {}]]
   [:max-version "one of :TLS1_2 :TLS1_3" [1.2 "TLS1.4" :SSL3 "" true [] {}]]
   [:ciphers "keyword or string" [42 true [] {}]]
   [:ciphersuites "keyword or string" [42 true [] {}]]
   [:curves "keyword or string" [42 true [] {}]]
   [:security-level "integer from 0 to 5" [-1 6 1.5 "2" math/nan math/inf true]]
   [:renegotiation "boolean" [1 "true" :true []]]
   [:certificate-compression "boolean" [1 "true" :zlib []]]
   [:buffer-size "integer from 1024 to 1048576" [0 -1 1023 1048577 16384.5 1e300 math/nan "x" true]]
   [:tcp-nodelay "boolean" [1 0 "true" []]]
   [:handshake-timing "boolean" [1 0 "true" []]]
   [:handshake "boolean" [1 0 "true" []]]
   [:timeout "non-negative number of seconds" [-1 -0.001 math/nan (- math/inf) "1" true []]]
   [:handshake-timeout "non-negative number of seconds" [-5 math/nan "1" true []]]
   [:close-timeout "non-negative number of seconds" [-5 math/nan "1" true []]]
   [:session-timeout "integer from 1 to 604800" [-5 0 1.5 604801 math/nan math/inf "1" true []]]
   [:truncation "one of :error :eof" [true :end "x" 1]]
   [:context "a TLS context" [1 true "x" {} near]]
   [:session "string or buffer" [1 true :a [] {}]]
   [:on-session "function of one argument" [1 true "x" [] {} (fn []) (fn [a b])]]
   [:purpose "one of :server :client :any" [1 true "x" []]]
   [:verify-depth "integer from 0 to 100" [-1 101 0.5 "1" math/nan]]
   [:verify-time "seconds since the epoch" ["now" math/nan math/inf true 1e300]]
   [:crl "string or buffer" [1 true {}]]
   [:pins "array of \"sha256//<base64>\"" [1 true "x" []]]
   [:pins "\"sha256//\" and 44 letters of Base64"
    [["x"] [1] ["sha256//AAAA"] [(string "sha256//" (string/repeat "A" 44))]]]
   [:sni "table of host name to options or context" [1 true "x" []]]
   [:ticket-keys "string or buffer" [1 true {}]]
   [:session-tickets "integer from 0 to 16" [-1 17 0.5 "1"]]
   [:session-cache-size "integer from 0 to" [-1 0.5 "1" math/inf]]
   [:keylog "string or buffer" [1 [] {}]]])

(defn- of-other-role
  "Options that a function refuses whatever their value."
  [name]
  (case name
    "tls/connect" [:sni :ticket-keys :session-tickets :session-cache-size]
    "tls/accept" [:session :on-session]
    []))

(each [option expected values] wrong
  (test (string "option " option " refuses all but " expected)
    (each value values
      (def options {option value})
      (each [name call] [["tls/new-context" |(tls/new-context options)]
                         ["tls/connect" |(tls/connect "127.0.0.1" port options)]
                         ["tls/accept" |(tls/accept listener (merge server options))]]
        (unless (or (and (= option :context) (= name "tls/new-context"))
                    (index-of option (of-other-role name)))
          (def message (fails-with (string "expected " (if (= value [nil]) "" expected)) (call)))
          (is (string/has-prefix? (string name ": bad option ") message) message))))))

(test "options of listen and of accept-loop are looked at as well"
  (each value [0 -1 65536 1.5 "x" math/nan]
    (fails-with "tls/listen: bad option :backlog, expected integer from 1 to 65535"
                (tls/listen "127.0.0.1" 0 {:backlog value})))
  (fails-with "tls/listen: unknown option :backlogg, did you mean :backlog"
              (tls/listen "127.0.0.1" 0 {:backlogg 1}))
  (each [options text]
        [[{:max-connections 0} "bad option :max-connections, expected integer from 1 to"]
         [{:handshake-timeout -1}
          "bad option :handshake-timeout, expected non-negative number of seconds"]
         [{:on-error 1} "bad option :on-error, expected function of one or two arguments, got 1"]
         [{:on-error (fn [])} "bad option :on-error, expected function of one or two arguments"]
         [{:on-eror print} "unknown option :on-eror, did you mean :on-error"]]
    (fails-with text (tls/accept-loop listener server (fn [s]) options))))

(test "timeouts as arguments are not negative, NaN or of another type"
  (each value [-1 math/nan "1" :x true {:timeout -1} {:timeut 1} {:timeout "1"}]
    (fails-with '(+ "bad slot #2" "bad option :timeout"
                    "unknown option :timeut, did you mean :timeout")
                (tls/accept listener server value))))

# ---- options: names and contradictions ----

(test "an unknown option is refused, and the nearest one is named"
  (each [given meant] [[:verfy :verify] [:cafile :ca-file] [:ca_file :ca-file] [:hostnme :hostname]
                       [:certificate nil]
                       [:handshake_timeout :handshake-timeout] [:Verify :verify] [:timout :timeout]
                       [:xyzzy nil]]
    (fails-with (string "tls/connect: unknown option :" given
                        (if meant (string ", did you mean :" meant) ""))
                (tls/connect "localhost" port {given true})))
  (fails-with "unknown option :chiphers, did you mean :ciphers"
              (tls/new-context {:security {:chiphers "HIGH"}}))
  (each key ["verify" 'verify 1 nil true [:verify]]
    (unless (nil? key)
      (fails-with "tls/connect: unknown option " (tls/connect "localhost" port {key true})))))

(test "an option of a prototype counts, and is looked at as well"
  (fails-with "unknown option :verfy"
              (tls/connect "localhost" port (table/setproto @{:verify true} @{:verfy false})))
  (fails-with "bad option :verify"
              (tls/connect "localhost" port (table/setproto @{} @{:verify 1}))))

(test "two names of the same option at once are refused"
  (fails-with "say the same: give one of them"
              (tls/new-context {:ca (ca :cert) :ca-file (ca :cert)})))

(test "wrong values inside of :security are refused"
  (fails-with "bad option :ciphers, expected keyword or string, got 42"
              (tls/new-context {:security {:ciphers 42}}))
  (fails-with "bad :ciphers: no cipher match" (tls/new-context {:security {:ciphers "NO-SUCH"}}))
  (fails-with "bad :ciphersuites: no cipher match" (tls/new-context {:ciphersuites "NO-SUCH"}))
  (each given [:NO-SUCH "NO-SUCH" (string/repeat "x" 300) "P-256:NO-SUCH"]
    (fails-with `bad :curves: no list of groups of this OpenSSL, such as "X25519:P-256"`
                (tls/new-context {:security {:curves given}})))
  (fails-with ":min-version is above :max-version"
              (tls/new-context {:security {:min-version :TLS1_3 :max-version :TLS1_2}})))

(test "options that leave nothing to agree on are refused before a connection"
  (each [opts why] [[{:min-version :TLS1_3 :ciphersuites ""} "leave none for the versions allowed"]
                    [{:max-version :TLS1_1} "TLS 1.1 rests on SHA-1 and MD5"]
                    [{:max-version "TLS1.0"} "TLS 1.0 rests on SHA-1 and MD5"]
                    [{:min-version :TLS1_0 :max-version :TLS1_1 :ciphers "DEFAULT@SECLEVEL=1"}
                     "TLS 1.1 rests on SHA-1 and MD5"]]
    (fails-with why (tls/new-context opts))
    (fails-with why (tls/new-context {:security opts}))
    (fails-with why (tls/connect "127.0.0.1" port opts)))
  (is (tls/new-context {:max-version :TLS1_1 :security-level 0}))
  (is (tls/new-context {:max-version :TLS1_1 :ciphers "DEFAULT@SECLEVEL=0"}))
  # the certificate is for ECDSA, and TLS 1.3 suites are for any
  (def other (merge server {:ciphers "ECDHE-RSA-AES256-GCM-SHA384"}))
  (def why ":ciphers has no suite usable with the key of :cert")
  (def old (merge other {:max-version :TLS1_2}))
  (each opts [old (tls/new-context old)]
    (with [l (tls/listen "127.0.0.1" "0")]
      (fails-with why (tls/accept l opts))
      (fails-with why (tls/accept-loop l opts identity)))
    (fails-with why (tls/new-context (merge server {:sni {"a.example" opts}}))))
  (is (tls/new-context other)))

(test "certificate and key are given together, a server has both"
  (fails-with "tls/new-context: :cert without :key" (tls/new-context {:cert (server :cert)}))
  (fails-with "tls/new-context: :key without :cert" (tls/new-context {:key (server :key)}))
  (each call [|(tls/accept listener $) |(tls/accept-loop listener $ (fn [s]))]
    (fails-with "a server needs a certificate: give :cert and :key" (call {}))
    (fails-with "no CA to verify clients against: give :ca-file, :ca-path or :trusted-cert"
                (call (merge server {:verify true})))))

(test "options that can't mean anything here are refused"
  (fails-with ":verify :optional is for servers" (tls/connect "127.0.0.1" port {:verify :optional}))
  (fails-with "no host name to verify the certificate against: give :hostname or :verify-hostname"
              (tls/connect "127.0.0.1" port {:hostname ""}))
  (fails-with "no host name to verify" (tls/wrap near {:ca-file (ca :cert)})))

(test "virtual hosts: what is no host's, and tables that hold themselves, are refused"
  (each [hosts text] [[{1 server} "expected host names or :default, got 1"]
                      [{"" server} "expected host names or :default"]
                      [{"a\0b" server} "expected host names or :default"]
                      [{"a.example" 1} "expected options or a TLS context, got 1"]
                      [{"a.example" {:crt "x"}} "unknown option :crt"]]
    (fails-with text (tls/new-context (merge server {:sni hosts}))))
  (fails-with `:sni "a.example": a server needs a certificate`
              (tls/new-context {:sni {"a.example" {}}}))
  (def endless (merge server))
  (put endless :sni @{"a.example" endless})
  (fails-with "tls/new-context: option :sni in :sni" (tls/new-context endless))
  (fails-with "option :context in :sni"
              (tls/new-context (merge server {:sni {"a.example" {:context context}}}))))

(test "keys of :sni that no client can ask for are refused, with the cure"
  (each [key why]
        [["*" ":default is any host"] ["a*.example" "the whole first label"]
         ["*a.example" "the whole first label"]
         ["a.*.example" "the whole first label"] ["*.*.example" "the whole first label"]
         ["*.a.example:443" "no scheme, port or path"]
         [".example" `with "*" before it`] ["a..example" "is not a host name"]
         ["." "is not a host name"]
         ["a.example:443" "no scheme, port or path"] ["https://a.example" "no scheme, port or path"]
         ["a.example/" "no scheme, port or path"]
         ["a.example " "is not a host name"] [" " "is not a host name"]
         ["a b.example" "is not a host name"] ["a\n.example" "is not a host name"]
         ["127.0.0.1" "no IP address"] ["::1" "no IP address"] ["fe80::1%eth0" "no IP address"]
         ["*.127.0.0.1" "matches no host"] ["[::1]" "no scheme, port or path"]
         ["b\xC3\xBCcher.example" `"xn--bcher-kva.example"`] ["\xFF.example" "is not a host name"]
         [(string (string/repeat "a" 64) ".example") "is not a host name"]
         [(string/repeat "a." 130) "is not a host name"]]
    (each new [tls/new-context dtls/new-context]
      (fails-with why (new (merge server {:sni {key server}})))))
  (each key ["a.example" "a.example." "A.Example" "*.a.example" "*.a.example." "localhost"
             "a_b.example" "xn--bcher-kva.example" "1.2.3.4.example" :default]
    (is (tls/new-context (merge server {:sni {key server}})) key))
  (fails-with `two keys name the host "`
              (tls/new-context {:sni {"a.example" server "A.example." server}})))

(test "the ASCII form of a host name is the one that IDNA gives"
  (each [name ascii]
        [["b\xC3\xBCcher.example" "xn--bcher-kva.example"]
         ["B\xC3\x9Ccher.Example" "xn--bcher-kva.example"]
         ["m\xC3\xBCnchen.de" "xn--mnchen-3ya.de"]
         ["\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E.jp" "xn--wgv71a119e.jp"]
         ["\xD0\xBF\xD1\x80\xD0\xB8\xD0\xBC\xD0\xB5\xD1\x80.\xD1\x80\xD1\x84"
          "xn--e1afmkfd.xn--p1ai"]
         ["*.\xC3\xBC.\xC3\xBC" "*.xn--tda.xn--tda"]]
    (fails-with (string `"` ascii `"`) (tls/new-context {:sni {name server}}))))

(test "host names, paths and passwords with NUL bytes are refused"
  (each [call] [[|(tls/connect "local\0host" port)] [|(tls/connect @"local\0host" port)]
                [|(tls/connect "localhost" "1\0")]
                [|(tls/connect :unix "/tmp/a\0b")] [|(tls/listen "local\0host" 0)]
                [|(tls/listen :unix "/tmp/a\0b")]
                [|(tls/upgrade near "local\0host")] [|(tls/wrap near "local\0host")]]
    (fails-with "expected text without NUL bytes" (call)))
  (each option [:hostname :verify-hostname :password :cert :key :ca :ca-file :ca-path :trusted-cert
                :ciphers :ciphersuites :curves]
    (each value ["a\0b" @"a\0b"]
      (fails-with (string "bad option :" option ", expected text without NUL bytes")
                  (tls/connect "127.0.0.1" port {option value})))))

(test "ports that are none, paths that are too long and hosts that can't be are refused"
  (each value [-1 65536 1.5 math/nan 1e300]
    (fails-with "bad slot #1, expected " (tls/connect "127.0.0.1" value)))
  (each value ["" "http-no-such-service" "99999999" "65536" "-1" (string/repeat "9" 40)]
    (fails-with '(+ "bad slot #1, expected port" "could not resolve")
                (tls/connect "127.0.0.1" value {:timeout 5})))
  (fails-with "path" (tls/connect :unix (string "/tmp/" (string/repeat "x" 200))))
  (fails-with "path" (tls/listen :unix (string "/tmp/" (string/repeat "x" 200))))
  (each host ["" "a b" (string/repeat "x" 300) (string/repeat "a." 200) "256.1.1.1" "[::1" "-"]
    (fails-with '(+ "could not resolve" "no host name" "not a host name")
                (tls/connect host port {:timeout 5}))))

(test "options come last, after a host name or nil"
  (each value [5 :localhost [] (fn [])]
    (fails-with "bad slot #1, expected host name, where options follow it"
                (tls/wrap near value {}))))

(test "after all of it the listener still serves"
  (ev/go (fn [] (def s (tls/accept listener server)) (echo s) (:close s)))
  (with [s (tls/connect "127.0.0.1" port {:ca-file (ca :cert)})]
    (is= @"hello" (sent-back s "hello"))))

(each stream [near far listener] (ev/close stream))
(end)

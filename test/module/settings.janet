# A setting is a row in settings.def, and nothing else: what follows from it is made of the row.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/dtls)
(import jsec/tls)

(def dir (tmpdir))
(def cc (string/split " " (os/getenv "CC" "cc")))
(os/mkdir (string dir "/core"))
(os/mkdir (string dir "/core/tls"))

(defn- pkg-config [] # OpenSSL's flags, where it has any
  (def script "pkg-config --cflags --libs libcrypto 2>/dev/null || echo -lcrypto")
  (with [p (os/spawn ["sh" "-c" script] :p {:out :pipe})]
    (def text (string (:read (p :out) :all)))
    (:wait p)
    (filter next (string/split " " (string/trim text)))))

(defn- build
  ``Compile the test's program with these rows after those of settings.def. Returns its path, or
  nil.``
  [& rows]
  (def ours (string (os/cwd) "/src/core/tls/settings.def"))
  (spit (string dir "/core/tls/settings.def")
        (string `#include "` ours `"` "\n" (string/join rows "\n") "\n"))
  (def program (string dir "/program"))
  (def sources (map |(string "src/core/" $) ["tls/settings.c" "keys/encoding.c"]))
  (with [quiet (file/open "/dev/null" :w)]
    (def command [;cc "-std=c11" (string "-I" dir) "-Isrc" "test/support/extra-settings.c"
                  ;sources "-o" program ;(pkg-config)])
    (if (zero? (os/execute command :p {:err quiet})) program)))

(def number "SETTING(VALUE, int, extra_number, 42, BOUND, HOST, SHOWN)")
(def text "SETTING(TEXT, Bytes, extra_text, {.data = NULL}, FREE, LISTENER, SHOWN)")
(def secret "SETTING(TEXT, Bytes, extra_secret, {.data = NULL}, FREE, IDENTITY, SECRET)")

(if (find-program (first cc))
  (do
    (test "a row alone gives a setting its default, place in digests, inheritance and flags"
      :deadline 120
      (def program (build number text secret))
      (is program)
      (with [p (os/spawn [program] :p {:out :pipe})]
        (def words (string/split " " (string/trim (:read (p :out) :all))))
        (:wait p)
        (is= ["defaults" "number-in-key" "number-in-policy" "text-in-key" "text-not-in-policy"
              "number-inherited" "text-not-inherited" "identity-inherited" "own-kept"
              "identity-whole" "copied" "secret" "refused-in-hosts"]
             (tuple ;words))))
    (test "a row without all of its words, or with another one, does not compile"
      :deadline 120
      (each row ["SETTING(VALUE, int, extra_number, 42, BOUND, HOST)"
                 "SETTING(VALUE, int, extra_number, 42, , HOST, SHOWN)"
                 "SETTING(VALUE, int, extra_number, 42, BOUND, , SHOWN)"
                 "SETTING(VALUE, int, extra_number, 42, BOUND, HOST, )"
                 "SETTING(, int, extra_number, 42, BOUND, HOST, SHOWN)"
                 "SETTING(VALUE, int, extra_number, 42, SOMETIMES, HOST, SHOWN)"]
        (is= nil (build row text secret) row))))
  (skip "a row alone brings a setting all that follows from it" "there is no C compiler"))

# ---- the options in front of the settings ----

(def id (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))

(defn- options-of [function]
  (def option '(* "\n* `:" '(some (if-not "`" 1)) "` - "))
  (peg/match ~(any (+ ,option 1)) ((dyn (symbol function)) :doc)))

(defn- refused-in-hosts [new names]
  (sorted (seq [name :in names
              :let [[fine text] (protect (new {:sni {"a.example" {(keyword name) 12345}}}))]
              :when (and (not fine) (string/find "it is the listener's" text))]
          name)))

(def of-connections ["context" "handshake" "handshake-timeout" "handshake-timing" "hostname"
                     "on-session" "session" "timeout" "verify-hostname"])
(def of-questions ["on-hello" "on-verify" "max-asking"])
(def of-listeners ["session-cache-size" "sni" "ticket-keys"])

(test "options of listeners and connections are refused for virtual hosts, all others are allowed"
  (is= (sorted [;of-connections ;of-listeners "buffer-size" "close-timeout" "session-timeout"
                "tcp-nodelay" "truncation" ;of-questions
                "post-handshake-auth" "proxy-protocol" "send-proxy"])
       (refused-in-hosts tls/new-context (options-of 'tls/new-context)))
  (is= (sorted [;of-connections ;of-listeners ;of-questions "mtu" "retransmit" "session-lifetime"])
       (refused-in-hosts dtls/new-context (options-of 'dtls/new-context))))

(end)

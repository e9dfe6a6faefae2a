# STARTTLS against scripted servers. openssl s_client talks to the same scripts, so that these are
# what the protocols say.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")
(import jsec/cli/dial)
(import jsec/tls)

(def dir (tmpdir))
(def ca-made (authority "Test CA"))
(def ca ((saved dir "ca" ca-made) :cert))
(def made (issue ca-made))

(def ldap-yes "0\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0")
(def ldap-long "0\x84\0\0\0\x10\x02\x01\x01\x78\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0")
(def ldap-no "0\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\0\x04\0")
(def features "<stream:stream id='1'><stream:features>")
(defn mysql [capabilities]
  (def body (string "\x0a8.0\0" "\x01\0\0\0" "12345678\0" capabilities "\x21\x02\0\0\0"))
  (string/from-bytes (length body) 0 0 0 ;(string/bytes body)))

(def xmpp-offer
  (string features "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"))

# What a server says, and between it what it waits for.
(def scripts
  {"smtp" ["220-mail\r\n220 ESMTP\r\n" "EHLO" "250-mail\r\n250 STARTTLS\r\n" "STARTTLS\r\n"
           "220 go\r\n"]
   "ftp" ["220 hello\r\n" "AUTH TLS\r\n" "234 go\r\n"]
   "pop3" ["+OK hello\r\n" "STLS\r\n" "+OK go\r\n"]
   "imap" ["* OK hello\r\n" "a STARTTLS\r\n" "* NOTE\r\na OK go\r\n"]
   "nntp" ["200 hello\r\n" "STARTTLS\r\n" "382 go\r\n"]
   "sieve" ["\"SIEVE\" \"fileinto\"\r\n\"STARTTLS\"\r\nOK\r\n" "STARTTLS\r\n" "OK \"go\"\r\n"]
   "ldap" ["" "1.3.6.1.4.1.1466.20037" ldap-yes]
   "xmpp" ["" "to='localhost'>" xmpp-offer "xmpp-tls'/>" "<proceed xmlns='urn:…'/>"]
   "mysql" [(mysql "\xff\xff") (string/repeat "\0" 23) ""]
   "postgres" ["" "\0\0\0\x08\x04\xd2\x16/" "S"]})

(def refusals
  {"smtp" [["220 ESMTP\r\n" "EHLO" "250 mail\r\n" "STARTTLS" "454 no\r\n"] ["554 no\r\n"]]
   "ftp" [["220 hello\r\n" "AUTH TLS" "500 no\r\n"]]
   "pop3" [["+OK hello\r\n" "STLS" "-ERR no\r\n"]]
   "imap" [["* OK hello\r\n" "STARTTLS" "a BAD no\r\n"] ["* BYE\r\n"]]
   "nntp" [["200 hello\r\n" "STARTTLS" "580 no\r\n"]]
   "sieve" [["OK\r\n" "STARTTLS" "NO\r\n"] ["BYE\r\n"]]
   "ldap" [["" "1466" ldap-no]]
   "xmpp" [["" "to=" (string features "</stream:features>")]
           ["" "to=" xmpp-offer "<starttls" "<failure xmlns=''/>"] ["" "to=" "</stream:stream>"]]
   "mysql" [[(mysql "\xff\xf7")] ["\x05\0\0\0\xff\x15\x04no"]]
   "postgres" [["" "\x16/" "N"] ["" "\x16/" "E"]]})

(defn play
  "Say what is the server's, and wait for what is the client's."
  [script stream]
  (def got @"")
  (eachp [i part] script
    (if (even? i)
      (unless (empty? part) (:write stream part))
      # byte by byte: a ClientHello may follow
      (while (not (string/find part got))
        (is (:read stream 1 got) (string "the client sends " part))))
    (if (odd? i) (buffer/clear got))))

(defn with-script
  "Call `f` with the port of a server that plays the script; then TLS, or the end."
  [script after f]
  (with [listener (net/listen "127.0.0.1" "0")]
    (def done (ev/chan 1))
    (ev/go (fn []
             (ev/give done
                      (protect (with [s (net/accept listener)]
                                 (play script s)
                                 (after s))))))
    (def result (f (port-of listener)))
    [result (ev/take done)]))

(defn serve-tls [stream]
  (with [s (tls/wrap stream made)] (:read s 1)))

(defn jsec [protocol port]
  (with-child [c (dyn *executable*) "bin/jsec" "connect" "-i" "--timeout" "5" "--ca" ca
               "--starttls" protocol (string "localhost:" port)]
    (feed c "")
    [(exit-status c) (string (c :out) (c :err))]))

(defn s-client [protocol port]
  (with-child [c "openssl" "s_client" "-starttls" protocol "-connect" (string "127.0.0.1:" port)
               "-name" "localhost" "-xmpphost" "localhost" "-CAfile" ca "-verify_return_error"
               "-brief"]
    (feed c "")
    [(exit-status c) (string (c :out) (c :err))]))

(test "each protocol of the tool has a script here"
  (is= (array ;dial/starttls-names) (sorted (keys scripts)))
  (is= (array ;dial/starttls-names) (sorted (keys refusals))))

(eachp [protocol script] scripts
  (test (string "connect --starttls " protocol " goes over to TLS")
    (def [[status text]] (with-script script serve-tls |(jsec protocol $)))
    (is= 0 status text)
    (is (string/find "verified     yes" text) text))

  # s_client has another tag for IMAP, other quotes for XMPP, and an additional request in NNTP
  (unless (index-of protocol ["imap" "nntp" "xmpp"])
    (peer-test "openssl" (string "the script of " protocol " satisfies openssl s_client as well")
      (def [[status text] [fine err]] (with-script script serve-tls |(s-client protocol $)))
      (is= 0 status (string text err)))))

(eachp [protocol scripts] refusals
  (test (string protocol ": a refusal ends with status 1 and the server's words")
    (each script scripts
      (def [[status text]] (with-script script (fn [&]) |(jsec protocol $)))
      (is= 1 status text)
      (is (string/find (string "jsec: " protocol ": the server refuses STARTTLS") text) text))))

# RFC 3207, 6, and CVE-2011-0411: such bytes would count as if they were encrypted.
(eachp [protocol script] scripts
  (unless (index-of protocol ["mysql"]) # its server does not speak before TLS
    (test (string protocol ": bytes behind the last answer are refused")
      (def injected [;(slice script 0 -2) (string (last script) "220 injected\r\n")])
      (def [[status text]] (with-script injected (fn [&]) |(jsec protocol $)))
      (is= 1 status text)
      (is (string/find (string "jsec: " protocol ": the server") text) text))))

(test "every protocol: a server that ends, is silent or sends without end gives status 1"
  (eachp [protocol script] scripts
    (def [[status text]] (with-script [] (fn [&]) |(jsec protocol $)))
    (is= 1 status text)
    (is (peg/find '(+ "ended the plaintext dialogue" "Connection reset by peer") text) text)
    (def [[status text]]
      (with-script [] (fn [s] (protect (forever (:write s (string/repeat "x" 65536)))))
                   |(jsec protocol $)))
    (is= 1 status text)))

(test "a server's words are shown without control characters"
  (def [[status text]]
    (with-script ["554 \e[31mno\r\n"] (fn [&]) |(jsec "smtp" $)))
  (is= 1 status)
  (is (not (string/find "\e" text)) text))

(end)

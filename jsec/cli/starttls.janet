# STARTTLS: the plaintext dialogues by which protocols go over to TLS. An answer is read up to its
# end and no further: bytes behind it come from an attacker and would count as encrypted.
(import ./show)

(def- max-answer 65536)

(defn- answer
  ``Read until `grammar` matches the whole text; its captures. Raises if the server sends anything
  else, or more.``
  [stream grammar]
  (def text @"")
  (var found nil)
  (while (nil? (set found (peg/match grammar text)))
    (def too-much (>= (length text) max-answer))
    (unless (and (not too-much) (:read stream 4096 text))
      (error (string "the server ended the plaintext dialogue after "
                     (if (empty? text) "nothing" (show/brief text))))))
  (unless (= :done (last found))
    (error (string "the server refuses STARTTLS: " (show/brief text))))
  found)

# An answer is over at `end`; it is a good one if `good` matches it to its end.
(defn- answers [end good]
  (peg/compile ~{:good (* ,good -1 (constant :done))
                 :bad (* ,end (constant :refused))
                 :main (+ :good :bad)}))

(defn- line [good] (answers '(thru "\n") ~(* ,good (thru "\n"))))

# SMTP (RFC 5321, 4.2), FTP (RFC 959, 4.2): the last line has no dash after its code.
(defn- lines [code]
  (def more '(any (* :d :d :d "-" (thru "\n"))))
  (answers ~(* ,more :d :d :d (! "-") (thru "\n"))
           ~(* ,more ,code (! "-") (thru "\n"))))

(defn- say [stream text grammar]
  (:write stream text)
  (answer stream grammar))

(defn- smtp [s _]
  (answer s (lines "220"))
  (say s "EHLO jsec.invalid\r\n" (lines "250"))
  (say s "STARTTLS\r\n" (lines "220")))

(defn- ftp [s _]
  (answer s (lines "220"))
  (say s "AUTH TLS\r\n" (lines "234")))

(defn- pop3 [s _] # RFC 2595
  (answer s (line "+OK"))
  (say s "STLS\r\n" (line "+OK")))

(defn- imap [s _] # RFC 9051
  (answer s (line "* OK"))
  (def untagged '(any (* "*" (thru "\n"))))
  (say s "a STARTTLS\r\n"
       (answers ~(* ,untagged "a " (thru "\n")) ~(* ,untagged "a OK" (thru "\n")))))

(defn- nntp [s _] # RFC 4642
  (answer s (line '(* "20" (set "01"))))
  (say s "STARTTLS\r\n" (line "382")))

# RFC 5804: capabilities on lines of their own, then OK, NO or BYE.
(defn- sieve [s _]
  (def capabilities '(any (* `"` (thru "\n"))))
  (def said (answers ~(* ,capabilities (+ "OK" "NO" "BYE") (thru "\n"))
                     ~(* ,capabilities "OK" (thru "\n"))))
  (answer s said)
  (say s "STARTTLS\r\n" said))

# RFC 4511, 4.14: an extended request, and a response with the result 0, success. A length is one
# byte, or stands in the bytes after 0x81, 0x82 or 0x84.
(def- ldap-request "0\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037")
(def- ldap-answer
  (do
    (def size '(+ (* "\x81" (uint-be 1)) (* "\x82" (uint-be 2)) (* "\x84" (uint-be 4)) (uint-be 1)))
    (def whole ~(* "0" (lenprefix ,size 1)))
    (def skip ~(drop ,size))
    (answers whole
             ~(* (> 0 (* ,whole -1)) "0" ,skip "\x02\x01\x01\x78" ,skip "\x0a\x01\0" (any 1)))))

(defn- ldap [s _] (say s ldap-request ldap-answer))

(defn- xmpp [s host] # RFC 6120, 5
  (def tls-namespace "urn:ietf:params:xml:ns:xmpp-tls")
  (say s (string "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
                 "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='"
                 (string/replace-all "'" "" (string/replace-all "<" "" host)) "'>")
       (answers '(+ (thru "features>") (thru "</stream:stream>"))
                ~(* (thru ,tls-namespace) (thru "features>"))))
  (say s (string "<starttls xmlns='" tls-namespace "'/>")
       (answers '(thru ">") '(* "<proceed" (thru ">")))))

# The server's greeting has its capabilities after its version, 4 bytes of an identifier and 9 of a
# random value; the answer to it is a request for TLS in the form of protocol 4.1.
(def- mysql-capability 0x0800)
(def- mysql-request
  (string "\x20\0\0\x01" "\0\x8a\0\0" "\0\0\0\x01" "\x21" (string/repeat "\0" 23)))
(def- mysql-greeting
  (answers '(lenprefix (* (uint 3) 1) 1)
           ~(* (> 0 (* (lenprefix (* (uint 3) 1) 1) -1)) 4 "\x0a" (thru "\0") 13
               (cmt (uint 2) ,|(pos? (band mysql-capability $))) (any 1))))

(defn- mysql [s _]
  (answer s mysql-greeting)
  (:write s mysql-request))

(defn- postgres [s _] (say s "\0\0\0\x08\x04\xd2\x16/" (answers 1 "S")))

(def- dialogues
  {"smtp" smtp "ftp" ftp "pop3" pop3 "imap" imap "nntp" nntp "sieve" sieve "ldap" ldap "xmpp" xmpp
   "mysql" mysql "postgres" postgres})

(defn talk
  ``Bring a plain stream to where TLS begins. Raises if the server refuses, or answers with anything
  but the protocol.``
  [protocol stream host]
  ((dialogues protocol) stream host))

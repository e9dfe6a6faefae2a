# Subject alternative names: each kind goes in by its word and comes out by it, as OpenSSL has it.
(import ../support/check :prefix "")
(import jsec/cert)
(import jsec/crypto)

(def key (crypto/generate-key :p256))
(defn- make [san] (cert/generate-self-signed-from-key key {:common-name "u" :san san}))
(defn- names [& san] ((cert/parse (make san)) :san))

(defn- openssl-names [crt]
  (def path (string (tmpdir) "/crt"))
  (spit path crt)
  (def p (os/spawn ["openssl" "x509" "-in" path "-noout" "-ext" "subjectAltName"] :p {:out :pipe}))
  (def text (ev/read (p :out) :all))
  (os/proc-wait p)
  (string/trim (last (string/split "\n" (string/trim text)))))

(def kinds
  "A name of each kind, and how `openssl x509` shows it."
  {"DNS:a.example" "DNS:a.example"
   "IP:192.0.2.1" "IP Address:192.0.2.1"
   "IP:2001:db8::1" "IP Address:2001:DB8:0:0:0:0:0:1"
   "email:jo@a.example" "email:jo@a.example"
   "URI:https://a.example/x" "URI:https://a.example/x"
   "URI:sip:alice@a.example" "URI:sip:alice@a.example"
   "URI:anything:x" "URI:anything:x"
   "RID:1.3.6.1.4.1.99999.5" "Registered ID:1.3.6.1.4.1.99999.5"
   "dirName:CN=Jane,O=Example,C=US" "DirName:/C=US/O=Example/CN=Jane"
   "UPN:user@corp.example" "othername: UPN::user@corp.example"
   "UPN:jürgen@corp.example" "othername: UPN::jürgen@corp.example"
   "SRV:_xmpp-client.im.example" "othername: SRVName::_xmpp-client.im.example"
   "otherName:1.3.6.1.5.5.7.8.5;UTF8:jo@a.example" "othername: XmppAddr::jo@a.example"
   "otherName:1.2.3.4;UTF8:text; and more: ü" "othername: 1.2.3.4::text; and more: ü"
   "otherName:1.2.3.4;IA5:text" "othername: 1.2.3.4::text"})

(eachp [name shown] kinds
  (test (string name " comes out as it went in") (is= [name] (names name)))
  (peer-test "openssl" (string name ": openssl reads it")
    (def got (openssl-names (make [name])))
    (is= (string/replace "::" ":" shown) (string/replace "::" ":" got))))

(test "the word of a kind may have any letter case"
  (is= ["DNS:a.example" "UPN:u@x" "otherName:1.2;UTF8:x" "dirName:CN=x" "IP:192.0.2.1"]
       (names "dns:a.example" "upn:u@x" "OTHERNAME:1.2;utf8:x" "DirName:cn=x"
              "ip address:192.0.2.1")))

(test "an otherName of any type is shown by its DER, and goes in as such"
  (each name ["otherName:1.2.3.4;DER:0201ff" "otherName:1.2.3.4;DER:3003020105"]
    (is= [name] (names name))))

(test "a bare URI is one, with // or by its scheme"
  (each uri ["https://a.example" "spiffe://domain/service" "sip:alice@a.example" "urn:uuid:f81d4fae"
             "acct:alice@a.example" "tel:+15551234" "mailto:jo@a.example" "https:opaque"
             "SIP:bob@b.example"]
    (is= [(string "URI:" uri)] (names uri))))

(test "another word before a colon raises, and the text lists the kinds"
  (each name ["UPX:user@corp.example" "foo:bar" "user:x@y" "Email address:x" "x400:c=us" "dn:CN=x"
              "other:1.2.3;UTF8:x" "principal:a@b"]
    (def text (fails-with "subject alternative name not usable" (make [name])))
    (each kind ["DNS" "IP" "email" "URI" "RID" "dirName" "UPN" "SRV" "otherName"]
      (is (or (string/find kind text) (string/find "is not" text)) text))
    (fails-with "not usable" (crypto/generate-csr key {:common-name "u" :san [name]}))))

(test "a value that is none of its kind raises"
  (each name ["UPN:user" "UPN:" "UPN:a\0b@c" "UPN:\xff@x" "SRV:xmpp.a.example" "SRV:_x" "RID:1.2.x"
              "RID:" "RID:9.9" "dirName:" "dirName:Jane" "dirName:CN" "dirName:CN=a,=b"
              "dirName:NOPE=x" "dirName:CN=a\\" "dirName:CN=a\"b" "dirName:C=long"
              "otherName:1.2.3" "otherName:;UTF8:x" "otherName:1.2;UTF8:" "otherName:1.2;FOO:x"
              "otherName:a.b;UTF8:x" "otherName:1.2;DER:zz" "otherName:1.2;DER:0201"
              "otherName:1.2;DER:020101ff" "otherName:1.2;IA5:ü" "email:UPN:u@x" "email:a:b@x"
              "email:jo" "email:@x" "email:jo@" "IP:1.2.3" "DNS:a b" "DNS:" "URI:x" "a.example:443"
              "localhost:1" "2001:db8:::1"]
    (fails-with "subject alternative name not usable" (make [name]))))

(test "distinguished names keep escapes, order, several values and types by OID"
  (each name ["CN=Jane\\, M.D.,O=\\#1 \\\"x\\\" \\+ y,C=US" "OU=b+CN=a,O=c" "CN=ü ☺,DC=a,DC=example"
              "1.2.3.4=#0C0178,CN=x" "CN=\\ padded\\ ,O=y" "UID=jo,emailAddress=jo@a.example"]
    (is= [(string "dirName:" name)] (names (string "dirName:" name))))
  (is= ["dirName:CN=a,O=b"] (names "dirName: CN = a , O = b "))
  (is= ["dirName:CN=ü"] (names "dirName:CN=\\c3\\bc")))

(test "a common name with another word before a colon gives no alternative name"
  (each name ["UPN:u@x" "foo:bar" "Jane: x@y"]
    (is= [] ((cert/parse (cert/generate-self-signed-from-key key {:common-name name})) :san))))

(test "requests show these kinds, and issue-cert copies none of a user or a directory"
  (def ca (cert/generate-self-signed-cert {:common-name "ca" :key-type :p256}))
  (defn request [name] (crypto/generate-csr key {:common-name "u" :san [name]}))
  (defn issue [name]
    (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :csr (request name)}))
  (each name ["UPN:u@x" "SRV:_a.b" "dirName:CN=x" "RID:1.2.3" "otherName:1.2;UTF8:x"]
    (is= [name] ((crypto/parse-csr (request name)) :san))
    (fails-with "request not usable" (issue name)))
  (is (issue "URI:sip:a@b.example")))

(end)

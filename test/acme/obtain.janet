# Certificates from pebble, Let's Encrypt's test server, which rejects every fifth nonce here.
(import ../support/check :prefix "")
(import ../support/pebble :as pebble)
(import jsec/acme)
(import jsec/cert)
(import jsec/crypto)

(defn new-account [server &opt more]
  (acme/account (server :directory) (merge (server :client) (or more {}))))

(defn solver [server kind]
  (def {:ports ports} server)
  (case kind
    :tls-alpn-01 {:tls-alpn-01 ["127.0.0.1" (ports :tls)]}
    :http-01 {:http-01 ["127.0.0.1" (ports :http)]}
    {:dns-01 {:add (fn [name value] (pebble/set-txt server name value))
              :remove (fn [name _] (pebble/clear-txt server name))}}))

(defn names-of [chain]
  (sorted (map |(string/replace "DNS:" "" $) ((cert/parse chain) :san))))

(peer-test pebble/programs "each kind of challenge obtains certificates that verify"
  (pebble/with-pebble [server {}]
    (def account (new-account server))
    (each [kind names]
      [[:tls-alpn-01 ["a.example"]] [:http-01 ["b.example" "www.b.example"]]
       [:dns-01 ["*.c.example" "c.example"]]]
      (def {:cert chain :key key} (acme/obtain account names (solver server kind)))
      (is= (sorted names) (names-of chain))
      (is= [kind true] [kind ((cert/verify-chain chain {:roots (server :root)}) :valid)])
      (is (= (crypto/jwk-thumbprint chain) (crypto/jwk-thumbprint key))))))

(peer-test pebble/programs "accounts of each type of key, found again, with another key, ended"
  (pebble/with-pebble [server {}]
    (each kind [:ec-p256 :ec-p384 :rsa]
      (def key (crypto/generate-key kind))
      (def account (new-account server {:key key :email "me@a.example"}))
      (is= (account :url) ((new-account server {:key key}) :url))
      (acme/change-key account)
      (is (not= key (account :key)))
      (acme/obtain account "d.example" (solver server :dns-01))
      (is= (account :url) ((new-account server {:key (account :key)}) :url))
      (is= nil (acme/deactivate account))
      (fails-with "acme/obtain: the CA refused (status 403): unauthorized"
                  (acme/obtain account "d.example" (solver server :dns-01))))))

(peer-test pebble/programs "certificates are revoked by their account or their own key, once"
  (pebble/with-pebble [server {}]
    (def account (new-account server))
    (def one (acme/obtain account "e.example" (solver server :dns-01)))
    (is= nil (acme/revoke account (one :cert) {:reason :superseded}))
    (fails-with "acme/revoke: the CA refused (status 400): alreadyRevoked"
                (acme/revoke account (one :cert)))
    (def two (acme/obtain account "e.example" (solver server :dns-01)))
    (def stranger (new-account server))
    (fails-with "acme/revoke: the CA refused" (acme/revoke stranger (two :cert)))
    (is= nil (acme/revoke stranger (two :cert) {:key (two :key) :reason :key-compromise}))
    (fails-with "bad option :reason" (acme/revoke account (one :cert) {:reason :bored}))))

(peer-test pebble/programs "a key of the caller's, and what the CA can't verify or refuses"
  (pebble/with-pebble [server {"domainBlocklist" ["blocked.example"]}]
    (def account (new-account server))
    (def key (crypto/generate-key :rsa))
    (def made (acme/obtain account "f.example" (merge {:key key} (solver server :dns-01))))
    (is= key (made :key))
    (is= :rsa ((cert/parse (made :cert)) :key-type))
    (fails-with "acme/obtain: the CA refused (status 400): rejectedIdentifier"
                (acme/obtain account "blocked.example" (solver server :dns-01)))
    (fails-with "acme/obtain: the CA could not verify g.example: "
                (acme/obtain account "g.example" {:dns-01 {:add (fn [&]) :remove (fn [&])}}))
    (def wrong {:tls-alpn-01 ["127.0.0.1" (get-in server [:ports :dns])]})
    (fails-with "acme/obtain" (acme/obtain account "h.example" wrong))))

(peer-test pebble/programs "an account needs the terms, and the binding that the CA wants"
  (pebble/with-pebble [server {}]
    (fails-with "acme/account: this CA wants an account of its own first: give :eab"
                (acme/account (server :directory) (put (merge (server :client)) :eab nil)))
    (fails-with "acme/account: the CA refused"
                (new-account server {:eab {:kid "kid-2" :key "c29tZQ"}}))
    (fails-with "acme/account: agree to the CA's terms of service by :terms true"
                (new-account server {:terms false}))
    (fails-with "acme/account: the CA could not be asked: "
                (new-account server {:tls {}}))))

(peer-test pebble/programs "a solver's end is called whatever happens, and the deadline holds"
  (pebble/with-pebble [server {}]
    (def account (new-account server))
    (def calls @[])
    (def dns {:add (fn [name _] (array/push calls [:add name]))
              :remove (fn [name _] (array/push calls [:remove name]))})
    (protect (acme/obtain account "i.example" {:dns-01 dns}))
    (is= [[:add "_acme-challenge.i.example"] [:remove "_acme-challenge.i.example"]]
         (tuple ;calls))
    (def slow {:add (fn [&] (ev/sleep 20)) :remove (fn [&])})
    (fails-with "deadline expired"
                (acme/obtain account "j.example" {:dns-01 slow :timeout 0.2}))))

(test "arguments of the wrong form are refused"
  (each x [nil 1 @{} {:session 1}]
    (fails-with "acme/obtain: account: bad slot #0" (acme/obtain x "a.example" {})))
  (def account @{:session @{:kid "x"}})
  (each bad ["" "localhost" "a..example" "-a.example" "bücher.example" "192.0.2.1x." "*.*.a.example"
             "a.example." "a_b.example"]
    (fails-with "acme/obtain: a name is no host name" (acme/obtain account bad {})))
  (each bad [[] (array/new-filled 101 "a.example") 1]
    (fails-with "acme/obtain: names: bad slot #1" (acme/obtain account bad {})))
  (fails-with "acme/obtain: give one of" (acme/obtain account "a.example" {}))
  (fails-with "acme/obtain: give one of"
              (acme/obtain account "a.example" {:tls-alpn-01 443 :http-01 80}))
  (fails-with "acme/obtain: bad option :http-01" (acme/obtain account "a.example" {:http-01 []}))
  (fails-with "acme/obtain: bad option :dns-01" (acme/obtain account "a.example" {:dns-01 {}}))
  (fails-with "acme/obtain: a wildcard is verified by :dns-01 only"
              (acme/obtain account "*.a.example" {:http-01 80}))
  (fails-with "acme/obtain: unknown option" (acme/obtain account "a.example" {:nothing 1}))
  (fails-with "acme/account: the directory is no https URL"
              (acme/account "http://a.example/dir" {:terms true})))

(end)

# An own CA in a folder: issue certificates, revoke one, and refuse it in a connection.
(import jsec/ca)
(import jsec/cert)
(import jsec/tls)

(def folder (string "/tmp/own-ca-" (os/getpid)))
(ca/create folder {:common-name "Example CA"})
(def good (ca/issue folder ["localhost" "127.0.0.1"]))
(def lost (ca/issue folder ["localhost" "127.0.0.1"]))

# The key of the second one got into wrong hands.
(ca/revoke folder (lost :cert) {:reason :key-compromise})
(def crl (ca/crl folder))
(each {:serial serial :status status :names names} (ca/list folder)
  (printf "%s  %s  %s" (string/slice serial 0 8) status (string/join names " ")))
(printf "revoked: %q and %q"
        ;(map |(cert/revoked? ($ :cert) crl {:issuer-cert (slurp (string folder "/ca.pem"))})
              [good lost]))

(defn try-server
  "Connect to a server with that certificate, as a client that has the CA's list."
  [identity]
  (def listener (tls/listen "127.0.0.1" 0))
  (ev/go (fn [] (tls/accept-loop listener identity (fn [s] (ev/write s "hello") (ev/close s)))))
  (def options {:ca-file (string folder "/ca.pem") :crl crl})
  (defer (ev/close listener)
    (try
      (with [s (tls/connect "localhost" ((net/localname listener) 1) options)]
        (print "connected: " (ev/read s 100)))
      ([err] (print "refused: " err)))))

(try-server good)
(try-server lost)

(each file (os/dir folder) (os/rm (string folder "/" file)))
(os/rmdir folder)

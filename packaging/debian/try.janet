# The package's janet, with the package's modules: a connection over TLS.
(import jsec/cert)
(import jsec/tls)
(def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(def listener (tls/listen "127.0.0.1" 0))
(ev/go (fn [] (tls/accept-loop listener own (fn [s] (:write s "hello") (:close s)))))
(with [s (tls/connect "localhost" ((net/localname listener) 1) {:trusted-cert (own :cert)})]
  (assert (= "hello" (string (:read s :all)))))
(:close listener)

# A process whose name server never answers, for test/hostile/resolver.janet, which runs this under
# `unshare -m` (and -r as another user):
#   resolver.janet FOLDER WHAT      FOLDER holds resolv.conf
# What is asked for is in `asks` below; the process then ends by itself.
(import ./check :as check)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/tls)

(defn- lay [folder]
  (os/execute ["mount" "--bind" (string folder "/resolv.conf") "/etc/resolv.conf"] :px))

(defn- give-up [connect & args]
  (protect (connect "slow.example" 443 ;args {:timeout 0.3})))

(def asks
  {"tls" (fn [] (give-up tls/connect))
   "dtls" (fn [] (give-up dtls/connect))
   "listen" (fn [] (protect (ev/with-deadline 0.3 (tls/listen "slow.example" 443))))
   "many" (fn []
            (def done (ev/chan))
            (repeat 100 (ev/go (fn [] (ev/give done (give-up tls/connect)))))
            (repeat 100 (ev/take done))
            # lookups that were given up occupy no place
            (def [_ text] (protect (tls/connect "localhost" 1 {:timeout 5})))
            (assert (string/find "refused" text) text))
   "beside" (fn []
              (ev/go (fn [] (give-up tls/connect)))
              (ev/sleep 0)
              (crypto/pbkdf2 :sha256 "password" "salt" 5000 32))})

(defn main [_ folder what]
  (lay folder)
  (def silent (net/listen "127.0.0.9" "53" :datagram)) # receives the questions
  ((asks what))
  (:close silent)
  (print "done"))

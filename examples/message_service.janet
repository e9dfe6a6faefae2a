# A service for messages of spork's msg, over mutual TLS: the certificate identifies the caller, and
# its name decides the permitted actions. Without spork the example does nothing.
#   janet examples/message_service.janet
(import jsec/cert)
(import jsec/tls)

(unless (first (protect (import* "spork/msg" :as "msg")))
  (print "spork is not installed: janet-pm install spork, or jpm install spork")
  (os/exit 0))

(defn make-proto
  ``[send receive] on a stream. Calls and answers travel as Janet data in text (jdn): nothing that
  is received is executed.``
  [stream]
  (msg/make-proto stream |(string/format "%j" $) parse))

# ---- the service ----

(def stock @{:apples 12 :pears 3})

(def actions
  "The actions, and the callers that may use them."
  {:count {:who ["shop.example" "office.example"] :do (fn [what] (get stock what 0))}
   :order {:who ["office.example"]
           :do (fn [what n] (put stock what (+ n (get stock what 0))) (stock what))}})

(defn answer-to [who [action & arguments]]
  (def {:who allowed :do act} (get actions action {}))
  (cond
    (nil? act) [:error "no such action"]
    (not (index-of who allowed)) [:error (string who " may not do that")]
    (let [[fine value] (protect (act ;arguments))] [(if fine :ok :error) value])))

(defn handle [stream]
  # the certificate is verified: every connection here has one from our CA
  (def who (get-in (:peer-certificate stream :data) [:subject :common-name]))
  (def [send receive] (make-proto stream))
  (while (def call (receive)) (send (answer-to who call)))
  (ev/close stream))

# ---- its clients ----

(defn with-service [port identity f]
  (with [stream (tls/connect "localhost" port identity)]
    (def [send receive] (make-proto stream))
    (f (fn [& call]
         (send call)
         (match (receive)
           [:ok value] value
           [:error why] (string "refused: " why))))))

(defn demonstrate []
  (def ca (cert/generate-self-signed-cert {:common-name "Our CA" :key-type :ec-p256}))
  (defn issue [name]
    (merge {:ca-file (ca :cert)}
           (cert/issue-cert {:issuer-cert (ca :cert) :issuer-key (ca :key) :common-name name
                             :key-type :ec-p256})))
  (def listener (tls/listen "127.0.0.1" "0"))
  (ev/go (fn [] (tls/accept-loop listener (merge (issue "localhost") {:verify true}) handle)))
  (def port (get (net/localname listener) 1))
  (each name ["shop.example" "office.example"]
    (with-service port (issue name)
      (fn [call]
        (print name " counts apples: " (call :count :apples))
        (print name " orders pears: " (call :order :pears 10)))))
  (ev/close listener))

(defn main [&] (demonstrate))

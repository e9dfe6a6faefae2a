# A request to AWS, signed by Signature Version 4: a chain of HMACs makes a key for one day, region
# and service. The request is that of AWS's documentation, with its result.
(import jsec/crypto)

(defn- hex-digest [data] (string (crypto/hex-encode (crypto/digest :sha256 data))))

(defn- hmac [key data] (crypto/hmac :sha256 key data))

(defn- percent-encode [text]
  (string/join
    (seq [byte :in text]
      (if (peg/match '(range "az" "AZ" "09" "--" ".." "__" "~~") (string/from-bytes byte))
        (string/from-bytes byte)
        (string/format "%%%02X" byte)))))

(defn- canonical-request [{:method method :path path :query query :headers headers :body body}]
  (def names (sorted (keys headers)))
  (string/join
    [method
     path
     (string/join (sorted (seq [[k v] :pairs query]
                            (string (percent-encode k) "=" (percent-encode v)))) "&")
     ;(map |(string $ ":" (string/trim (headers $))) names)
     ""
     (string/join names ";")
     (hex-digest (or body ""))] "\n"))

(defn authorization
  "The Authorization header of a request whose headers, in lower case, have x-amz-date and host."
  [request {:id id :secret secret :region region :service service}]
  (def time (get-in request [:headers "x-amz-date"]))
  (def day (string/slice time 0 8))
  (def scope (string/join [day region service "aws4_request"] "/"))
  (def text (string/join ["AWS4-HMAC-SHA256" time scope (hex-digest (canonical-request request))]
                         "\n"))
  (def key (reduce hmac (string "AWS4" secret) [day region service "aws4_request"]))
  (string "AWS4-HMAC-SHA256 Credential=" id "/" scope
          ", SignedHeaders=" (string/join (sorted (keys (request :headers))) ";")
          ", Signature=" (crypto/hex-encode (hmac key text))))

(def request
  {:method "GET" :path "/" :query {"Action" "ListUsers" "Version" "2010-05-08"}
   :headers {"content-type" "application/x-www-form-urlencoded; charset=utf-8"
             "host" "iam.amazonaws.com" "x-amz-date" "20150830T123600Z"}})
(def account {:id "AKIDEXAMPLE" :secret "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
              :region "us-east-1" :service "iam"})

(def header (authorization request account))
(print "Authorization: " header)
(assert (string/has-suffix? "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
                            header))

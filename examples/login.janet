# A login with a password and a one-time code of a phone. What is stored is of no use to a thief of
# passwords, and no code works twice.
(import jsec/crypto)

(def users "By name: a password hash, the secret of the phone, the last step that was used." @{})

(defn sign-up
  "Store a user. Returns the URI to show as a QR code."
  [name password]
  (def secret (crypto/random-bytes 20))
  (put users name @{:hash (crypto/hash-password password) :secret secret})
  (crypto/otp-uri secret name {:issuer "Example"}))

# Unknown names take as long as known ones.
(def absent (crypto/hash-password (crypto/random-bytes 16)))

(defn- password-right? [user password]
  (def stored (get user :hash absent))
  (def right (crypto/verify-password password stored))
  (if (and user right (crypto/needs-rehash? stored)) # the costs have grown since
    (put user :hash (crypto/hash-password password)))
  (and user right))

(defn- code-right? [user code]
  (if-let [step (crypto/verify-totp (user :secret) code {:after (user :step)})]
    (put user :step step)))

# A server also limits the attempts, by user and by address.
(defn login [name password code]
  (def user (users name))
  (truthy? (and (password-right? user password) (code-right? user code))))

(def uri (sign-up "ada@example.org" "correct horse"))
(print "scan this: " (first (string/split "?" uri)) "?secret=...")
(print "stored:    " (string/slice (get-in users ["ada@example.org" :hash]) 0 31) "...")

(defn phone [] (crypto/totp (get-in users ["ada@example.org" :secret])))

(assert (not (login "ada@example.org" "battery staple" (phone))))
(assert (not (login "bob@example.org" "correct horse" (phone))))
(assert (not (login "ada@example.org" "correct horse" "12345")))
(def code (phone))
(assert (login "ada@example.org" "correct horse" code))
(assert (not (login "ada@example.org" "correct horse" code)))
(print "a wrong password, a wrong code and a used code are refused")

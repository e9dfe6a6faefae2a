# Stored passwords: known hashes, other programs in both directions, then hostile strings.
(import ../support/check :prefix "")
(import ../support/judges)
(import ../support/vectors :prefix "")
(import jsec/crypto)
(import jsec/tls)

(def has-argon2 ((tls/features) :argon2))

(defmacro argon2-test [fact & body]
  ~(if has-argon2
     (test ,fact ,;body)
     (skip ,fact "neither this OpenSSL nor a library has Argon2")))

(def cheap
  "Options of each algorithm at little cost."
  [;(if has-argon2 [{:algorithm :argon2id :memory 64 :iterations 1}
                    {:algorithm :argon2id :memory 256 :iterations 3 :parallelism 4}] [])
   {:algorithm :scrypt :n 16 :r 1 :p 1}
   {:algorithm :scrypt :n 1024 :r 4 :p 3}
   {:algorithm :pbkdf2 :iterations 1000}
   {:algorithm :pbkdf2 :iterations 1001 :digest :sha512}])

(defn unpadded [bytes] (string/trimr (crypto/base64-encode bytes) "="))

(def verify crypto/verify-password)

# --- known hashes ---

(argon2-test "the hashes of argon2's own tests verify, those of its first version too"
  (each stored
    ["$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
     "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
     "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"
     "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"]
    (is= true (verify "password" stored) stored)
    (is= true (verify @"password" (buffer stored)) stored)
    (is= false (verify "Password" stored) stored))
  (is= true (verify "password" (string "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
                                       "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"))))

(test "RFC 7914's vectors of scrypt and PBKDF2 verify"
  (def scrypt (string "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                      "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"))
  (is= true (verify "pleaseletmein" (string "$scrypt$ln=14,r=8,p=1$" (unpadded "SodiumChloride")
                                            "$" (unpadded (unhex scrypt)))))
  (def pbkdf2 (string "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
                      "a49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a1978"))
  (def hash (unpadded (unhex (string/slice pbkdf2 0 64))))
  (each form [(string "$pbkdf2-sha256$i=1$" (unpadded "salt") "$" hash)
              (string "$pbkdf2-sha256$i=1,l=32$" (unpadded "salt") "$" hash)
              (string "$pbkdf2-sha256$1$" (unpadded "salt") "$" (string/replace-all "+" "." hash))
              (string "pbkdf2_sha256$1$salt$" hash "=")]
    (is= true (verify "passwd" form) form)
    (is= false (verify "passwdx" form) form)))

(test "a hash has the costs that were asked for, and OWASP's by default"
  (defn starts [prefix opts]
    (is (string/has-prefix? prefix (crypto/hash-password "p" opts)) prefix))
  (if has-argon2
    (do
      (starts "$argon2id$v=19$m=19456,t=2,p=1$" nil)
      (starts "$argon2id$v=19$m=19456,t=2,p=1$" {:algorithm "argon2id"})
      (starts "$argon2id$v=19$m=64,t=3,p=8$" {:memory 64 :iterations 3 :parallelism 8}))
    (starts "$scrypt$ln=17,r=8,p=1$" nil))
  (starts "$scrypt$ln=17,r=8,p=1$" {:algorithm :scrypt})
  (starts "$scrypt$ln=4,r=2,p=3$" {:algorithm :scrypt :n 16 :r 2 :p 3})
  (starts "$pbkdf2-sha256$i=600000$" {:algorithm :pbkdf2})
  (starts "$pbkdf2-sha512$i=210000$" {:algorithm :pbkdf2 :digest :sha512}))

(test "a password verifies against its own hash alone, and each hash has a salt of its own"
  (each opts cheap
    (each password ["" "p" "pass\0word" (string/repeat "long" 5000) "pässwörd"
                    (crypto/random-bytes 99)]
      (def stored (crypto/hash-password password opts))
      (is (string? stored))
      (is (not= stored (crypto/hash-password password opts)))
      (is= true (verify password stored))
      (is= false (verify (string password "x") stored))
      (is= (empty? password) (verify "" stored))
      (is= false (crypto/needs-rehash? stored opts)))))

(test "parameters may stand in any order, as npm's argon2 sorts them"
  (def stored (crypto/hash-password "p" {:algorithm :scrypt :n 16 :r 2 :p 3}))
  (def sorted (string/replace "ln=4,r=2,p=3" "p=3,r=2,ln=4" stored))
  (is (not= sorted stored))
  (is= true (verify "p" sorted))
  (is= false (crypto/needs-rehash? sorted {:algorithm :scrypt :n 16 :r 2 :p 3})))

(test "a change of salt or hash is a wrong password"
  (each opts cheap
    (def stored (crypto/hash-password "password" opts))
    (def parts (string/split "$" stored))
    (loop [at :in [(- (length parts) 2) (dec (length parts))]]
      (def bytes (buffer (parts at)))
      (put bytes 0 (if (= (chr "A") (bytes 0)) (chr "B") (chr "A")))
      (def changed (array ;parts))
      (put changed at (string bytes))
      (is= false (verify "password" (string/join changed "$"))))))

(unless has-argon2
  (test "without Argon2 its hashes are refused with what has it"
    (def why "argon2 needs OpenSSL 3.2 or later, or a build with libargon2: this is OpenSSL 3.")
    (fails-with (string "crypto/hash-password: " why)
                (crypto/hash-password "p" {:algorithm :argon2id}))
    (fails-with (string "crypto/verify-password: " why)
                (verify "p" (string "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$"
                                    "bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc")))))

# --- needs-rehash? ---

(test "a hash is renewed when any cost, the algorithm or the form is another"
  (def stored (crypto/hash-password "p" {:algorithm :scrypt :n 16 :r 2 :p 3}))
  (defn renewed? [opts] (crypto/needs-rehash? stored (merge {:algorithm :scrypt} opts)))
  (is= false (renewed? {:n 16 :r 2 :p 3}))
  (each opts [{} {:n 32 :r 2 :p 3} {:n 8 :r 2 :p 3} {:n 16 :r 1 :p 3} {:n 16 :r 2 :p 4}]
    (is= true (renewed? opts)))
  (is= true (crypto/needs-rehash? stored {:algorithm :pbkdf2}))
  (is= true (crypto/needs-rehash? stored))
  (def salt (unpadded (string/repeat "s" 16)))
  (def hash (unpadded (string/repeat "h" 32)))
  (def pbkdf2 {:algorithm :pbkdf2 :iterations 1000})
  (is= false (crypto/needs-rehash? (string "$pbkdf2-sha256$i=1000$" salt "$" hash) pbkdf2))
  (is= false (crypto/needs-rehash? (string "$pbkdf2-sha256$i=1000,l=32$" salt "$" hash) pbkdf2))
  (each other [(string "$pbkdf2-sha256$1000$" salt "$" hash)
               (string "pbkdf2_sha256$1000$" salt "$" hash "=")
               (string "$pbkdf2-sha512$i=1000$" salt "$" hash)
               (string "$pbkdf2-sha256$i=1000$" (unpadded "12345678") "$" hash)
               (string "$pbkdf2-sha256$i=1000$" salt "$" (unpadded (string/repeat "h" 31)))]
    (is= true (crypto/needs-rehash? other pbkdf2) other))
  (def usual (if has-argon2 "$argon2id$v=19$m=19456,t=2,p=1$" "$scrypt$ln=17,r=8,p=1$"))
  (is= false (crypto/needs-rehash? (string usual salt "$" hash)))
  (each other ["$argon2i$v=19$m=19456,t=2,p=1$" "$argon2id$v=16$m=19456,t=2,p=1$"
               "$argon2id$m=19456,t=2,p=1$" "$argon2id$v=19$m=19457,t=2,p=1$"
               "$argon2id$v=19$m=19456,t=1,p=1$" "$argon2id$v=19$m=19456,t=2,p=2$"]
    (is= true (crypto/needs-rehash? (string other salt "$" hash)) other))
  (fails-with "crypto/needs-rehash?: not a password hash" (crypto/needs-rehash? "secret")))

# --- other programs ---

(defn debian-python [module]
  ["/usr/bin/python3" (string "/usr/lib/python3/dist-packages/" module "/__init__.py")])

(defn python
  "What a program in Python prints; `data` is standard input."
  [program &opt input]
  (string/trim (judges/run ["/usr/bin/python3" "-c"
                            (string "import sys\ndata = sys.stdin.read()\n" program)]
                           (or input ""))))

(if has-argon2
  (peer-test (debian-python "argon2") "argon2-cffi verifies ours, and we what it writes"
    (each [opts costs] [[{} "19456, 2, 1"]
                        [{:memory 1024 :iterations 3 :parallelism 4} "1024, 3, 4"]]
      (def stored (crypto/hash-password "pässword" opts))
      (is= "True False"
           (python (string "from argon2 import PasswordHasher as P\nm, t, p = " costs "\n"
                           "h = P(time_cost=t, memory_cost=m, parallelism=p, hash_len=32, "
                           "salt_len=16)\n"
                           "print(h.verify(data, 'pässword'), h.check_needs_rehash(data))")
                   stored)))
    (each kind ["ID" "I" "D"]
      (def theirs
        (python (string "from argon2 import PasswordHasher as P, Type as T\n"
                        "print(P(time_cost=2, memory_cost=512, parallelism=3, type=T." kind
                        ").hash('pässword'))")))
      (is= true (verify "pässword" theirs) theirs)
      (is= false (verify "passwort" theirs) theirs))))

(if has-argon2
  (peer-test "argon2" "the argon2 command makes the hashes that we verify"
    (each kind ["-id" "-i" "-d"]
      (each version ["13" "10"]
        (def stored
          (string/trim (judges/run ["argon2" "saltsalt" kind "-m" "9" "-t" "3" "-p" "2" "-e" "-l"
                                    "24" "-v" version] "password")))
        (is= true (verify "password" stored) stored)
        (is= false (verify "password1" stored) stored)))))

(if has-argon2
  (judges/npm-test "argon2" "argon2 of npm verifies ours, and we what it writes"
    (def stored (crypto/hash-password "pässword" {:memory 1024 :iterations 3 :parallelism 4}))
    (is= "true false"
         (string/trim
           (judges/ask-npm (string "import argon2 from 'argon2';"
                                   "console.log(await argon2.verify(input, 'pässword'), "
                                   "await argon2.verify(input, 'passwort'))") stored)))
    (each kind ["argon2id" "argon2i" "argon2d"]
      (def theirs
        (string/trim
          (judges/ask-npm (string "import argon2 from 'argon2';"
                                  "console.log(await argon2.hash('pässword', {type: argon2." kind
                                  ", memoryCost: 1024, parallelism: 3}))") "")))
      (is= true (verify "pässword" theirs) theirs)
      (is= false (verify "passwort" theirs) theirs))))

(peer-test (debian-python "passlib")
           "passlib verifies ours, and we what it writes, Django's forms too"
  (def imports "from passlib import hash as h\n")
  (def ours (crypto/hash-password "pässword" {:algorithm :scrypt :n 1024 :r 4 :p 3}))
  (is= "True" (python (string imports "print(h.scrypt.verify('pässword', data))") ours))
  (each [algorithm costs]
    [["pbkdf2_sha256" "rounds=2000"] ["pbkdf2_sha512" "rounds=2000"] ["pbkdf2_sha1" "rounds=2000"]
     ["pbkdf2_sha256" "rounds=2000, salt_size=33"] ["django_pbkdf2_sha256" "rounds=2000"]
     ["django_pbkdf2_sha1" "rounds=2000"] ["scrypt" "rounds=10"]
     ["scrypt" "rounds=6, block_size=3, parallelism=5"]]
    (def theirs
      (python (string imports "for i in range(3): print(h." algorithm ".using(" costs
                      ").hash('pässword'))")))
    (each stored (string/split "\n" theirs)
      (is= true (verify "pässword" stored) stored)
      (is= false (verify "pässwort" stored) stored)
      (is= true (crypto/needs-rehash? stored) stored))))

(peer-test "/usr/bin/python3" "hashlib computes the same hash of PBKDF2"
  (each digest ["sha256" "sha512"]
    (def opts {:algorithm :pbkdf2 :iterations 2000 :digest digest})
    (def stored (crypto/hash-password "pässword" opts))
    (def [_ _ _ salt hash] (string/split "$" stored))
    (is= hash
         (python (string "import hashlib, base64\ns = base64.b64decode(data + '==')\n"
                         "print(base64.b64encode(hashlib.pbkdf2_hmac('" digest
                         "', 'pässword'.encode(), s, 2000, 32)).decode().rstrip('='))") salt))))

# --- hostile strings ---

(def salt (unpadded (string/repeat "s" 16)))
(def hash (unpadded (string/repeat "h" 32)))
(def tail (string salt "$" hash))

(test "what is no password hash is refused, and the text is not shown"
  (each stored ["" "$" "password" "$argon2" "$argon2x$v=19$m=8,t=1,p=1$" "$1$salt$hash" "$scrypt"
                "{SSHA}abc" "$pbkdf2-md5$1000$" "pbkdf2_md5$1000$salt$" "\0"
                " $scrypt$ln=4,r=1,p=1$" "argon2$argon2id$v=19$m=8,t=1,p=1$"
                "5f4dcc3b5aa765d61d8327deb882cf99"]
    (fails-with "crypto/verify-password: not a password hash: expected $argon2id$"
                (verify "p" (string stored tail))))
  (fails-with "crypto/verify-password: bcrypt is not supported"
              (verify "p" "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW")))

(def damaged-parameters
  {"argon2" (map |(string "$argon2id$" $)
                 ["" "v=19" "v=18$m=8,t=1,p=1$" "v=19$m=8,t=1$" "v=19$m=8,t=1,p=0$"
                  "v=19$m=8,t=0,p=1$"
                  "v=19$m=7,t=1,p=1$" "v=19$m=15,t=1,p=2$" "v=19$m=08,t=1,p=1$" "v=019$m=8,t=1,p=1$"
                  "v=19$m=8,t=1,t=1$" "v=19$m=8,t=1,p=1,t=1$" "v=19$m=8,t=1,p=1,$"
                  "v=19$,m=8,t=1,p=1$"
                  "v=19$m=8$t=1$p=1$" "v=19$m=8,t=1,p=1,keyid=AAAA$"
                  "v=19$m=-8,t=1,p=1$" "v=19$m=+8,t=1,p=1$" "v=19$m= 8,t=1,p=1$"
                  "v=19$m=8.0,t=1,p=1$"
                  "v=19$m=4294967304,t=1,p=1$" "v=19$m=99999999999999999999,t=1,p=1$"
                  "v=19$m=4294967295,t=1,p=16777216$" "v=19$$" "V=19$m=8,t=1,p=1$"
                  "v=19$m=0x8,t=1,p=1$"])
   "scrypt" (map |(string "$scrypt$" $)
                 ["" "ln=0,r=8,p=1$" "ln=04,r=8,p=1$" "ln=32,r=8,p=1$" "ln=16,r=1,p=1$"
                  "ln=4,r=0,p=1$"
                  "ln=4,r=8,p=0$" "ln=4,r=32768,p=32768$" "ln=4,r=4294967295,p=4294967295$"
                  "n=16,r=8,p=1$" "ln=4,r=8,p=1,ln=4$" "ln=4,r=8$" "v=1$ln=4,r=8,p=1$"])
   "pbkdf2" ["$pbkdf2-sha256$" "$pbkdf2-sha256$0$" "$pbkdf2-sha256$i=0$" "$pbkdf2-sha256$i=01$"
             "$pbkdf2-sha256$01$" "$pbkdf2-sha256$i=1000,l=31$" "$pbkdf2-sha256$i=1000,l=0$"
             "$pbkdf2-sha256$i=1000,l=$" "$pbkdf2-sha256$i=4294967296$"
             "$pbkdf2-sha256$i=1000,i=1000$"
             "$pbkdf2-sha256$l=32$" "$pbkdf2-sha256$i=1000,$" "pbkdf2_sha256$i=1000$"
             "$pbkdf2-sha256$1000,l=32$" "pbkdf2_sha256$-1$" "pbkdf2_sha256$i1000$"
             "pbkdf2_sha256$" "$pbkdf2-sha512$1e3$"]})

(test "parameters that are damaged, missing or given twice are refused"
  (eachp [algorithm beginnings] damaged-parameters
    (each beginning beginnings
      (fails-with (string "crypto/verify-password: damaged password hash: the parameters are not "
                          "those of " algorithm)
                  (verify "p" (string beginning tail))))))

(def beginnings ["$argon2id$v=19$m=64,t=1,p=1$" "$scrypt$ln=4,r=1,p=1$" "$pbkdf2-sha256$i=1000$"
                 "$pbkdf2-sha256$1000$"])

(test "salts and hashes that are damaged, cut or too long are refused"
  (each beginning beginnings
    (each bad ["" "A" "AAAAA" "AA==" "AB" "AA A" "AA\0A" "_-_-_-_-_-_-_-_-" (string/repeat "A" 87)
               (string/repeat "A" 100000)]
      (fails-with "damaged password hash: no salt of" (verify "p" (string beginning bad "$" hash)))
      (fails-with "damaged password hash: no hash of 12 to 64 bytes"
                  (verify "p" (string beginning salt "$" bad))))
    (fails-with "no salt of" (verify "p" (string beginning salt)))
    (each behind ["$" "=" "\n" "\0" "," "$AAAA"]
      (fails-with "no hash of" (verify "p" (string beginning tail behind))))
    (fails-with "no hash of" (verify "p" (string beginning salt "$" (unpadded "eleven bits"))))
    (if-not (= "$pbkdf2-sha256$1000$" beginning)
      (fails-with "no hash of"
                  (verify "p" (string beginning salt "$" (string/repeat ".AAA" 8))))))
  (fails-with "no salt of 8 to 64 bytes"
              (verify "p" (string (beginnings 0) (unpadded "seven b") "$" hash)))
  (each [s h] [["" hash] ["salt" hash] [(string/repeat "s" 65) (string hash "=")] ["salt" "AAAA="]]
    (fails-with "damaged password hash: no" (verify "p" (string "pbkdf2_sha256$1$" s "$" h)))))

(test "a cost above the limits is refused at once, whatever the string asks for"
  (def clock (os/clock :monotonic))
  (each [beginning why]
    [["$argon2id$v=19$m=4294967295,t=1,p=1$" "takes 4194304 MB of memory, 256 are allowed"]
     ["$argon2id$v=19$m=262145,t=1,p=1$" "takes 256 MB of memory, 256 are allowed"]
     ["$argon2id$v=19$m=262144,t=9,p=1$" "takes 9 passes over 256 MB of memory, too many"]
     ["$argon2id$v=19$m=8,t=4294967295,p=1$" "passes over 0 MB of memory, too many"]
     ["$argon2i$m=134217720,t=1,p=16777215$" "MB of memory, 256 are allowed"]
     ["$scrypt$ln=31,r=8,p=1$" "takes 2097152 MB of memory"]
     ["$scrypt$ln=4,r=1073741823,p=1$" "MB of memory, 256 are allowed"]
     ["$scrypt$ln=4,r=1,p=1073741823$" "MB of memory, 256 are allowed"]
     ["$scrypt$ln=17,r=8,p=17$" "takes 17 passes over 128 MB of memory, too many"]
     ["$pbkdf2-sha256$i=4294967295$" "takes 4294967295 iterations, 10000000 are allowed"]
     ["$pbkdf2-sha256$10000001$" "takes 10000001 iterations"]
     ["pbkdf2_sha256$4294967295$" "takes 4294967295 iterations"]]
    (def padded (if (string/has-prefix? "pbkdf2_" beginning) (string tail "=") tail))
    (fails-with why (verify "p" (string beginning padded))))
  (fails-with "takes 10000002 iterations" # two blocks of SHA-256
              (verify "p" (string "$pbkdf2-sha256$i=5000001$" salt "$"
                                  (unpadded (string/repeat "h" 64)))))
  (is (< (- (os/clock :monotonic) clock) 1)))

(test "limits are options, exactly, of hashing as well"
  (def scrypt (string "$scrypt$ln=10,r=8,p=1$" tail))
  (def needed (* 128 8 1025))
  (is= false (verify "p" scrypt {:max-memory needed}))
  (fails-with "1 MB of memory, 1 are allowed: a larger :max-memory"
              (verify "p" scrypt {:max-memory (dec needed)}))
  (fails-with "crypto/hash-password: the hash takes 1 MB of memory"
              (crypto/hash-password "p" {:algorithm :scrypt :n 1024 :max-memory (dec needed)}))
  (is= false (verify "p" (string "$pbkdf2-sha256$i=1000$" tail) {:max-iterations 1000}))
  (fails-with "takes 1000 iterations, 999 are allowed: a larger :max-iterations"
              (verify "p" (string "$pbkdf2-sha256$i=1000$" tail) {:max-iterations 999}))
  (fails-with "takes 512 MB of memory" (crypto/hash-password "p" {:algorithm :scrypt :n 524288}))
  (fails-with "MB of memory" (crypto/hash-password "p" {:algorithm :argon2id :memory 300000})))

(test "options are checked, and belong to one algorithm"
  (each [options why]
    [[{:algorithm :bcrypt} "bad option :algorithm, expected one of :argon2id :scrypt :pbkdf2"]
     [{:algorithm :scrypt :n 1000} "bad option :n, expected a power of 2, got 1000"]
     [{:algorithm :scrypt :r 1000000 :p 10000} "bad options, :r times :p must be less than 2^30"]
     [{:algorithm :scrypt :memory 64} "bad option :memory, scrypt has none"]
     [{:algorithm :scrypt :iterations 64} "bad option :iterations, scrypt has none"]
     [{:algorithm :pbkdf2 :n 16} "bad option :n, pbkdf2 has none"]
     [{:algorithm :pbkdf2 :iterations 999} "bad option :iterations, expected 1000 or more, got 999"]
     [{:algorithm :pbkdf2 :digest :md5} "bad option :digest, expected one of :sha256 :sha512"]
     [{:algorithm :argon2id :digest :sha256} "bad option :digest, argon2id has none"]
     [{:algorithm :argon2id :p 2} "bad option :p, argon2id has none"]
     [{:algorithm :argon2id :memory 15 :parallelism 2}
      "bad option :memory, expected 8 KiB for each of :parallelism, got 15"]
     [{:algorithm :argon2id :memory 7} "bad option :memory, expected integer from 8"]
     [{:max-memory 0} "bad option :max-memory, expected number of bytes"]
     [{:salt "s"} "unknown option :salt"]]
    (fails-with (string "crypto/hash-password: " why) (crypto/hash-password "p" options))
    (fails-with (string "crypto/needs-rehash?: " why)
                (crypto/needs-rehash? (string (beginnings 1) tail) options)))
  (fails-with "unknown option :n" (verify "p" (string (beginnings 1) tail) {:n 16}))
  (fails-with "bad slot #0, expected string or buffer" (crypto/hash-password :p))
  (fails-with "bad slot #1, expected string or buffer" (verify "p" nil)))

(test "each call waits on a worker, and other fibers go on"
  (var turns 0)
  (var done false)
  (ev/spawn (while (not done) (++ turns) (ev/sleep 0)))
  (each opts cheap
    (def before turns)
    (def stored (crypto/hash-password "p" opts))
    (is (> turns before))
    (def before turns)
    (verify "p" stored)
    (is (> turns before)))
  (set done true))

(end)

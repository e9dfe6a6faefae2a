# How jsec is built and installed: read by jpm, by spork's janet-pm, and by `janet --install .` (bundle/init.janet).

(declare-project
  :name "jsec"
  :description "TLS, DTLS, certificates and cryptography on OpenSSL"
  :author "the jsec authors"
  :license "MIT"
  :version "0.1.0")

(defn- pkg-config
  "What pkg-config says of OpenSSL, as words; `fallback` without it. (jpm has no key for this.)"
  [flag fallback]
  (try
    (let [process (os/spawn ["pkg-config" "--silence-errors" flag "openssl"] :px {:out :pipe})
          words (:read (process :out) :all)]
      (os/proc-wait process)
      (filter next (string/split " " (string/trim (or words "")))))
    ([_] fallback)))

(defn- files [ending &opt folder]
  (default folder "src")
  (mapcat |(let [path (string folder "/" $)]
             (if (= :directory (os/stat path :mode))
               (files ending path)
               (if (string/has-suffix? ending path) [path] [])))
          (sort (os/dir folder))))

# Before the native module: janet-pm makes the folder jsec/ here, and wants to be the one that does.
(declare-source :source ["jsec"])

(declare-native
  :name "jsec/native"
  :source (files ".c")
  :headers (files ".h")
  :cflags ["-std=c11" "-fvisibility=hidden" "-Isrc" ;(pkg-config "--cflags" [])]
  :lflags (pkg-config "--libs" ["-lssl" "-lcrypto"]))

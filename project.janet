# How jsec is built and installed: read by jpm, by spork's janet-pm, and by `janet --install .`
# (bundle/init.janet).

# The only place of the version; the C code gets it as a define, here and from the Makefile.
(def- version "0.3.0")

(declare-project
  :name "jsec"
  :description "TLS, DTLS, certificates and cryptography on OpenSSL"
  :author "the jsec authors"
  :license "MIT"
  :version version)

# ---- Janet ----

(let [[major minor] (map scan-number (string/split "." janet/version))
      missing (cond
                (< (+ (* 100 major) minor) 141) "is older than 1.41"
                (nil? (root-env 'ev/go)) "was built without its event loop (JANET_NO_EV)"
                (nil? (root-env 'net/listen)) "was built without net (JANET_NO_NET)")]
  (if missing (errorf "jsec: this Janet, %s, %s: use another" janet/version missing)))

# ---- OpenSSL ----

(defn- pkg-config
  "What pkg-config says of a library, as words; nil without it. (jpm has no key for this.)"
  [flag &opt library]
  (default library "openssl")
  (try
    (let [process (os/spawn ["pkg-config" "--silence-errors" flag library] :px {:out :pipe})
          words (:read (process :out) :all)]
      (os/proc-wait process)
      (filter next (string/split " " (string/trim (or words "")))))
    ([_] nil)))

(def- places
  ``Where packages put OpenSSL that compilers don't look: Homebrew, MacPorts, pkgsrc, OpenBSD's
  ports.``
  (filter |(os/stat (string $ "/include/openssl/ssl.h"))
          ["/opt/homebrew/opt/openssl@3" "/usr/local/opt/openssl@3" "/opt/local/libexec/openssl3"
           "/usr/pkg"]))

# Argon2 of libargon2, where OpenSSL is older than 3.2 and has none; JSEC_LIBARGON2=no omits it.
(def- argon2
  (if (and (not= "no" (os/getenv "JSEC_LIBARGON2")) (pkg-config "--exists" "openssl < 3.2"))
    (pkg-config "--libs" "libargon2")))
(def- argon2-cflags
  (if argon2 ["-DJSEC_LIBARGON2" ;(pkg-config "--cflags" "libargon2")] []))

(def- cflags [;(or (pkg-config "--cflags") (map |(string "-I" $ "/include") (take 1 places)))
              ;argon2-cflags])
(def- lflags [;(or (pkg-config "--libs")
                   [;(mapcat |[(string "-L" $ "/lib") (string "-Wl,-rpath," $ "/lib")]
                             (take 1 places)) "-lssl" "-lcrypto"])
              ;(or argon2 [])])

(def- probe ``
#include <openssl/ssl.h>
#if OPENSSL_VERSION_NUMBER < 0x30000000L
#error too old
#endif
``)

(def- packages ``
  Debian, Ubuntu    apt install gcc libssl-dev
  Fedora, RHEL      dnf install gcc openssl-devel
  Alpine            apk add gcc musl-dev openssl-dev
  Arch              pacman -S gcc openssl
  macOS             xcode-select --install; brew install openssl@3
  FreeBSD           in the base system since 14; before: pkg install openssl
  NetBSD            pkgin install openssl
  OpenBSD           pkg_add openssl (3 or later: its own LibreSSL does not do), and
                    PKG_CONFIG_PATH set to that package's pkgconfig folder
Where it is in a place of its own, set PKG_CONFIG_PATH, or CPATH and LIBRARY_PATH. With OpenSSL
before 3.2, libargon2 is used for passwords where pkg-config finds it (Debian: libargon2-dev).
``)

(defn- preprocesses?
  "Does the C compiler accept that text? Raises where there is no compiler."
  [compiler text]
  (with [null (file/open "/dev/null" :w)]
    (def process (os/spawn [;compiler ;cflags "-E" "-x" "c" "-o" "/dev/null" "-"] :p
                           {:in :pipe :out null :err null}))
    (:write (process :in) text)
    (:close (process :in))
    (= 0 (os/proc-wait process))))

# Else hundreds of lines of a compiler's would say it.
(let [compiler (os/getenv "CC" "cc")
      [found fine] (protect (preprocesses? (filter next (string/split " " compiler)) probe))]
  (unless found
    (errorf
      "jsec: there is no C compiler %q (the environment variable CC names another). Install:\n%s"
      compiler packages))
  (unless fine
    (errorf "jsec: OpenSSL's headers, version 3.0 or later, are missing. Install:\n%s" packages)))

# ---- what is installed ----

(defn- files [ending &opt folder]
  (default folder "src")
  (mapcat |(let [path (string folder "/" $)]
             (if (= :directory (os/stat path :mode))
               (files ending path)
               (if (string/has-suffix? ending path) [path] [])))
          (sort (os/dir folder))))

# Before the native module: janet-pm makes the folder jsec/ here, and wants to be the one that does.
(declare-source :source ["jsec"])

(def- native
  {:name "jsec/native"
   :source (files ".c")
   :headers (files ".h")
   :cflags ["-std=c11" "-fvisibility=hidden" "-Isrc" (string "-DJSEC_VERSION=" version) ;cflags]
   :lflags lflags})

# jpm's declare-native compiles each file a second time, for the archive. Only the object with the
# module's entry differs there, by the entry's name.
(compwhen (dyn 'archive-c)
  (setdyn :nostatic true)
  (def- entry (find |(string/find "JANET_MODULE_ENTRY" (slurp $)) (native :source)))
  (def- entry-object (out-path entry ".c" ".static.o"))
  (def- archive (string (find-build-dir) (native :name) (dyn :statext)))
  (compile-c :cc (merge native {:entry-name (entry-name (native :name))}) entry entry-object true)
  (archive-c native archive entry-object
             ;(map |(out-path $ ".c" ".o") (filter |(not= entry $) (native :source))))
  (add-dep "build" archive)
  (install-rule archive (string (dyn :modpath) "/jsec")))

(declare-native ;(kvs native))

(declare-binscript :main "bin/jsec" :hardcode-syspath true)
(declare-manpage "man/jsec.1")

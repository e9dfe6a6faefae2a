# Installed in each way into an empty place, used from there by a script that knows nothing else,
# and removed again.
(import ../support/check :prefix "")
(import ../support/commands :prefix "")

(def root (os/cwd))
(def janet (os/realpath (find-program "janet")))

(defn- tools-folder
  "A folder for PATH that holds these programs alone: no pkg-config, say."
  [& names]
  (def folder (tmpdir))
  (each name names (os/symlink (os/realpath (find-tool name)) (string folder "/" name)))
  (os/symlink janet (string folder "/janet"))
  folder)

(defn- checkout
  "A copy of what a checkout has, without what was built."
  []
  (def folder (tmpdir))
  (each name ["project.janet" "bundle" "bin" "jsec" "man" "src" "README.md"]
    (os/execute ["cp" "-R" (string root "/" name) folder] :px))
  folder)

(def imports ``
(import jsec/bio)
(import jsec/cert)
(import jsec/crypto)
(import jsec/dtls)
(import jsec/dtls-stream)
(import jsec/net)
(import jsec/tls)
(import jsec/tls-stream)
``)

(def version (first (peg/match '(* (thru `(def- version "`) '(to `"`)) (slurp "project.janet"))))

# Something of each module; core's ev/read and ev/write on streams of ours.
(def program ``
(def own (cert/generate-self-signed-cert {:common-name "localhost" :key-type :ec-p256}))
(def listener (tls/listen "127.0.0.1" 0))
(ev/go (fn [] (tls/accept-loop listener own (fn [s] (with [_ s] (ev/write s (ev/read s 100)))))))
(with [s (tls/connect "localhost" (get (net/localname listener) 1) {:trusted-cert (own :cert)})]
  (ev/write s "hello")
  (print (ev/read s 100) " over " (tls-stream/version s) ", "
         (length (crypto/digest :sha256 "")) " bytes of SHA-256"))
(ev/close listener)
(def server (dtls/listen "127.0.0.1" 0 own))
(ev/go (fn []
         (def datagram @"")
         (dtls/send-to server (dtls/recv-from server 100 datagram) datagram)))
(with [c (dtls/connect "localhost" (get (dtls/localname server) 1) {:trusted-cert (own :cert)})]
  (ev/write c "datagrams")
  (print (ev/read c 100) " over " (dtls-stream/version c)))
(dtls/close-server server)
(def memory (bio/new-mem))
(:write memory "bytes in memory")
(print (:read memory 100))
``)

(def shown "hello over TLSv1.3, 32 bytes of SHA-256\ndatagrams over DTLSv1.2\nbytes in memory\n")

(defn- works
  ``A script in an empty folder uses the modules in `modules`, and the tool runs without knowing
  where they are.``
  [modules tool path]
  (def empty-folder (tmpdir))
  (spit (string empty-folder "/try.janet") (string imports "\n" program))
  (is= shown
       (succeeds empty-folder {"PATH" path "JANET_PATH" modules} janet "try.janet"))
  (is (string/has-prefix? (string "jsec " version ",")
                          (succeeds empty-folder {"PATH" path} tool "--version"))))

# ---- janet --install ----

(def- build-tools ["cc" "as" "ld" "ar" "sh" "env"])

(test (string "janet --install works in a bare environment without pkg-config, and --uninstall "
              "leaves nothing") :deadline 300
  (def [tree source path] [(tmpdir) (checkout) (tools-folder ;build-tools)])
  (def env {"PATH" path "JANET_PATH" tree "HOME" (tmpdir)})
  # CC may be several words
  (def output
    (succeeds (tmpdir)
              (merge env {"JANET_HEADERPATH" (string root "/build/janet/include") "CC" "env cc"})
              janet "--install" source))
  (is (string/find (string "the tool is " tree "/bin/jsec\n") output) output)
  (is (string/find (string `export PATH="` tree `/bin:$PATH"`) output) output)
  (works tree (string tree "/bin/jsec") path)
  (is (os/stat (string tree "/man/man1/jsec.1")))
  (is= version
       (string/trim (succeeds (tmpdir) env janet "-e"
                              `(prin (get-in (bundle/manifest "jsec") [:info :version]))`)))
  (succeeds (tmpdir) env janet "--uninstall" "jsec")
  (is= [] (tuple ;(files-in tree))))

# ---- a machine that lacks something ----

(defn- install-with-compiler [compiler]
  (def path (tools-folder ;build-tools))
  (def [status output]
    (run (tmpdir) {"PATH" path "JANET_PATH" (tmpdir) "CC" compiler} janet "--install" (checkout)))
  (is (not= 0 status))
  (string output))

(def- systems ["Debian" "Fedora" "Alpine" "Arch" "macOS" "FreeBSD" "NetBSD" "OpenBSD"])

(test "where OpenSSL's headers are missing, the error names the package of each system"
  (def compiler (string (tmpdir) "/cc"))
  (spit compiler (string "#!/bin/sh\nexec " (find-tool "cc") " -nostdinc \"$@\"\n"))
  (os/chmod compiler 8r755)
  (def output (install-with-compiler compiler))
  (is (string/find "OpenSSL's headers, version 3.0 or later, are missing" output) output)
  (each system systems (is (string/find system output) system)))

(test "where there is no compiler, the error says so"
  (def output (install-with-compiler "/nowhere/cc"))
  (is (string/find `there is no C compiler "/nowhere/cc"` output) output)
  (each system systems (is (string/find system output) system)))

(defn- janet-with
  "A folder with a janet whose core environment a form has changed."
  [form]
  (def folder (tmpdir))
  (spit (string folder "/janet") (string "#!/bin/sh\nexec " janet " -e '" form "' \"$@\"\n"))
  (os/chmod (string folder "/janet") 8r755)
  folder)

(each [what form words]
  [["too old" `(put root-env (quote janet/version) @{:value "1.40.1"})`
    "is Janet 1.40.1, older than 1.41"]
   ["without an event loop" `(put root-env (quote ev/go) nil)`
    "was built without its event loop (JANET_NO_EV)"]
   ["without net" `(put root-env (quote net/listen) nil)` "was built without net (JANET_NO_NET)"]]
  (test (string "a Janet that is " what " is not used, and the reason is shown")
    (def path (string (janet-with form) ":" (os/getenv "PATH")))
    (def [_ output]
      (run root {"PATH" path} "tools/get-janet" (string (tmpdir) "/janet") "/nonexistent"))
    (is (string/find words output) output)))

(test "an offline build fetches nothing and names what is missing"
  (def into (string (tmpdir) "/deb"))
  (def [status output]
    (run root (merge (os/environ) {"OFFLINE" "1"}) "tools/fetch-deb" into "libjanet-dev" "forky"))
  (is (not= 0 status))
  (is (string/find "libjanet-dev must be fetched, and this build is offline" output) output)
  (is (nil? (os/stat into))))

# ---- make install ----

(defn- make [target prefix & more]
  (succeeds root (merge (os/environ) {"MAKELEVEL" "0"}) (find-tool "make") "-s" target
            (string "PREFIX=" prefix) ;more))

(test "make install PREFIX= puts everything where it belongs, and make uninstall takes it away"
  :deadline 300
  (def prefix (string (tmpdir) "/a prefix"))
  (def output (make "install" prefix))
  (is (string/find (string `export PATH="` prefix `/bin:$PATH"`) output) output)
  (works (string prefix "/lib/janet") (string prefix "/bin/jsec") (tools-folder "env"))
  (def pc (string prefix "/lib/pkgconfig/jsec.pc"))
  (is (os/stat pc))
  (each path ["man/man1/jsec.1" "bash-completion/completions/jsec" "zsh/site-functions/_jsec"
              "fish/vendor_completions.d/jsec.fish"]
    (is (pos? (os/stat (string prefix "/share/" path) :size)) path))
  (make "uninstall" prefix)
  (is= [] (tuple ;(files-in prefix))))

(test "make install refuses to install for a janet other than that of PATH"
  (def [folder prefix] [(tmpdir) (tmpdir)])
  (spit (string folder "/janet") "#!/bin/sh\nexit 1\n")
  (os/chmod (string folder "/janet") 8r755)
  (def [status output]
    (run root (merge (os/environ) {"MAKELEVEL" "0" "PATH" (string folder ":" (os/getenv "PATH"))})
         (find-tool "make") "-s" "install" (string "PREFIX=" prefix)))
  (is (not= 0 status) output)
  (is (string/find (string folder "/janet can't load what was built for ") output) output)
  (is (string/find "make clean" output) output)
  (is= [] (tuple ;(files-in prefix))))

(test "an object is made anew when the content of janet.h changes, and only then"
  (def [b j] [(tmpdir) (string (tmpdir) "/janet")])
  (succeeds root (os/environ) "cp" "-RL" (string root "/build/janet") j)
  (defn compiles? []
    (string/find "CC "
                 (succeeds root (merge (os/environ) {"MAKELEVEL" "0"}) (find-tool "make")
                           (string "B=" b) (string "J=" j) (string b "/obj/src/core/once.o"))))
  (is (compiles?))
  (is (not (compiles?)))
  (spit (string j "/include/janet.h") "\n" :a)
  (is (compiles?)))

(test "DESTDIR does not become part of where the tool looks for its modules" :deadline 300
  (def stage (tmpdir))
  (make "install" "/opt/jsec" (string "DESTDIR=" stage))
  (is (os/stat (string stage "/opt/jsec/lib/janet/jsec/native.so")))
  (def tool (slurp (string stage "/opt/jsec/bin/jsec")))
  (is (string/find `(put root-env :syspath "/opt/jsec/lib/janet")` tool) tool))

# ---- static executables ----

(def- archive (string root "/build/janet/lib/libjanet.a"))

(if (os/stat archive)
  (test "the archive that an installation has links into one executable with Janet's" :deadline 300
    (def tree (tmpdir))
    (succeeds (tmpdir) (merge (os/environ) {"JANET_PATH" tree}) janet "--install" (checkout))
    (def program (string (tmpdir) "/program"))
    (def {:lflags lflags :static-entry entry}
      (parse (slurp (string tree "/jsec/native.meta.janet"))))
    (is= "janet_module_entry_jsec_47_native" entry)
    (succeeds root (os/environ) (find-tool "cc") "-Ibuild/janet/include" "test/packages/static.c"
              "-o" program
              (string tree "/jsec/native.a") ;lflags archive "-lm" "-ldl" "-lrt" "-pthread")
    (is= "@\"abc\"\n"
         (succeeds "/" {} program `(def b (bio/new-mem)) (bio/write b "abc") (pp (bio/read b 9))`)))
  (skip "the archive links into one executable with Janet's" "this Janet came without libjanet.a"))

(if (and (os/stat archive) (find-program "pkg-config"))
  (test "the archive of make install links by what pkg-config says of it" :deadline 300
    (def prefix (tmpdir))
    (make "install" prefix)
    (def flags
      (succeeds (tmpdir) (merge (os/environ) {"PKG_CONFIG_PATH" (string prefix "/lib/pkgconfig")})
                (find-tool "pkg-config") "--libs" "jsec"))
    (def program (string (tmpdir) "/program"))
    (succeeds root (os/environ) (find-tool "cc") "-Ibuild/janet/include" "test/packages/static.c"
              "-o" program ;(filter next (string/split " " (string/trim flags))) archive
              "-lm" "-ldl" "-lrt" "-pthread")
    (is= "@\"abc\"\n"
         (succeeds "/" {} program `(def b (bio/new-mem)) (bio/write b "abc") (pp (bio/read b 9))`)))
  (skip "the archive links by pkg-config" "no pkg-config, or no libjanet.a"))

# ---- the package managers, where they are ----

(defn- with-manager [name fact f]
  (if (find-program name)
    (test fact :deadline 400 (f (find-program name)))
    (skip fact (string "no " name " here"))))

(defn- makes-executables
  "The words that run a package manager make a program that needs neither Janet nor modules."
  [env & manager]
  (def folder (tmpdir))
  (spit (string folder "/main.janet") (string imports "\n(defn main [&]\n" program ")\n"))
  (succeeds folder env ;manager "quickbin" "main.janet" "program")
  (is= shown (succeeds "/" {} (string folder "/program"))))

(with-manager "jpm" "jpm installs into a tree, makes static executables, and uninstalls"
  (fn [jpm]
    (def tree (tmpdir))
    (def env (os/environ))
    (def source (checkout))
    (def output (succeeds source env jpm (string "--tree=" tree) "install"))
    (def files (filter |(string/has-suffix? ".c" $) (files-in (string source "/src"))))
    # once each, and the module's entry for the archive
    (is= (inc (length files)) (length (string/find-all "compiling " output)))
    (works (string tree "/lib") (string tree "/bin/jsec") (os/getenv "PATH"))
    (makes-executables env jpm (string "--tree=" tree))
    (succeeds (tmpdir) env jpm (string "--tree=" tree) "uninstall" "jsec")
    (is= [] (tuple ;(files-in tree)))))

(with-manager "janet-pm"
  "janet-pm installs into an environment, makes static executables, and uninstalls"
  (fn [janet-pm]
    (def tree (tmpdir))
    (def env (merge (os/environ) {"JANET_PATH" tree}))
    (succeeds (checkout) env janet-pm "install")
    (works tree (string tree "/bin/jsec") (os/getenv "PATH"))
    (makes-executables env janet-pm)
    (succeeds (tmpdir) env janet-pm "uninstall" "jsec")
    (is= [] (tuple ;(files-in tree)))))

(end)

# jsec cert trust: makes a system trust a CA.
(import ../ca/dev :as dev)
(import ../ca/files)
(import ../cert)
(import ./args)
(import ./authority)
(import ./show)

(def- update-command "update-ca-certificates")
(def- debian-folder "/usr/local/share/ca-certificates")

(defn- find-ca
  "The CA that --ca names, the one of this folder, or the one for development."
  [given]
  (def own (string (dev/data-folder) "/ca.pem"))
  (def path (if (or (given :ca) (os/stat "ca.pem")) (authority/ca-file given) own))
  (unless (os/stat path) (error (string "there is no " path ": jsec cert dev makes one")))
  (os/realpath path))

(defn- quoted
  "A word for a shell."
  [path]
  (if (peg/match '(* (some (+ :w (set "/._-+@%:,"))) -1) path)
    path
    (string "'" (string/replace-all "'" "'\\''" path) "'")))

(defn- systems
  "Tuples [systems commands to undo] for a CA's path and a name for its copy."
  [path name]
  (def debian (string debian-folder "/" name ".crt"))
  (def fedora (string "/etc/pki/ca-trust/source/anchors/" name ".pem"))
  (def freebsd (string "/usr/local/etc/ssl/certs/" name ".pem"))
  [["Debian, Ubuntu, Alpine"
    [(string "sudo install -m 644 " path " " debian) (string "sudo " update-command)]
    [(string "sudo rm " debian) (string "sudo " update-command " --fresh")]]
   ["Fedora, RHEL"
    [(string "sudo install -m 644 " path " " fedora) "sudo update-ca-trust"]
    [(string "sudo rm " fedora) "sudo update-ca-trust"]]
   ["Arch"
    [(string "sudo trust anchor --store " path)]
    [(string "sudo trust anchor --remove " path)]]
   ["FreeBSD" [(string "sudo install -m 644 " path " " freebsd) "sudo certctl rehash"]
    [(string "sudo rm " freebsd) "sudo certctl rehash"]]
   ["macOS"
    [(string "sudo security add-trusted-cert -d -r trustRoot "
             "-k /Library/Keychains/System.keychain " path)]
    [(string "sudo security remove-trusted-cert -d " path)]]
   ["Firefox and Chrome on Linux, which have stores of their own"
    [(string "certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n " name " -i " path)]
    [(string "certutil -d sql:$HOME/.pki/nssdb -D -n " name)]]])

(defn- show-commands [path name]
  (print "# these commands make a system trust " (show/clean path))
  (each [system commands undo] (systems (quoted path) name)
    (print "\n# " system)
    (each command commands (print command))
    (print "# to undo: " (string/join undo "; "))))

(defn- find-update
  "The path of the command, which not every root's PATH leads to."
  []
  (find os/stat (map |(string $ "/" update-command) ["/usr/sbin" "/sbin" "/usr/bin"])))

(defn- install [path name]
  (def update (find-update))
  (unless (and update (os/stat debian-folder))
    (error "--install is for Debian and its relatives: without it, this shows the commands"))
  (def copy (string debian-folder "/" name ".crt"))
  (try
    (files/replace [[copy (slurp path) 8r644]])
    ([err] (error (string err ": as root: sudo jsec cert trust --install --ca " (quoted path)))))
  (print "wrote " copy)
  (def status (os/execute [update] :p))
  (unless (= 0 status) (error (string update-command " failed, with status " status)))
  (print "this system trusts the CA now; to undo: sudo rm " copy "; sudo " update-command
         " --fresh"))

(defn run
  "jsec cert trust"
  [given names]
  (unless (empty? names) (args/usage-error "trust takes no NAME: --ca names the CA"))
  (def path (find-ca given))
  (def info (cert/parse (slurp path)))
  (unless (info :is-ca) (error (string path " is no CA's certificate")))
  (def name (string "jsec-" (string/slice (info :sha256) 0 12)))
  (if (given :install) (install path name) (show-commands path name))
  0)

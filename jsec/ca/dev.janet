# A CA for development in the user's data folder, and certificates of it that are made once.
(import ../cert)
(import ../crypto)
(import ../lib/arguments)
(import ./authority :prefix "")
(import ./files)
(import ./folder)

(def- day 86400)
(def- spare-days "A certificate that ends sooner is replaced." 30)

(defn data-folder
  "$XDG_DATA_HOME/jsec, or ~/.local/share/jsec."
  []
  (def [data home] [(os/getenv "XDG_DATA_HOME" "") (os/getenv "HOME" "")])
  (cond
    (string/has-prefix? "/" data) (string data "/jsec") # the standard ignores relative paths
    (string/has-prefix? "/" home) (string home "/.local/share/jsec")
    (error "ca/dev: neither XDG_DATA_HOME nor HOME is set: set one of them")))

(defn- private-folder [path]
  (unless (os/stat path)
    (files/make-folder path)
    (os/chmod path 8r700)))

(defn- ends-soon? [certificate]
  (< ((cert/parse certificate) :not-after) (+ (os/time) (* spare-days day))))

(defn- need-ca [paths]
  (def user (os/getenv "USER" ""))
  (if (or (not (os/stat (paths :cert))) (ends-soon? (slurp (paths :cert))))
    (create-locked paths {:common-name (string "Development CA" (if (= "" user) "" " of ")
                                               (string/slice user 0 (min 40 (length user))))
                          :force true})))

(defn- file-name
  "A name for the files of a certificate: the first of its names, and a digest of all."
  [names]
  (def plain (string/join (peg/match '(any (+ '(+ :w (set ".-_")) (/ 1 "_"))) (first names))))
  (def digest (crypto/digest :sha256 (string/join names "\n")))
  (string (string/slice plain 0 (min 64 (length plain))) "-"
          ;(map |(string/format "%02x" $) (slice digest 0 4))))

(defn- same-key? [certificate key]
  (= (crypto/export-public-key certificate) (crypto/export-public-key key)))

(defn- listed-as-valid? [paths serial]
  (def found (find |(= serial ($ :serial)) ((folder/read-index paths) :certificates)))
  (and found (not (found :revoked))))

(defn- usable? [paths cert-file key-file]
  (when (and (os/stat cert-file) (os/stat key-file))
    (def [fine usable]
      (protect
        (let [certificate (slurp cert-file)]
          (and ((cert/verify-chain certificate {:roots (slurp (paths :cert))
                                                :time (+ (os/time) (* spare-days day))}) :valid)
               (same-key? certificate (slurp key-file))
               (listed-as-valid? paths ((cert/parse certificate) :serial))))))
    (and fine usable)))

(defn ca/dev
  ``A certificate for development, for the given names (by default "localhost" "127.0.0.1" "::1"),
  by a CA of this user. Returns a struct of three paths `{:cert … :key … :ca-file …}`, as TLS takes
  them: a server needs `:cert` and `:key`, a client `:ca-file`. The CA and the certificates are kept
  in `$XDG_DATA_HOME/jsec`, by default `~/.local/share/jsec`, and made when they are not there or
  end within 30 days. `jsec cert trust` makes this system's browsers and programs trust the CA.
  Raises when the folder can't be written, and when a name can't be in a certificate.``
  [& names]
  (eachp [i name] names
    (unless (bytes? name) (arguments/refuse "ca/dev" "names" i "name" name)))
  (def names (if (empty? names) ["localhost" "127.0.0.1" "::1"] (map string names)))
  (def data (data-folder))
  (def certificates (string data "/certs"))
  (each path [data certificates] (private-folder path))
  (def paths (folder/paths "ca/dev" data))
  (def base (string certificates "/" (file-name names)))
  (def [cert-file key-file] [(string base ".pem") (string base ".key")])
  (folder/with-lock "ca/dev" paths
                    (fn []
                      (need-ca paths)
                      (unless (usable? paths cert-file key-file)
                        (issue-locked paths names {:cert-file cert-file :key-file key-file}))))
  {:cert cert-file :key key-file :ca-file (paths :cert)})

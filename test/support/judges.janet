# Other implementations, as programs that read standard input: jose for Node and Python's
# cryptography, as Debian packages them, and packages of npm in a folder that JSEC_NPM names:
#   cd folder; npm install @noble/ciphers @noble/curves @noble/post-quantum argon2 hpke-js
(import ./check)

(def jose "What a fact needs that asks jose." ["node" "/usr/share/nodejs/jose/package.json"])
(def pyca "What a fact needs that asks Python's cryptography."
  ["/usr/bin/python3" "/usr/lib/python3/dist-packages/cryptography/__init__.py"])

(defn run
  "What a command prints for this input; raises its output when it fails."
  [command input &opt env]
  (def dir (check/tmpdir))
  (spit (string dir "/in") input)
  (def code
    (with [in (file/open (string dir "/in"))]
      (with [out (file/open (string dir "/out") :w)]
        (os/execute command (if env :pe :p) (merge (or env {}) {:in in :out out :err out})))))
  (def text (string (slurp (string dir "/out"))))
  (if (zero? code) text (errorf "%s fails (%d): %s" (first command) code text)))

(defn ask-jose
  ``What a program in JavaScript prints. `input`, standard input as JSON, and `jose` are its
  variables; it may await.``
  [program input]
  (def text
    (string "const jose = require('jose'); const input = JSON.parse(require('fs').readFileSync(0));"
            "(async () => {" program "})().catch(e => { console.log(e); process.exit(1) })"))
  (run ["node" "-e" text] input (merge (os/environ) {"NODE_PATH" "/usr/share/nodejs"})))

(defn ask-pyca
  "What a program in Python prints; `data` is standard input."
  [program input]
  # it has an OpenSSL of its own, which can't load the modules of the one that is tested
  (run ["/usr/bin/python3" "-c" (string "import sys\ndata = sys.stdin.buffer.read()\n" program)]
       input (put (os/environ) "OPENSSL_MODULES" nil)))

(defn npm-package
  "The folder of JSEC_NPM if this package is installed there."
  [name]
  (def folder (os/getenv "JSEC_NPM" ""))
  (if (os/stat (string folder "/node_modules/" name)) folder))

(defmacro npm-test
  "A test that asks a package of npm; one skipped fact without it."
  [package fact & body]
  ~(if (,npm-package ,package)
     (test ,fact ,;body)
     (,check/skip ,fact ,(string "JSEC_NPM has no " package))))

(defn ask-npm
  "What a module in JavaScript prints. `input`, standard input, is its variable; it may await."
  [program input]
  (def read "import fs from 'fs'; const input = fs.readFileSync(0, 'utf8').trim();\n")
  (run ["sh" "-c" `cd "$0" && exec node --input-type=module -e "$1"` (os/getenv "JSEC_NPM")
        (string read program "\n")]
       input))

(defn to-json
  "JSON of a struct of texts."
  [members]
  (def texts (seq [[k v] :pairs members] (string/format `"%s":"%s"` (string k) v)))
  (string "{" (string/join texts ",") "}"))

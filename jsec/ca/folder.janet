# The folder of a CA: its files, its lock, and the index of what it issued.
(import ../lib/arguments)
(import ./files)

(def- native (require "../native"))
(def- try-lock (get-in native ['ca/try-lock :value]))
(def- unlock (get-in native ['ca/unlock :value]))

(def- patience "Seconds to wait for another process." 30)

(defdyn *function* "The public function that runs, for error texts.")

(defn fail [& text] (error (string (dyn *function* "ca") ": " ;text)))

(defn paths
  "The files of the CA in a folder, or of the CA whose certificate is the path `place`."
  [function place]
  (unless (and (bytes? place) (not (empty? place)))
    (arguments/refuse function "place" 0 "path of a folder, or of a CA's certificate (.pem)" place))
  (def base (if (string/has-suffix? ".pem" place) (string/slice place 0 -5) (string place "/ca")))
  {:cert (string base ".pem") :key (string base ".key") :index (string base ".index")
   :crl (string base ".crl") :lock (string base ".lock")})

# ---- the lock ----

(defn- take-lock [path]
  (def deadline (+ patience (os/clock :monotonic)))
  (var lock nil)
  (defn attempt []
    (try (try-lock path)
      ([err] (fail "the folder can't be used: " (last (string/split ": " err)) ": " path))))
  (while (not (set lock (attempt)))
    (if (> (os/clock :monotonic) deadline)
      (fail "the CA is locked: another process has used it for " patience " seconds"))
    (ev/sleep 0.02))
  lock)

(defn with-lock
  "Call `f` while no other process and no other fiber uses the CA; errors name `function`."
  [function paths f]
  (with-dyns [*function* function]
    (def lock (take-lock (paths :lock)))
    (defer (unlock lock)
      (each kind [:cert :key :index :crl] (files/remove-parts (paths kind)))
      (arguments/under-name function (f)))))

# ---- the index ----

(def- empty-index {:version 1 :crl-number 0 :certificates []})

(defn- sound? [index]
  (and (dictionary? index) (= 1 (index :version)) (nat? (index :crl-number))
       (indexed? (index :certificates))
       (all |(and (dictionary? $) (string? ($ :serial)) (indexed? ($ :names))
                  (number? ($ :not-after))) (index :certificates))))

(defn read-index
  ``The index of a CA: `{:crl-number n :certificates [entry …]}`. A CA without one has issued
  nothing.``
  [paths]
  (unless (os/stat (paths :cert))
    (fail "there is no CA: " (paths :cert) " does not exist: make one (ca/create, jsec cert ca)"))
  (if (os/stat (paths :index))
    (let [[fine index] (protect (parse (slurp (paths :index))))]
      (unless (and fine (sound? index))
        (fail (paths :index) " is damaged: restore it from a copy"))
      index)
    empty-index))

(def- order
  [:serial :subject :common-name :names :not-before :not-after :issued :revoked :reason :sha256])

(defn- line-of [entry]
  (string "{" (string/join (seq [key :in order :when (entry key)]
                             (string/format "%j %j" key (entry key))) " ") "}"))

(defn index-file
  "The index as a file to write: see `files/replace`."
  [paths crl-number certificates]
  [(paths :index)
   (string "# What this CA issued, as Janet data. Programs of jsec replace this file as a whole.\n"
           "{:version 1\n :crl-number " crl-number "\n :certificates\n ["
           (string/join (map line-of certificates) "\n  ") "]}\n")
   8r644])

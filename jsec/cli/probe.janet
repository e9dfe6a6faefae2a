# Asks a server by raw hellos: which versions, cipher suites and groups it takes.
(import ./dial)
(import ./hello)
(import ./registry)

(def versions
  "[number name] of each version, oldest first. SSL 2.0 has hellos of its own: `ssl2?`."
  [[0x0300 "SSL 3.0"] [0x0301 "TLS 1.0"] [0x0302 "TLS 1.1"] [0x0303 "TLS 1.2"] [0x0304 "TLS 1.3"]])

(def- all-groups (map first registry/groups))

# Some servers fail on hellos with hundreds of suites, so that those in use go first.
(def- max-suites 120)

(defn- numbers-where [pred] (map first (filter |(pred ($ 1)) registry/suites)))

(def- suites-13 (numbers-where registry/tls13?))
(def- in-use
  (peg/compile '(* (thru (+ "_RSA_WITH" "_ECDSA_WITH"))
                   (thru (+ "_AES_" "_CHACHA20_" "_3DES_" "_RC4_128" "_DES_"))
                   (not (thru "CCM")))))
(defn- in-use? [name] (peg/match in-use name))
(def- suites-in-use (numbers-where |(in-use? $)))
(def- other-suites (numbers-where |(not (or (registry/tls13? $) (in-use? $)))))

(defn- portions [suites] (partition max-suites suites))

(defn- suites-of
  "The suites of a version, in portions for one hello each."
  [version]
  (if (= 0x0304 version) [suites-13] [suites-in-use ;(portions other-suites)]))

(defn- over? [bytes]
  (or (hello/foreign bytes) ((hello/read-answer bytes registry/suite-name) :over)))

(defn- exchange
  "The bytes that a site answers to a hello; nil if it is silent, empty if it just ends."
  [{:address address :starttls protocol :name name :seconds seconds} hello enough?]
  (def stream (dial/before-tls address protocol name seconds))
  (defer (:close stream)
    (def [fine result]
      (protect (ev/with-deadline seconds (hello/exchange stream hello enough?))))
    (cond
      fine result
      (dial/timeout? result) nil
      @"")))

(defn ask
  "What a site answers to a hello of that version, with these suites and groups."
  [site version suites &opt groups]
  (default groups all-groups)
  (def bytes
    (exchange site
              (hello/client-hello {:version version :suites suites :groups groups
                                   :host (site :name)})
              over?))
  (def answer (hello/read-answer (or bytes "") registry/suite-name))
  (def taken (and (= version (answer :version)) (index-of (answer :suite) suites)))
  (merge answer
         {:taken (truthy? taken) :foreign (if bytes (hello/foreign bytes)) :silent (nil? bytes)}))

(defn- ask-all
  "The first answer in which a suite is taken, of the hellos with each portion; or the last answer."
  [site version portions]
  (var answer {})
  (each suites portions
    (set answer (ask site version suites))
    (if (some |(answer $) [:taken :foreign :silent]) (break)))
  answer)

(defn at-once
  "The results of `f` for each item, all made at the same time. Raises the first error."
  [f items]
  (def done (ev/chan (length items)))
  (def results (array/new-filled (length items)))
  (eachp [i item] items (ev/go (fn [] (ev/give done [i (protect (f item))]))))
  (repeat (length items)
    (def [i [fine value]] (ev/take done))
    (if-not fine (error value))
    (put results i value))
  results)

(defn offers
  ``What the site answers to each version: an array of {:version number :name text :taken boolean
  …}, oldest first, with the rest as `hello/read-answer` has it.``
  [site]
  (at-once (fn [[version name]]
             (merge (ask-all site version (suites-of version)) {:version version :name name}))
           versions))

(defn ssl2?
  "Does the site take SSL 2.0?"
  [site]
  (hello/ssl2-answer? (or (exchange site hello/ssl2-hello |(>= (length $) 11)) "")))

(defn takes
  ``A suite for which `pred` holds and that the site takes in the newest version that has one, as
  [version name, suite name]; or nil.``
  [site offers pred]
  (def wanted (numbers-where |(and (not (registry/tls13? $)) (pred $))))
  (var found nil)
  (each {:version version :name name :taken taken} (reverse offers)
    (when (and taken (< version 0x0304) (not found))
      (def answer (ask-all site version (portions wanted)))
      (if (answer :taken) (set found [name (registry/suite-name (answer :suite))]))))
  found)

# ---- lists ----

(defn- until-refused
  ``Offer `items` again and again, without those that were taken. Returns the answers, in the
  server's order.``
  [items offer item-of]
  (def left (array ;items))
  (def answers @[])
  (while (next left)
    (def answer (offer left))
    (def at (index-of (item-of answer) left))
    (unless at (break))
    (array/push answers answer)
    (array/remove left at))
  answers)

(defn- taken-suite [answer] (if (answer :taken) (answer :suite)))

(defn- server-chooses?
  "Does the server's order of suites decide, and not the client's?"
  [site version suites]
  (and (> (length suites) 1)
       (= ((ask site version suites) :suite) ((ask site version (reverse suites)) :suite))))

(defn suites
  ``All suites that the site takes in one version, in its order of preference: {:version text
  :server-order boolean :suites [{:suite name :number n :group name :prime-bits n} …]}.``
  [site {:version version :name name}]
  (def answers
    (mapcat (fn [portion] (until-refused portion |(ask site version $) taken-suite))
            (suites-of version)))
  (def numbers (map |($ :suite) answers))
  (def server-order (server-chooses? site version numbers))
  (def ordered
    (if server-order (until-refused numbers |(ask site version $) taken-suite) answers))
  {:version name
   :server-order server-order
   :suites (map |{:suite (registry/suite-name ($ :suite)) :number ($ :suite)
                  :group (if ($ :group) (registry/group-name ($ :group)))
                  :prime-bits ($ :prime-bits)}
                ordered)})

(defn groups
  "All groups that the site takes in one version: {:version text :groups [name …]}."
  [site {:version version :name name}]
  (def suites
    (if (= 0x0304 version)
      suites-13
      (numbers-where |(and (in-use? $) (string/find "_ECDHE_" $)))))
  (def answers (until-refused all-groups |(ask site version suites $)
                              |(if ($ :taken) ($ :group))))
  {:version name :groups (map |(registry/group-name ($ :group)) answers)})

# Ways in which code holds on to `ev/read`. Tests import this file before the module, so that all of
# it was compiled with core's function.

(def held
  "By what holds it: a function that reads 7 bytes of a stream with what is held."
  @{})

(defmacro- holds
  "Body evaluates to the function that is held, each time it's needed."
  [name & body]
  ~(put held ,name (fn [s] ((do ,;body) s 7))))

# code
(defn direct [s] (ev/read s 7))
(put held :constant direct)
(put held :nested (fn [s] (def outer (fn [] (def inner (fn [x] (ev/read x 7))) (inner s))) (outer)))
(defmacro- mac [s] ~(ev/read ,s 7))
(put held :macro (fn [s] (mac s)))
(defmacro- spliced [s] ~(,ev/read ,s 7))
(put held :spliced (fn [s] (spliced s)))
(defn- maker [] (fn [s] (ev/read s 7)))
(put held :made (maker))
(put held :default-argument (fn [s &opt f] (default f ev/read) (f s 7)))
(put held :partial (fn [s] ((partial apply ev/read) [s 7])))
(def- made-partial (partial (fn [f s] (f s 7)) ev/read))
(put held :made-partial made-partial)
(put held :composed (comp identity (let [f ev/read] (fn [s] (f s 7)))))

# bindings
(def- env (curenv))
(def value ev/read)
(holds :binding (get-in env ['value :value]))
(put held :alias (fn [s] (value s 7)))
(var variable ev/read)
(put held :variable (fn [s] (variable s 7)))
(setdyn :reader ev/read)
(holds :dynamic (env :reader))

# captured variables
(defn- capture [f] (fn [s] (f s 7)))
(put held :captured (capture ev/read))
(defn- counter [f] (var n 0) (fn [s] (++ n) (f s 7)))
(put held :captured-with-state (counter ev/read))

# collections
(def- table @{:read ev/read})
(holds :table (table :read))
(def- child (table/setproto @{} @{:deep @{:read ev/read}}))
(holds :prototype (get-in child [:deep :read]))
(def- array @[0 ev/read])
(holds :array (array 1))
(def- tuple [ev/read ev/write])
(holds :tuple (tuple 0))
(def- structure {:read ev/read :write ev/write})
(holds :struct (structure :read))
(def- heir (struct/with-proto {:read ev/read} :x 1))
(holds :struct-prototype (heir :read))
(def- nested [[0 {:a [ev/read]}] @{:b [[ev/read]]}])
(holds :nested-tuple (get-in nested [0 1 :a 0]))
(defn- wrap [value depth]
  (if (zero? depth) value (wrap (if (even? depth) [value] {:in value}) (dec depth))))
(def- deep-nested (wrap ev/read 3000))
(defn- unwrap [nested]
  (var value nested)
  (while (not (cfunction? value)) (set value (if (tuple? value) (value 0) (value :in))))
  value)
(holds :deep-nested (unwrap deep-nested))
(def- weak-array (array/weak 2))
(array/push weak-array 0 ev/read)
(holds :weak-array (weak-array 1))
(def- weak-tables
  (seq [make :in [table/weak table/weak-keys table/weak-values]]
    (def weak (make 2))
    (put weak :read ev/read)
    (put weak ev/read :found)))
(put held :weak-tables
     (fn [s] (if (all |(and (= :found ($ ev/read)) (= 2 (length $))) weak-tables)
               (((weak-tables 1) :read) s 7))))
(def- weak-nested (array/weak 1))
(def- kept [:a [ev/read]])
(array/push weak-nested kept)
(holds :tuple-in-weak-array (get-in weak-nested [0 1 0]))
(def- unmarshalled (unmarshal (marshal [[[ev/read]]] make-image-dict) load-image-dict))
(holds :unmarshalled (get-in unmarshalled [0 0 0]))
(def- pattern (peg/compile ~(cmt (constant 7) ,(fn [&] ev/read))))
(holds :peg (first (peg/match pattern "")))
(holds :tuple-in-table (get-in nested [1 :b 0 0]))
(def- by-function @{ev/read :found})
(put held :key (fn [s] (if (= :found (by-function ev/read)) (ev/read s 7))))
(put held :only-key (fn [s] (if (deep= @[ev/read] (keys by-function)) (ev/read s 7))))
(def- many-keys (tabseq [i :range [0 1000]] [i ev/read] i))
(put held :many-keys
     (fn [s] (if (and (= 1000 (length many-keys)) (= 7 (many-keys [7 ev/read])))
               (((first (keys many-keys)) 1) s 7))))
(def- immutable-by-function {ev/read :found})
(put held :struct-key (fn [s] (if (= :found (immutable-by-function ev/read)) (ev/read s 7))))

# The one tuple that compiled code holds and that which a table holds stay equal.
(def- constant [:a ev/read])
(def- same @[[:a ev/read]])
(put held :equal-tuples (fn [s] (if (= constant (same 0)) ((constant 1) s 7))))
(def- keyed @{[:a ev/read] :found})
(put held :tuple-key (fn [s] (if (= :found (keyed constant)) ((constant 1) s 7))))

# fibers
(def- coroutine
  (do
    (def f (coro (def read ev/read) (var s (yield)) (forever (set s (yield (read s 7))))))
    (resume f)
    f))
(put held :suspended-fiber (fn [s] (resume coroutine s)))

(def- requests (ev/chan))
(def- answers (ev/chan))
(ev/spawn
  (def read ev/read)
  (while (def s (ev/take requests)) (ev/give answers (read s 7))))
(ev/sleep 0)
(put held :parked-task (fn [s] (ev/give requests s) (ev/take answers)))
(def- queue (ev/chan 1))
(ev/give queue (fn [s] (ev/read s 7)))
(put held :queued-closure (fn [s] (def f (ev/take queue)) (ev/give queue f) (f s)))

(def- full (ev/chan 3))
(ev/give full 0)
(ev/give full [ev/read])
(ev/give full ev/read)
(ev/take full)
(put held :queued
     (fn [s]
       (def [[nested] read] [(ev/take full) (ev/take full)])
       (ev/give full [nested])
       (ev/give full read)
       (if (= nested read) (read s 7))))
(def- on-stack-requests (ev/chan))
(ev/spawn
  (var read ev/read)
  (def shared (fn [s] (read s 7)))
  (put held :captured-on-stack shared)
  (ev/take on-stack-requests)
  (set read nil))
(ev/sleep 0)

(defn finish
  "Lets the tasks end."
  []
  (ev/give requests nil)
  (ev/give on-stack-requests true))

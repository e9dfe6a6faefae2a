# Ways in which code holds on to `ev/read`. Tests import this file before the module, so that all of it was
# compiled with core's function.

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
(holds :tuple-in-table (get-in nested [1 :b 0 0]))
(def- by-function @{ev/read :found})
(put held :key (fn [s] (if (= :found (by-function ev/read)) (ev/read s 7))))
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

# Every function and method, called tens of thousands of times with arguments that make no sense, in
# processes of their own: each call returns or raises a text that says why; none crashes, hangs,
# asks at the terminal or damages what comes after. JSEC_SEED makes other calls (JSEC_SEED=$RANDOM,
# say); a failure says how to repeat its call alone.
(import ../support/check :prefix "")
(import ../support/peers :as peers)

(def seed (scan-number (os/getenv "JSEC_SEED" "1")))
(def script (string (os/cwd) "/test/support/hostile-calls.janet"))
(def dir (tmpdir))
(def calls (load 2500))
(def processes 8)

(defn child-of
  "A process that makes the calls of a seed, in a folder of its own and with nothing to read."
  [seed]
  (peers/start "sh" "-c" `cd "$0" && exec "$@" </dev/null` dir (dyn *executable*) script
               (string seed) (string calls)))

(defn last-call [child]
  (last (peg/match '(any (+ (* (<- :d+) "\n") (thru "\n"))) (child :out))))

(defn complaints
  "Lines that are no call's number."
  [child]
  (filter |(not (peg/match '(* (+ :d+ "sound" "") -1) $))
          (string/split "\n" (string (child :out) (child :err)))))

(for i 0 (/ processes 2)
  (def seeds [(+ seed i) (+ seed i (/ processes 2))])
  (test (string calls " calls of seed " (seeds 0) ", and of " (seeds 1)
                ", each return or say why not")
    :deadline 120
    (def children (map child-of seeds))
    (defer (each child children (peers/stop child))
      (eachp [n child] children
        (def status (peers/exit-status child))
        (def repeating (string "janet " script " " (seeds n) " " (last-call child) " 1"))
        (is= [] (tuple ;(take 20 (complaints child))) repeating)
        (is= 0 status repeating)
        (is (string/has-suffix? "\nsound\n" (child :out)) repeating)))))

(test "no call wrote a file"
  # listening on a unix socket makes one, as it should
  (is= @[] (filter |(not= :socket (os/stat (string dir "/" $) :mode)) (os/dir dir))))

(end)

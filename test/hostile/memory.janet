# Memory runs out, at each allocation of OpenSSL's and ours in turn, or at some of them where there
# are very many: what was asked for fails and says so, or is right; nothing crashes, hangs, or is
# damaged for later calls, and nothing that is refused with memory is let in without.
# JSEC_MEMORY_MAX sets how many runs each scenario gets.
(import ../support/check :prefix "")
(import ../support/compile :prefix "")
(import ../support/peers :as peers)
(import jsec/cert)

(def most (scan-number (os/getenv "JSEC_MEMORY_MAX" (string (load 12)))))
# where one allocation decides whether a peer is trusted
(def- thorough
  (tabseq [scenario :in ["impostor" "stranger" "stranger's message" "stranger's certificate"
                         "other key" "other name"]] scenario (load 4000)))
(def script "test/support/oom-calls.janet")
(def oom (compile-native "oom"))
(def module
  (find os/stat (map |(string $ "/jsec/native.so") [(os/getenv "JANET_PATH" "") (dyn *syspath*)])))
# where OpenSSL itself writes to what it did not get: file and line of the allocation
(def known-crashes
  # 4.0: SSL_free writes out a handshake's records whose buffer could not grow
  ["crypto/buffer/buffer.c:132"
   # 4.0: a new thread's first error, for which there is no memory, is reported for ever: ERR_new
   # asks for the thread's list of errors, which CRYPTO_malloc can't give and reports
   "crypto/sparse_array.c:176"
   "crypto/threads_common.c:361"
   ])

# What OpenSSL keeps to itself: 3.0 gives no reason why a signature or a key could not be read, and
# leaves words out of an extension's text. None of it admits a peer.
(def known-silences
  '(* "wrong at " :d+ ": " :d ": "
      (some (* (+ "false for true" "self-signed: false for true" "signature-valid: false for true"
                  (* (? "key-") "curve: nil for " (to (+ "; " -1)))
                  (* (? "key-") "bits: nil for " :d+)
                  (* "\"<jsec/key ec private " (to (+ "; " -1))) # a key without its curve
                  (* "iterations: nil for " :d+) (* "cipher: nil for " (to (+ "; " -1)))
                  (* "public-key: \"\" for " (to (+ "; " -1)))
                  (* "extensions: " :d+ ": text: " (to (+ "; " -1))))
               (? "; ")))
      -1))

# made once: it takes longer than all else
(def rsa-file (string (tmpdir) "/rsa"))
(spit rsa-file
      (string/format "%j"
                     (cert/generate-self-signed-cert {:common-name "localhost" :key-type :rsa})))

(defn run [& arguments]
  (def child (peers/start (dyn *executable*) script oom module rsa-file ;(map string arguments)))
  (defer (peers/stop child)
    [(peers/exit-status child) (string (child :out)) (string (child :err))]))

(defn- lines [text] (filter next (string/split "\n" text)))

(defn- number? [line] (peg/match '(* :d+ -1) line))

(defn sweep
  "Run a scenario to its end; after a crash, go on behind it. Returns what went wrong."
  [scenario many]
  (def complaints @[])
  (var from (if (or (os/getenv "JSEC_MEMORY_MAX") (thorough scenario)) 0 3))
  (var over false)
  (while (not over)
    (def [status out err]
      (run scenario from (if (= many 1) (get thorough scenario most) most) many))
    (array/concat complaints
                  (filter |(not (or (number? $) (string/has-prefix? "all of" $)
                                    (peg/match known-silences $))) (lines out)))
    (def last-failed (last (peg/match '(any (+ (* "failed: " (<- (thru "\n"))) 1)) err)))
    (cond
      (= 0 status) (set over true)
      (nil? (some number? (lines out))) (do (array/push complaints err) (set over true))
      (do
        (unless (find |(string/find $ (or last-failed "")) known-crashes)
          (array/push complaints (string "died with " status " after " last-failed " was refused: "
                                         (last (filter number? (lines out))))))
        (set from (inc (scan-number (last (filter number? (lines out)))))))))
  complaints)


(cond
  (not (and oom module)) (skip "what happens out of memory" "no compiler, or no janet.h")
  (os/getenv "JSEC_WRAPPER")
  (skip "what happens out of memory" "valgrind has an allocator of its own")
  (do
    (def scenarios (lines (get (run "list" 0 1 1) 1)))
    (each many [1 1000000]
      (each scenario scenarios
        (test (string "out of memory " (if (= many 1) "once" "for good") ": " scenario)
          :deadline 120
          (is= @[] (sweep scenario many)))))))

(end)

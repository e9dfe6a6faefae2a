# A wall clock that jumps forward and back, by an hour and by years: times that were given for calls
# are kept by the monotonic clock, certificates and sessions are judged by the time that it is said
# to be.
(import ../support/check :prefix "")
(import ../support/compile :prefix "")

(def clock (if (= :linux (os/which)) (compile-native "clock")))
(if clock
  (do
    # a file of facts of its own, since nothing but a fresh process can be preloaded; sanitizers
    # want to be asked first
    (def asan (string (os/getenv "ASAN_OPTIONS" "") ":verify_asan_link_order=0"))
    (def status (os/execute ["janet" "test/support/clock.janet" clock] :pe
                            (merge (os/environ) {"LD_PRELOAD" clock "ASAN_OPTIONS" asan})))
    (rm-rf (string/replace "/clock.so" "" clock))
    (os/exit status))
  (do (skip "a wall clock that jumps" "it takes Linux, a C compiler and janet.h") (end)))

# Peers that vanish without a word: the cable is cut, no FIN and no reset ever comes. Calls end by
# their timeouts, close within its own, and keep-alive, where it is asked for, finds out.
(import ../support/check :prefix "")

(if (may-make-namespaces)
  # a file of facts of its own: a namespace is a process's
  (os/exit (os/execute ["unshare" "-n" (dyn *executable*) "test/support/vanish.janet" "here"] :p))
  (do (skip "peers that vanish" "it needs root, ip and unshare") (end)))

# A cable between two network namespaces: line0 here, line1 there. For scripts that run under
# `unshare -n`.

(defn run [& command]
  (unless (= 0 (os/execute command :p)) (errorf "failed: %s" (string/join command " "))))

(defn up
  "Give an end of the cable its address."
  [interface address]
  (run "ip" "addr" "add" (string address "/24") "dev" interface)
  (run "ip" "link" "set" interface "up"))

(defn lay
  "Lay the cable; its end here gets this address."
  [address]
  (run "ip" "link" "add" "name" "line0" "type" "veth" "peer" "name" "line1")
  (up "line0" address))

(defn hand-over
  "Give the other end to the namespace of a process, which calls `up`."
  [process]
  (run "ip" "link" "set" "line1" "netns" (string (process :pid))))

# Addresses of the specification, and what marshalling does with them.
(import ../support/check :prefix "")
(import ../support/dtls :prefix "")
(import jsec/dtls)
(import jsec/dtls-stream)

# ---- addresses

(test "dtls-stream/address, address-host, address-port, address?"
  (def a (dtls-stream/address "192.0.2.1" 5684))
  (is= "192.0.2.1" (dtls-stream/address-host a))
  (is= 5684 (dtls-stream/address-port a))
  (is= true (dtls-stream/address? a))
  (each x [nil 1 "192.0.2.1:5684" ["192.0.2.1" 5684] @{}] (is= false (dtls-stream/address? x)))
  (is= "<jsec/dtls-address 192.0.2.1:5684>" (string/format "%v" a))
  (def six (dtls-stream/address "2001:db8::1" "5684"))
  (is= "2001:db8::1" (dtls-stream/address-host six))
  (is= 5684 (dtls-stream/address-port six))
  (is= "<jsec/dtls-address [2001:db8::1]:5684>" (string/format "%v" six)))

(test "addresses compare by value and can be a table's key"
  (def [a b c] [(dtls-stream/address "192.0.2.1" 1) (dtls-stream/address "192.0.2.1" "1")
                (dtls-stream/address "192.0.2.1" 2)])
  (is= a b)
  (is (= a b))
  (is (not= a c))
  (is (= (hash a) (hash b)))
  (is= :found (get @{a :found} b))
  (is= nil (get @{a :found} c))
  (is (or (< a c) (> a c)))
  (is (= (dtls-stream/address "::ffff:192.0.2.1" 1) a) "an IPv4 address in IPv6's clothes"))

(test "a link-local address keeps its zone"
  (def loopback (if (= :macos (os/which)) "lo0" "lo"))
  (each zone [loopback "4294967"]
    (is= (string "fe80::1%" zone)
         (dtls-stream/address-host (dtls-stream/address (string "fe80::1%" zone) 5684)))))

(test "options that DTLS does not have are refused"
  (def path (string (tmpdir) "/socket"))
  (with [listener (net/listen :unix path :datagram)]
    (fails-with "the stream is not connected to an IP address"
                (dtls-stream/upgrade (net/connect :unix path :datagram) {}))))

(test "addresses survive marshalling"
  (def a (dtls-stream/address "fe80::1" 9))
  (is= a (unmarshal (marshal a)))
  (def bytes (marshal a))
  (def changed (filter |(= "not a marshalled address" $)
                       (seq [at :range [0 (length bytes)] bit :in [1 4 64]]
                         (get (protect (unmarshal (put (buffer bytes) at (bxor bit (bytes at)))))
                              1))))
  (is (not (empty? changed)) "what is no address is refused"))

(test "a value that is no address raises"
  (each [host port] [["localhost" 1] ["300.0.0.1" 1] ["" 1] ["127.0.0.1" -1] ["127.0.0.1" 65536]
                     ["127.0.0.1" "x"] [nil 1] ["127.0.0.1" nil]
                     ["127.0.0.1\0" 1] [:unix "/tmp/x"]]
    (fails-with "dtls-stream/address" (dtls-stream/address host port)))
  (fails-with "expected jsec/dtls-address" (dtls-stream/address-host "127.0.0.1")))

(end)

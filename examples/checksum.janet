# The SHA-256 of a file of any size, as sha256sum prints it: in constant memory, while other fibers
# go on.
#   janet examples/checksum.janet                 a file of 300 MB, made for it
#   janet examples/checksum.janet backup.tar      your file
(import jsec/crypto)

(defn- sparse-file
  "A file of that many bytes, which takes no room on the disk."
  [path size]
  (with [f (file/open path :wb)]
    (file/seek f :set (dec size))
    (file/write f "\0"))
  path)

(defn- show-progress [done size]
  (eprinf "\r%3d %%" (math/floor (/ (* 100 done) size)))
  (eflush))

(def mine (get (dyn :args) 1))
(def path (or mine (sparse-file (string "/tmp/checksum-" (os/getpid)) (* 300 1024 1024))))
(defer (unless mine (os/rm path))
  (var turns 0)
  (var done false)
  (ev/go (fn [] (while (not done) (++ turns) (ev/sleep 0.001))))
  (def digest (crypto/digest-file :sha256 path {:progress show-progress}))
  (set done true)
  (eprint "\r100 %")
  (print (crypto/hex-encode digest) "  " path)
  (assert (pos? turns) "another fiber ran meanwhile"))

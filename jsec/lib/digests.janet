# Digests of files and streams: the loops around the native functions.
(def- natives (require "../native"))
(defn- native-function [name] (get-in natives [name :value]))
(def- open-file (native-function 'crypto/digest-file))
(def- advance (native-function 'digest-file/advance))
(def- open-stream (native-function 'crypto/digest-stream))

(def- piece "Bytes of a read." 65536)

(defn crypto/digest-file
  ``Hash a file of any size and return the digest as a buffer. `algorithm` is one of `digest`. A
  worker thread reads 256 KB at a time while the fiber waits, so the file is never in memory.

  * `:length` - bytes of output, for the SHAKEs, which have no length of their own.
  * `:key` - make an HMAC with this key, as `hmac` does.
  * `:progress` - a function of two numbers, called after each 64 MB: bytes so far, and the size of
    the file at the start. What it raises ends the call.

  Raises when the algorithm is unknown, when the file can't be read, and when it is no regular file:
  pipes and terminals are for `digest-stream`.``
  [algorithm path &opt opts]
  (def file (open-file algorithm path opts))
  (def progress (get opts :progress))
  (def size (if progress (os/stat path :size)))
  (var step (advance file))
  (while (number? step)
    (if progress (progress step size))
    (set step (advance file)))
  step)

(defn crypto/digest-stream
  ``Read a stream to its end and return the digest of its bytes as a buffer. `algorithm` is one of
  `digest`. The stream is one of core's or of jsec's, or a file of `file/open`; it stays open.

  * `:length` - bytes of output, for the SHAKEs, which have no length of their own.
  * `:key` - make an HMAC with this key, as `hmac` does.

  Raises when the algorithm is unknown, and what reading the stream raises.``
  [algorithm stream &opt opts]
  (def digest (open-stream algorithm stream opts))
  (def bytes @"")
  (while (:read stream piece (buffer/clear bytes)) (:update digest bytes))
  (:finish digest))

# Builds and loads fake-stream.c: a stream that isn't core's, for tests of the functions that take
# any.
(import ./compile :prefix "")

(def path
  "The compiled module, or nil where there is no compiler or no janet.h."
  (compile-native "fake-stream"))

(def stream
  "Makes a fake stream; nil where it could not be built."
  (if path (((native path) 'stream) :value)))

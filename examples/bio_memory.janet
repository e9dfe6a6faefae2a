# Memory BIOs: queues of bytes in memory.
(import jsec/bio)

(def b (bio/new-mem))
(print "wrote " (bio/write b "Hello, ") " and " (bio/write b @"memory") " bytes, " (length b)
       " wait")

(print "the first five: " (bio/read b 5))
(print "the rest:       " (bio/to-string b))
(assert (nil? (bio/read b 5))) # no data: nil, without waiting

# The functions are methods as well. Reads continue where the last one stopped.
(each line ["one\n" "two\n" "three\n"] (:write b line))
(while (def piece (:read b 4)) (prinf "%q " piece))
(print)

(bio/close b) # wipes the unread bytes
(def [ok reason] (protect (bio/write b "too late")))
(assert (not ok))
(print reason)

# ### bio/new-mem
(def b (bio/new-mem))
(length b) # => 0
# ### bio/read
(def b (bio/new-mem))
(bio/write b "abc")
(bio/read b 2) # => @"ab"
# ### bio/write
(bio/write (bio/new-mem) "abc") # => 3
# ### bio/to-string
(def b (bio/new-mem))
(bio/write b "abc")
(string (bio/to-string b)) # => "abc"
# ### bio/wait
(def b (bio/new-mem))
(ev/go (fn [] (bio/write b "later")))
(bio/wait b 5)
(bio/read b 100) # => @"later"
# ### bio/end
(def b (bio/new-mem))
(bio/end b)
(bio/read b 1) # => nil
# ### bio/close
(bio/close (bio/new-mem))

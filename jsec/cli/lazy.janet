# Parts of the tool that are loaded when they are called: compiling them takes longer than a
# handshake.

(defn value
  "The value of a name in a module of the tool."
  [module name]
  (get-in (require (string "jsec/cli/" module)) [name :value]))

(defn function
  "A function of a module of the tool, which its first call loads."
  [module name]
  (fn [& arguments] ((value module name) ;arguments)))

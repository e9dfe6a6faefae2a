# Runs one script, in the program's folder: usage: one.janet SCRIPT [ARGUMENT...]. Its last line is
# "# result: " and what the script's `check` returned.
(import ./over)
(import jsec/tls)

(defn main [_ script & arguments]
  (def check (over/value (require (string "./" script)) 'check))
  (def result (tls/with-options over/options (check ;arguments)))
  (def handshakes (/ ((tls/stats over/context) :handshakes) 2))
  (when (and over/tls? (zero? handshakes) (not (os/getenv "JSEC_UNCOUNTED")))
    (error "no TLS connection was made"))
  (print "# result: " (or result "") "\n# connections: " handshakes)
  (flush)
  (os/exit 0))

# Queues of bytes in memory, OpenSSL's memory BIOs.
(import ./export :prefix "")

(export (require "./native") "bio"
  '[new-mem read write to-string wait end close])

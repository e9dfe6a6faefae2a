# The code blocks of README and guide run as they are written, and print what they are said to
# print.
(import ../support/check :prefix "")
(import ../support/blocks)

(defn- run-page [path]
  (def folder (tmpdir))
  (def web (blocks/make-web))
  (def files @{})
  (each [heading blocks] (blocks/sections (string (slurp path)))
    (test (string path ", " heading ": runs as written") :deadline 120
      (blocks/run-section folder web files blocks))))

(if (blocks/can-run?)
  (each path ["README.md" "docs/guide.md"] (run-page path))
  (skip "the blocks of README and guide run as written" "no namespaces may be made here"))

(end)

# The code blocks of README and guide run as they are written, in the order of the page and in one
# folder, and print what they are said to print. No server is stopped meanwhile.
(import ../support/check :prefix "")
(import ../support/blocks)

(defn- run-page [path]
  (def page (blocks/sections (string (slurp path))))
  (def check-section (blocks/run-page (tmpdir) (blocks/make-web) page))
  (each [heading _] page
    (test (string path ", " heading ": runs as written")
      (check-section heading))))

(if (blocks/can-run?)
  (each path ["README.md" "docs/guide.md"] (run-page path))
  (skip "the blocks of README and guide run as written" "no namespaces may be made here"))

(end)

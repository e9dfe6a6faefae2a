# The code blocks of README, guide and operations run as they are written, in the order of the page
# and in one folder, and print what they are said to print. No server is stopped meanwhile. The
# blocks of README from the first that needs spork on run in spork.janet.
(import ../support/check :prefix "")
(import ../support/blocks)

(defn- without-spork [[heading its-blocks]]
  [heading (take-until (fn [[_ text]] (string/find "spork/" text)) its-blocks)])

(defn- run-page [path]
  (def page (map without-spork (blocks/sections (string (slurp path)))))
  (def check-section (blocks/run-page (tmpdir) (blocks/make-web) page))
  (each [heading _] page
    (test (string path ", " heading ": runs as written")
      (check-section heading))))

(if (blocks/can-run?)
  (each path ["README.md" "docs/guide.md" "docs/operations.md"] (run-page path))
  (skip "the blocks of the pages run as written" "no namespaces may be made here"))

(test "README, formula and APKBUILD name one place, and README clones from there"
  (defn place-in [path before]
    (first (peg/match ~(* (thru ,(string before "https://")) '(to (set `/"`))) (slurp path))))
  (def place (place-in "README.md" "git clone "))
  (is place)
  (is= place (place-in "packaging/homebrew/jsec.rb" `homepage "`))
  (is= place (place-in "packaging/alpine/APKBUILD" `url="`)))

# A REPL would show what each form of a block returns, such as the private key of a CA.
(each path ["README.md" "docs/guide.md" "docs/https.md" "docs/operations.md"]
  (test (string path ": each block of Janet is a file")
    (each [_ its-blocks] (blocks/sections (string (slurp path)))
      (each [language text] its-blocks
        (when (= "janet" language)
          (is (peg/match '(* "# " (some (+ :w (set "-."))) "\n") text) text))))))

(end)

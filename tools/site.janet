# The documentation as a static site, in build/site: janet tools/site.janet   (make docs does it). No scripts, nothing from
# elsewhere; readable on a phone, in the dark, and without CSS.
(import ./markdown)

(def- out "build/site")

(defn- reference
  "The pages of the reference: TLS first, modules that are not named here last."
  []
  (def order (map |(string $ ".md") ["tls" "tls-stream" "dtls" "dtls-stream" "cert" "crypto" "bio"]))
  (sort-by |[(or (index-of $ order) (length order)) $] (array ;(os/dir "docs/api"))))

(def pages
  "Where pages come from, what they are called in the menu, and where they go."
  [["README.md" "jsec" "index"]
   ["docs/guide.md" "Guide" "guide"]
   ["docs/examples.md" "Examples" "examples"]
   ["docs/tool.md" "Tool" "tool"]
   ;(seq [file :in (reference)]
      [(string "docs/api/" file) (string "jsec/" (string/slice file 0 -4)) (string "api-" (string/slice file 0 -4))])
   ["docs/errors.md" "Errors" "errors"]
   ["docs/coming-from.md" "Coming from …" "coming-from"]
   ["docs/security.md" "Security" "security"]
   ["docs/conformance.md" "Conformance" "conformance"]
   ["docs/design.md" "Design" "design"]
   ["docs/performance.md" "Performance" "performance"]
   ["CONTRIBUTING.md" "Contributing" "contributing"]
   ["SECURITY.md" "Reporting" "reporting"]
   ["CHANGELOG.md" "Changes" "changes"]])

(def- there (filter |(os/stat (first $)) pages))

# Programs that pages link to: their sources, each on a page that is not in the menu.
(def- programs
  (map |[(string "examples/" $) $ (string "example-" (string/slice $ 0 -7))]
       (filter |(string/has-suffix? ".janet" $) (os/dir "examples"))))

(defn- normal
  "A path without its ..s."
  [path]
  (def parts @[])
  (each part (string/split "/" path)
    (case part ".." (array/pop parts) "." nil (array/push parts part)))
  (string/join parts "/"))

(defn- rewriter
  "Links of the page at `source` as links of the site; to files that are no pages, as they are."
  [source]
  (def folder (string/join (slice (string/split "/" source) 0 -2) "/"))
  (fn [target]
    (def [path fragment] (string/split "#" target 0 2))
    (def place (normal (string folder (if (empty? folder) "" "/") path)))
    (def page (find |(= place (first $)) [;there ;programs]))
    (cond
      (empty? path) target
      page (string (page 2) ".html" (if fragment (string "#" fragment) ""))
      target)))

(def- style ``
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: #0757b5; }
@media (prefers-color-scheme: dark) { :root { --link: #7db8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 0 1rem 4rem; font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--link); }
nav { border-bottom: 1px solid var(--line); padding: .7rem 0; display: flex; flex-wrap: wrap; gap: .3rem 1rem; }
nav a { text-decoration: none; padding: .2rem 0; }
nav a[aria-current] { font-weight: 600; color: inherit; }
h1 { line-height: 1.2; } h2 { margin-top: 2.2rem; border-top: 1px solid var(--line); padding-top: 1rem; }
code { font: .9em/1.5 ui-monospace, monospace; background: var(--soft); border-radius: .2rem; padding: .1em .25em; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .3rem; padding: .7rem; overflow-x: auto; }
pre code { background: none; padding: 0; font-size: .85rem; }
.table { overflow-x: auto; } table { border-collapse: collapse; } td, th { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
details { margin: 1rem 0; } li { margin: .2rem 0; }
``)

(defn- menu [current]
  (string "<nav>\n"
          (string/join (map (fn [[_ title name]]
                              (string `<a href="` name `.html"` (if (= name current) ` aria-current="page"` "") ">" title "</a>"))
                            there)
                       "\n")
          "\n</nav>"))

(defn- contents [text]
  (def entries (filter |(= 2 (first $)) (markdown/headings text)))
  (if (< (length entries) 4)
    ""
    (string "<details><summary>On this page</summary>\n<ul>\n"
            (string/join (map |(string `<li><a href="#` (markdown/anchor ($ 1)) `">` (markdown/escaped ($ 1)) "</a></li>") entries) "\n")
            "\n</ul></details>\n")))

(defn- page-html [source title name text]
  (def [head rest] (string/split "\n\n" text 0 2))
  (def rewrite (rewriter source))
  (string "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          `<meta name="viewport" content="width=device-width, initial-scale=1">` "\n"
          "<title>" (if (= "jsec" title) "jsec: TLS for Janet" (string title " - jsec")) "</title>\n"
          `<link rel="stylesheet" href="style.css">` "\n</head>\n<body>\n" (menu (if (string/has-prefix? "example-" name) "examples" name)) "\n<main>\n"
          (markdown/html head rewrite) "\n" (contents text) (markdown/html (or rest "") rewrite) "\n</main>\n</body>\n</html>\n"))

(defn main [&]
  (os/mkdir "build")
  (os/mkdir out)
  (each file (os/dir out) (os/rm (string out "/" file))) # pages of before
  (spit (string out "/style.css") style)
  (each [source title name] there
    (spit (string out "/" name ".html") (page-html source title name (string (slurp source)))))
  (each [source title name] programs
    (spit (string out "/" name ".html")
          (page-html source title name (string "# " title "\n\n```janet\n" (string/trimr (slurp source)) "\n```\n"))))
  (print "  DOCS     " out "/index.html"))

# The site of the documentation in a browser: fits a phone's screen, its links lead somewhere, nothing comes from elsewhere.
# Screenshots are left in build/site-shots, to be looked at.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")

(def site (string (os/cwd) "/build/site"))
(def shots (string (os/cwd) "/build/site-shots"))
(def pages (sort (filter |(string/has-suffix? ".html" $) (os/dir site))))
(def browser (or (find-program "chromium") (find-program "chromium-browser") (find-program "google-chrome")))

(def- flags ["--headless" "--no-sandbox" "--disable-gpu" "--hide-scrollbars" "--allow-file-access-from-files" "--no-first-run"
             "--disable-background-networking" "--virtual-time-budget=20000"])

(defn- run-browser [& words]
  (with-child [c browser ;flags (string "--user-data-dir=" (tmpdir)) ;words]
    (is= 0 (exit-status c) (described c))
    (string (c :out))))

# Opens each page in a frame as wide as a phone, and writes what is wrong with it into its own text.
(defn- probe [width]
  (string "<!DOCTYPE html><meta charset=utf-8><title>probe</title><pre id=out></pre><script>\n"
          "const pages = [" (string/join (map |(string "'" $ "'") pages) ",") "];\n"
          "const width = " width ";\n"
          ````
const out = document.getElementById('out');
const say = (page, what) => { out.textContent += page + ': ' + what + '\n'; };
async function look(page) {
  const frame = document.createElement('iframe');
  frame.style.width = width + 'px';
  frame.style.height = '800px';
  frame.style.border = '0';
  const loaded = new Promise(done => { frame.onload = done; });
  frame.src = page;
  document.body.append(frame);
  await loaded;
  const d = frame.contentDocument;
  if (d.documentElement.scrollWidth > width) say(page, 'is wider than the screen: ' + d.documentElement.scrollWidth);
  if (d.styleSheets.length != 1) say(page, 'has no style');
  if (!d.querySelector('h1')) say(page, 'has no heading');
  if (!d.querySelector('nav a[aria-current]')) say(page, 'is not in its menu');
  if (parseFloat(frame.contentWindow.getComputedStyle(d.body).fontSize) < 15) say(page, 'is in small print');
  for (const e of d.querySelectorAll('script, img, link[rel=stylesheet]:not([href="style.css"])')) say(page, 'loads ' + e.outerHTML);
  for (const a of d.querySelectorAll('a[href]')) {
    const to = a.getAttribute('href');
    if (to.includes('://')) continue;
    const [file, id] = to.split('#');
    if (file && !pages.includes(file)) say(page, 'links to ' + to);
    if (!file && id && !d.getElementById(decodeURIComponent(id))) say(page, 'has no place ' + id);
  }
  for (const p of d.querySelectorAll('p, li, td')) {
    if (/```|\]\(|\*\*/.test([...p.childNodes].filter(n => n.nodeType == 3).map(n => n.data).join(''))) say(page, 'shows markup: ' + p.textContent.slice(0, 60));
  }
  say(page, 'looked at');
  frame.remove();
}
(async () => { for (const page of pages) await look(page); say('all', 'done'); })();
</script>
````))

(defn- findings [width]
  (def path (string site "/probe.html"))
  (spit path (probe width))
  (def text (defer (os/rm path) (run-browser "--dump-dom" (string "file://" path))))
  (def lines (string/split "\n" (first (peg/match '(* (thru `<pre id="out">`) '(to "</pre>")) text))))
  (is (index-of "all: done" lines) text)
  (is= (length pages) (length (filter |(string/has-suffix? ": looked at" $) lines)))
  (filter |(and (next $) (not (string/has-suffix? ": looked at" $)) (not= "all: done" $)) lines))

(each [width what] [[360 "a phone"] [1280 "a desk"]]
  (peer-test "chromium" (string "every page fits the screen of " what ", and its links lead to pages and places") :deadline 120
    (is= [] (tuple ;(findings width)))))

(peer-test "chromium" "screenshots are taken" :deadline 120
  (os/mkdir shots)
  (each [name width height] [["index" 390 844] ["guide" 390 844] ["api-tls" 390 844] ["errors" 390 844] ["coming-from" 390 844] ["guide" 1200 900]]
    (def path (string shots "/" name "-" width ".png"))
    (run-browser (string "--screenshot=" path) (string "--window-size=" width "," height) (string "file://" site "/" name ".html"))
    (is (> (os/stat path :size) 5000))))

(end)

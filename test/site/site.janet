# The site of the documentation in a browser: each page fits a phone's screen, its links lead to
# pages and headings, and it loads nothing from elsewhere. Screenshots go to build/site-shots, to be
# looked at.
(import ../support/check :prefix "")
(import ../support/peers :prefix "")

(def site (string (os/cwd) "/build/site"))
(def shots (string (os/cwd) "/build/site-shots"))
(def browser
  (or (find-program "chromium") (find-program "chromium-browser") (find-program "google-chrome")))

(defn- pages-in [folder]
  (mapcat |(case (os/stat (string site "/" folder $) :mode)
             :directory (pages-in (string folder $ "/"))
             (if (string/has-suffix? ".html" $) [(string folder $)] []))
          (sort (os/dir (string site "/" folder)))))

# 404.html has absolute links, for servers that show it at any path
(def pages (filter |(not= "404.html" $) (pages-in "")))

(def- flags
  ["--headless" "--no-sandbox" "--disable-gpu" "--hide-scrollbars" "--allow-file-access-from-files"
   "--no-first-run" "--disable-background-networking"
   "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"])

(defn- run-browser [& words]
  (with-child [c browser ;flags (string "--user-data-dir=" (tmpdir)) ;words]
    (is= 0 (exit-status c) (described c))
    (string (c :out))))

# Opens each page in a frame of the given width. Once all are loaded, it writes what is wrong with
# them into its own text.
(defn- frame [width page]
  (string/format "<iframe width=%d height=800 style='border: 0' src='%s'></iframe>\n" width page))

(defn- probe [width]
  (string "<!DOCTYPE html><meta charset=utf-8><title>probe</title><pre id=out></pre>\n"
          ;(map |(frame width $) pages)
          "<script>\n"
          "const pages = [" (string/join (map |(string "'" $ "'") pages) ",") "];\n"
          "const width = " width ";\n"
          ````
const out = document.getElementById('out');
const say = (page, what) => { out.textContent += page + ': ' + what + '\n'; };
const folder = location.href.replace(/[^/]*$/, '');
function look(frame, page) {
  const d = frame.contentDocument;
  const content = d.querySelector('article');
  const wide = d.documentElement.scrollWidth;
  if (wide > width) say(page, 'is wider than the screen: ' + wide);
  if (!d.querySelector('h1')) say(page, 'has no heading');
  if (!d.querySelector('nav a.md-nav__link--active')) say(page, 'is not in the menu');
  const style = frame.contentWindow.getComputedStyle(content.querySelector('p'));
  const size = parseFloat(style.fontSize);
  if (size < 15) say(page, 'is in small print: ' + size);
  for (const e of d.querySelectorAll('[src], link[href]')) {
    const url = e.src || e.href;
    if (!url.startsWith(folder) && e.rel != 'canonical') say(page, 'loads ' + url);
  }
  for (const e of frame.contentWindow.performance.getEntriesByType('resource'))
    if (!e.name.startsWith(folder) && !e.name.startsWith('data:')) say(page, 'loads ' + e.name);
  for (const a of content.querySelectorAll('a[href]')) {
    if (!a.href.startsWith('file:')) continue;
    const [file, id] = a.href.slice(folder.length).split('#');
    if (file.endsWith('.html') && !pages.includes(file)) say(page, 'links to ' + a.href);
    if (file == page && id && !d.getElementById(decodeURIComponent(id)))
      say(page, 'has no heading ' + id);
  }
  for (const p of content.querySelectorAll('p, li, td')) {
    const text = [...p.childNodes].filter(n => n.nodeType == 3).map(n => n.data).join('');
    if (/```|\]\(|\*\*|^\|/.test(text)) say(page, 'shows markup: ' + p.textContent.slice(0, 60));
  }
  say(page, 'looked at');
}
onload = () => {
  document.querySelectorAll('iframe').forEach((frame, i) => look(frame, pages[i]));
  say('all', 'done');
};
</script>
````))

(defn- findings [width]
  (def path (string site "/probe.html"))
  (spit path (probe width))
  (def text (defer (os/rm path) (run-browser "--dump-dom" (string "file://" path))))
  (def out (first (peg/match '(* (thru `<pre id="out">`) '(to "</pre>")) text)))
  (def lines (filter next (string/split "\n" out)))
  (is (index-of "all: done" lines) out)
  (is= (length pages) (length (filter |(string/has-suffix? ": looked at" $) lines)))
  (filter |(not (or (string/has-suffix? ": looked at" $) (= "all: done" $))) lines))

(each [width what] [[360 "a phone"] [1280 "a desk"]]
  (peer-test "chromium" (string "every page fits the screen of " what
                                ", its links lead to pages and headings, it loads nothing from "
                                "elsewhere")
             :deadline 120
    (is (> (length pages) 20))
    (is= [] (tuple ;(findings width)))))

(test "the site highlights Janet, gives options addresses, can be searched and shows its version"
  (def guide (slurp (string site "/docs/guide.html")))
  (is (string/find `<span class="c1"># client.janet</span>` guide))
  (is (not (string/find `class="err"` guide)))
  (is (string/find `<a href="#tlsnew-context-ca-file"` (slurp (string site "/docs/api/tls.html"))))
  (is (string/find "tls/connect" (slurp (string site "/search/search_index.json"))))
  (def version (first (peg/match '(* (thru `(def- version "`) '(to `"`)) (slurp "project.janet"))))
  (is (string/find (string "jsec " version) guide)))

# ---- the search ----

# It runs in a worker, which no browser starts for a page of the disk: hence a small web server.

(def- types {"html" "text/html" "js" "text/javascript" "css" "text/css" "json" "application/json"})

(def- content-length (peg/compile '(* (thru "ength: ") (number (some :d)))))

(defn- respond [s kind body]
  (:write s (string "HTTP/1.1 200 OK\r\nContent-Type: " kind "\r\nConnection: close\r\n"
                    "Content-Length: " (length body) "\r\n\r\n" body)))

(defn- serve-site
  "Answer a request for a file of the site; the body of a POST goes to the channel."
  [found s]
  (defer (:close s)
    (def request @"")
    (var head-end nil)
    (while (and (not (set head-end (string/find "\r\n\r\n" request))) (:read s 4096 request)))
    (when head-end
      (def [method path] (string/split " " request 0 3))
      (if (= "POST" method)
        (let [size (first (peg/match content-length request))]
          (:chunk s (- (+ head-end 4 size) (length request)) request)
          (ev/give found (string/slice request (+ head-end 4)))
          (respond s "text/plain" ""))
        (let [file (string site (first (string/split "?" path)))]
          (respond s (get types (last (string/split "." file)) "text/plain")
                   (if (= :file (os/stat file :mode)) (slurp file) "")))))))

(def queries
  "What is typed or pasted, and a page that has to be among those that are found."
  [["tls/connect" "jsec/tls"] [":ca-file" "jsec/tls"] ["{:share-port true}" "jsec/tls"]
   ["tls/connect: unknown option :verfy, did you mean :verify" "Errors, their causes, their cures"]
   ["connection truncated" "Errors, their causes, their cures"] ["--starttls" "The tool"]
   ["key-from-jwk" "jsec/crypto"] ["mutual TLS" "Guide"]])

(defn- search-probe []
  (string "<!DOCTYPE html><meta charset=utf-8><iframe width=1280 height=900 "
          "src='index.html'></iframe>\n<script>\nconst queries = ["
          (string/join (map |(string/format "%j" ($ 0)) queries) ",") "];\n"
          ````
const wait = ms => new Promise(done => setTimeout(done, ms));
const inside = () => document.querySelector('iframe').contentDocument;
async function until(condition) {
  for (let i = 0; i < 300 && !condition(); i++) await wait(50);
  return condition();
}
const titles = () =>
  [...inside().querySelectorAll('.md-search-result__item h1')].map(e => e.textContent).join('|');
const state = () => inside().querySelector('.md-search-result__meta').textContent.trim();
function type(text) {
  const input = inside().querySelector('input[data-md-component=search-query]');
  input.focus();
  input.value = text;
  input.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}));
}
onload = async () => {
  const lines = [];
  type('');
  await until(() => state().startsWith('Type'));
  for (const query of queries) {
    type(query);
    await until(() => titles());
    lines.push(titles());
    type('');
    await until(() => !titles());
  }
  fetch('/found', {method: 'POST', body: lines.join('\n')});
};
</script>
````))

(peer-test "chromium" "the search finds names, options and errors as they are pasted" :deadline 120
  (def found (ev/chan 1))
  (spit (string site "/search-probe.html") (search-probe))
  (defer (os/rm (string site "/search-probe.html"))
    (with [listener (net/server "127.0.0.1" "0" |(serve-site found $))]
      (def page
        (string "http://127.0.0.1:" (get (net/localname listener) 1) "/search-probe.html"))
      (with-child [c browser ;flags "--remote-debugging-port=0"
                   (string "--user-data-dir=" (tmpdir)) page]
        (def lines (string/split "\n" (ev/with-deadline 90 (ev/take found))))
        (is= (length queries) (length lines))
        (each [[query title] line] (map tuple queries lines)
          (is (index-of title (string/split "|" line)) (string query " finds " line)))))))

(peer-test "chromium" "screenshots are taken" :deadline 120
  (os/mkdir shots)
  (each [page width height] [["index" 390 844] ["docs/guide" 390 844] ["docs/api/tls" 390 844]
                             ["docs/errors" 390 844] ["docs/security" 390 844]
                             ["docs/design" 390 844]
                             ["index" 1400 900] ["docs/guide" 1400 900] ["docs/design" 1400 900]
                             ["docs/stream-contract" 1400 900]]
    (def path (string shots "/" (string/replace-all "/" "-" page) "-" width ".png"))
    (run-browser (string "--screenshot=" path) (string "--window-size=" width "," height)
                 (string "file://" site "/" page ".html"))
    (is (> (os/stat path :size) 5000))))

(end)

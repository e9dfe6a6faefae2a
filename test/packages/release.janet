# What a release consists of: versions that agree, notes, and an archive that builds alone, to the
# same bytes in each folder.
(import ../support/check :prefix "")
(import ../support/commands :prefix "")

(def root (os/cwd))
(def version (first (peg/match '(* (thru `(def- version "`) '(to `"`)) (slurp "project.janet"))))

(defn- released-files
  "A folder with a copy of the files that name the version."
  []
  (def folder (tmpdir))
  (each path ["tools/release" "CHANGELOG.md" "project.janet" "packaging"]
    (succeeds root (os/environ) "cp" "-R" "--parents" path folder))
  folder)

(test "all files name the version of project.janet"
  (succeeds root (os/environ) "tools/release" "versions"))

(test "all packages name one address, and one of the maintainers"
  (defn addresses [path]
    (distinct (peg/match '(any (+ (* "://" (<- (to (set "/\"")))) (* "<" :w+ "@" (<- (to ">"))) 1))
                         (slurp path))))
  (def place (first (addresses "packaging/debian/control")))
  (each path ["debian/changelog" "alpine/APKBUILD" "homebrew/jsec.rb"]
    # the formula's file://#{__dir__} is no address
    (def named (filter |(not (string/has-prefix? "#" $)) (addresses (string "packaging/" path))))
    (is= @[place] named path)))

(test "a release changes the version everywhere, and unreleased notes become those of the version"
  (def folder (released-files))
  (spit (string folder "/CHANGELOG.md") "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A.\n")
  (defn release [& words] (succeeds folder (os/environ) "tools/release" ;words))
  (release "prepare" "9.8.7")
  (release "check")
  (is= "\n### Added\n\n- A.\n" (release "notes"))
  (is (string/find "## [Unreleased]\n\n## [9.8.7] - 2" (slurp (string folder "/CHANGELOG.md"))))
  (is (string/find `(def- version "9.8.7")` (slurp (string folder "/project.janet"))))
  (is (string/has-prefix? "jsec (9.8.7-1) unstable"
                          (slurp (string folder "/packaging/debian/changelog")))))

(each [what words] [["a version twice" ["prepare" version]] ["no version" ["prepare" "9.8"]]]
  (test (string "a release of " what " is refused")
    (def folder (released-files))
    (spit (string folder "/CHANGELOG.md") (string "## [Unreleased]\n\n## [" version "] - 2026\n"))
    (def [status output] (run folder (os/environ) "tools/release" ;words))
    (is (not= 0 status))
    (is (string/has-prefix? "release: " output) output)))

# Git merges two branches' notes by union, which leaves a heading or a line twice.
(test "notes with a line twice are refused"
  (def folder (released-files))
  (spit (string folder "/CHANGELOG.md") (string "## [" version "]\n\n### Added\n\n- A.\n- A.\n"))
  (def [status output] (run folder (os/environ) "tools/release" "check"))
  (is (not= 0 status))
  (is= "release: CHANGELOG.md has this twice: - A.\n" (string output)))

# ---- the archive ----

(def- make-tool (find-tool "make"))

(defn- make-archive []
  (succeeds root (merge (os/environ) {"MAKELEVEL" "0"}) make-tool "-s" "dist")
  (string (slurp (string "build/dist/jsec-" version ".tar.gz"))))

(defn- forbidden
  "A folder for PATH in which programs that fetch something fail."
  []
  (def folder (tmpdir))
  (each name ["git" "apt-get" "curl" "wget"]
    (def path (string folder "/" name))
    (spit path "#!/bin/sh\necho \"$0 was called\" >&2\nexit 9\n")
    (os/chmod path 8r755))
  folder)

(defn- without-network [& command]
  (if (= 0 (first (run "/" (os/environ) "unshare" "--map-root-user" "--net" "true")))
    ["unshare" "--map-root-user" "--net" ;command]
    command))

(defn- build-archive
  "Unpack the archive into a folder and install it from there. Returns the folder of the files."
  [folder]
  (def stage (tmpdir))
  (succeeds folder (os/environ) "tar" "-xzf" (string root "/build/dist/jsec-" version ".tar.gz"))
  (def env {"PATH" (string (forbidden) ":" root "/build/janet/bin:" (os/getenv "PATH"))
            "OFFLINE" "1" "HOME" (tmpdir)})
  (succeeds (string folder "/jsec-" version) env
            ;(without-network make-tool "install" "PREFIX=/usr" (string "DESTDIR=" stage)))
  stage)

(defn- same-files [a b]
  (def paths (map |(string/slice $ (length a)) (sorted (files-in a))))
  (is (> (length paths) 40))
  (is= paths (map |(string/slice $ (length b)) (sorted (files-in b))))
  (each path paths (is (deep= (slurp (string a path)) (slurp (string b path))) path)))

(defn- check-archive []
  (test "the archive is the same when it is made twice"
    (is (= (make-archive) (make-archive))))
  (test "the archive builds without git and network, to the same bytes in each folder" :deadline 400
    (def longer (string (tmpdir) "/another, longer name"))
    (os/mkdir longer)
    (same-files (build-archive (tmpdir)) (build-archive longer))))

(if (os/stat ".git")
  (check-archive)
  (skip "the archive builds alone, to the same bytes in each folder" "this is no checkout of git"))

(end)

# Completion scripts, generated from the commands' tables.
(import ./args)
(import ./lazy)

(def command
  {:name "completions"
   :usage "bash | zsh | fish"
   :summary "print a completion script for a shell"
   :text ``
In bash: eval "$(jsec completions bash)" in ~/.bashrc.
In zsh: jsec completions zsh > a file _jsec in a folder of $fpath.
In fish: jsec completions fish > ~/.config/fish/completions/jsec.fish.
``
   :options []
   :examples []})

(defn- words-of [{:options options}]
  (string/join (map |(string "--" ($ :name)) [;options {:name "help"}]) " "))

(defn- choices
  "Tuples [option words] of the options that take one of several words."
  [command]
  (seq [{:name name :kind kind} :in (command :options) :when (indexed? kind)]
    [name (string/join kind " ")]))

(def- arguments
  {"cert" "self csr show verify ca issue list revoke crl dev trust acme"
   "completions" "bash zsh fish"})

(defn- each-command
  "The results of `line` for each command, joined."
  [commands line]
  (string/join (map line commands) "\n"))

# ---- bash ----

(defn- bash-case [command]
  (def name (command :name))
  (string "    *:" name ") words='" (words-of command)
          (if-let [more (arguments name)] (string " " more) "") "' ;;"))

(defn- bash-values [commands]
  (def rows (distinct (mapcat choices commands)))
  (string/join
    (map (fn [[name words]]
           (string "    --" name ") COMPREPLY=($(compgen -W '" words "' -- \"$word\")); return ;;"))
         rows)
    "\n"))

(defn- bash [commands]
  (string ``
# bash completion for jsec
_jsec() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words
  case $before in
`` "\n" (bash-values commands) "\n" ``
  esac
  case $COMP_CWORD:${COMP_WORDS[1]} in
    1:*) words='`` (string/join (map |($ :name) commands) " ") `` --help --version' ;;
`` "\n" (each-command commands bash-case) "\n" ``
  esac
  if [ "$COMP_CWORD" = 1 ] || [ "${word#-}" != "$word" ] || [ "$before" = "${COMP_WORDS[1]}" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  fi
  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$word"))
}
complete -o filenames -F _jsec jsec
``))

# ---- zsh ----

(defn- quoted [text] (string/replace-all "'" "'\\''" text))

(defn- zsh-option [{:name name :short short :value value :kind kind :doc about}]
  (def action
    (cond
      (indexed? kind) (string ":" value ":(" (string/join kind " ") ")")
      (= :file kind) (string ":" value ":_files")
      value (string ":" value ":")
      ""))
  (def about
    (string "[" (string/replace-all "]" "\\]" (string/replace-all "[" "\\[" (quoted about))) "]"
            action))
  (string "'--" name about "'" (if short (string " '-" short about "'") "")))

(defn- zsh-case [command]
  (def rest (if-let [words (arguments (command :name))] (string " '1:what:(" words ")'") ""))
  (string "    " (command :name) ") _arguments '--help[tell more]' "
          (string/join (map zsh-option (command :options)) " ") rest " '*:argument:_files' ;;"))

(defn- zsh [commands]
  (string "#compdef jsec\n_jsec() {\n  local -a commands=(\n"
          (each-command commands |(string "    '" ($ :name) ":" (quoted ($ :summary)) "'"))
          "\n  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
          "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n"
          (each-command commands zsh-case)
          "\n  esac\n}\nif [ \"$funcstack[1]\" = _jsec ]; then _jsec \"$@\"; else compdef "
          "_jsec jsec; fi"))

# ---- fish ----

(defn- fish-option [command {:name name :short short :value value :kind kind :doc about}]
  (string "complete -c jsec -n '__fish_seen_subcommand_from " command "' -l " name
          (if short (string " -s " short) "")
          (cond
            (indexed? kind) (string " -x -a '" (string/join kind " ") "'")
            (= :file kind) " -r -F"
            value " -x"
            "")
          " -d '" (string/replace-all "'" "\\'" about) "'"))

(defn- fish-command [{:name name :summary summary :options options}]
  (string/join
    [(string "complete -c jsec -n __fish_use_subcommand -a " name " -d '"
             (string/replace-all "'" "\\'" summary) "'")
     ;(if-let [words (arguments name)]
        [(string "complete -c jsec -n '__fish_seen_subcommand_from " name "' -a '" words "'")]
        [])
     ;(map |(fish-option name $) options)]
    "\n"))

(defn- fish [commands]
  (string "# fish completion for jsec\ncomplete -c jsec -n __fish_use_subcommand -f\n"
          (each-command commands fish-command)))

(def- shells {"bash" bash "zsh" zsh "fish" fish})

(defn- script
  "The completion script for a shell."
  [shell commands]
  (def make (or (shells shell)
                (args/usage-error "no completions for " shell ": bash, zsh or fish?")))
  (make commands))

(defn run [given]
  (def [shell & more] (given :words))
  (if (or (nil? shell) (next more)) (args/usage-error "bash, zsh or fish?"))
  # the list of commands is in the module that loads this one
  (print (script shell ((lazy/value "init" 'commands))))
  0)

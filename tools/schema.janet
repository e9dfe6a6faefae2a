# The schema of the tool's JSON (jsec/cli/record.janet): as a part of docs/tool.md, and, for tests,
# as a check of what the tool prints.
(import jsec/cli/judge)
(import jsec/cli/record)

(def finding-ids judge/ids)

# ---- the page ----

(defn- type-text [type]
  (cond
    (indexed? type) (string "array of " (type-text (first type)))
    (record/objects type) (string "[" type "](#json-" type ")")
    type))

(defn- row-text [[field type meaning]]
  (string "| `" (record/name-of field) "` | " (type-text type)
          (if (record/optional? field) " or null" "") " | " meaning " |"))

(defn- object-text [name]
  (string "### JSON: " name "\n\n| field | type | |\n|---|---|---|\n"
          (string/join (map row-text (record/objects name)) "\n")))

(defn page []
  (def order ["target" "failure" "connection" "verification" "request" "certificate" "extension"
              "finding" "suites" "suite" "groups" "issued" "event"])
  (string
    ``
## JSON

`jsec connect --json` and `jsec check --json` print one object a target, each on a line of its own:
the first of the tables below. A target that failed has its object, too. No field is ever left out;
those that may be null are marked. Fields may be added in later versions, with a line in the
changelog; none changes its meaning. Times are RFC 3339, in UTC. `jsec cert show --json` and `jsec
cert verify --json` print an array, whose certificates have the form below; `jsec cert list --json`
prints an array of `issued`, and `jsec serve --json` an `event` a line.

``
    "\n" (string/join (map object-text order) "\n\n")
    "\n\n### JSON: ids of findings\n\n| id | |\n|---|---|\n"
    (string/join (map (fn [[id meaning]] (string "| `" id "` | " meaning " |")) finding-ids) "\n")))

# ---- the check ----

(var- check-type nil)

(defn check
  "Raise unless a value is an object of that kind: all its fields, of their types, and no others."
  [name value]
  (def rows (record/objects name))
  (unless (dictionary? value) (errorf "%s: not an object: %q" name value))
  (def known (map |(record/name-of (first $)) rows))
  (each key (keys value)
    (unless (index-of (string key) known) (errorf "%s: field %q is not in the schema" name key)))
  (each [field type] rows
    (def key (record/name-of field))
    (def got (get value key))
    (if (nil? got) (errorf "%s: field %q is missing" name key))
    (unless (and (record/optional? field) (= :null got))
      (check-type (string name " " key) type got))))

(set check-type
     (fn [where type value]
       (cond
         (indexed? type) (do
                           (unless (indexed? value) (errorf "%s: not an array: %q" where value))
                           (each item value (check-type where (first type) item)))
         (record/objects type) (check type value)
         (unless ((record/types type) value) (errorf "%s: not a %s: %q" where type value)))))

# The flags of `make asan` find what they are for: a program with one fault each ends with a report.
(import ../support/check :prefix "")
(import ../support/commands :prefix "")

(def- make-tool (find-tool "make"))
(def- env (merge (os/environ) {"MAKELEVEL" "0" "MAKEFLAGS" ""}))

(defn- sanitizer-flags []
  (def command
    (succeeds "." env make-tool "-n" "-B" "ASAN=1" "V=1" "build/asan/obj/src/module.o"))
  (def words (peg/match '(any (+ (<- (some :S)) 1)) command))
  (filter |(peg/match '(* "-f" (? "no-") "sanitize") $) words))

(def- faults
  {"misaligned address" "return *(int *)(void *)(bytes + argc);"
   "signed integer overflow" "return 0x7fffffff + argc;"
   "stack-buffer-overflow" "volatile char *at = bytes; return at[argc + 7];"})

(eachp [report line] faults
  (peer-test "gcc" (string "make asan reports: " report)
    (def flags (sanitizer-flags))
    (is (not (empty? flags)))
    (def dir (tmpdir))
    (spit (string dir "/fault.c")
          (string "int main(int argc, char **argv) { (void)argv;\n"
                  "volatile char bytes[8] = {0};\n" line "\n}\n"))
    (succeeds dir env "gcc" ;flags "fault.c" "-o" "fault")
    (def [status output] (run dir env (string dir "/fault")))
    (is (not= 0 status))
    (is (string/find report output) output)))

(end)

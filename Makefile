# For those who work on jsec; users install with jpm, janet-pm or `janet --install .` (see project.janet).
# Everything made lies below build/; `make help` lists the targets. V=1 shows the commands.

# ASAN=1 (what `make asan` sets) builds all of it a second time, sanitized, beside the plain build.
B := build$(if $(ASAN),/asan)
J := $B/janet
TREE := $B/tree
JANET := $J/bin/janet

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
  -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 \
  -Wimplicit-fallthrough
ifdef ASAN
SANITIZE := -fsanitize=address,undefined -fno-sanitize=object-size -fno-sanitize-recover=undefined \
  -fno-omit-frame-pointer
endif
# janet.h as a system header: its warnings are not ours. Without pkg-config the compiler's own paths serve.
OPENSSL_CFLAGS := $(shell pkg-config --cflags openssl 2>/dev/null)
OPENSSL_LIBS := $(or $(shell pkg-config --libs openssl 2>/dev/null),-lssl -lcrypto)
VERSION := $(shell sed -n 's/^(def- version "\(.*\)")$$/\1/p' project.janet)
COMPILE = -std=c11 -fPIC -fvisibility=hidden $(WARNINGS) $(CFLAGS) $(SANITIZE) -DJSEC_VERSION=$(VERSION) \
  $(OPENSSL_CFLAGS) -Isrc -isystem $J/include
MODULE_LDFLAGS := $(if $(filter Darwin,$(shell uname -s)),-bundle -undefined dynamic_lookup,-shared)

SOURCES := $(wildcard src/*.c src/*/*.c src/*/*/*.c)
OBJECTS := $(SOURCES:%.c=$B/obj/%.o)
CORE_OBJECTS := $(filter $B/obj/src/core/%,$(OBJECTS))
MODULES := $(patsubst %,$(TREE)/%,$(wildcard jsec/*.janet jsec/*/*.janet)) $(TREE)/jsec/native.so
# T=word: only the test files whose path contains it.
C_TESTS := $(patsubst test/c/%.c,$B/test/c/%,$(filter test/c/test_%,$(wildcard test/c/*$T*.c)))
TEST_FOLDERS := contract crypto docs dtls generic harness hostile module peers pki tls tool
JANET_TESTS := $(foreach f,$(wildcard $(TEST_FOLDERS:%=test/%/*.janet)),$(if $(or $(if $T,,all),$(findstring $T,$f)),$f))

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
MAKEFLAGS += --no-builtin-rules --no-print-directory
Q := $(if $V,,@)
say = $(if $(or $V,$(findstring s,$(firstword -$(MAKEFLAGS)))),:,printf '  %-8s %s\n')

.PHONY: all env test test-c asan tsan valgrind conform soak coverage analyze packages matrix fuzz corpus bench bench-quick demo docs test-site lint format install uninstall clean help
.DELETE_ON_ERROR:

all: $(JANET) $(MODULES) ## build the modules, and a janet where the system has none that is fit

# --- what we need ---

build/openssl:
	@mkdir -p $(@D)
	$Q CC='$(CC)' tools/get-openssl $@

$(JANET): | build/openssl
	$Q CC='$(CC)' CFLAGS='$(SANITIZE)' tools/get-janet $(if $(ASAN),--static) $J build/libjanet

# --- the modules ---

$B/obj/%.o: %.c Makefile | $(JANET)
	@mkdir -p $(@D)
	@$(say) CC $<
	$Q $(CC) $(COMPILE) -MMD -MP -c $< -o $@

$B/obj/src/tls/features.o: project.janet

$(TREE)/jsec/native.so: $(OBJECTS)
	@mkdir -p $(@D)
	@$(say) LINK $@
	$Q $(CC) $(MODULE_LDFLAGS) $(SANITIZE) $(LDFLAGS) $^ -o $@ $(OPENSSL_LIBS)

$(TREE)/jsec/%.janet: jsec/%.janet
	@mkdir -p $(@D)
	$Q cp $< $@

# $(shell) quoting for `eval`: single quotes, and any single quote in the path spelled '\''.
env: ## print the shell settings of a shell that uses this build: eval "$(make -s env)"
	-@$(MAKE) -s all >&2
	@quote() { printf "'%s'" "$$(printf %s "$$1" | sed "s/'/'\\\\\\\\''/g")"; }; \
	printf 'export PATH=%s:%s:"$$PATH"\n' "$$(quote "$$PWD/$J/bin")" "$$(quote "$$PWD/bin")"; \
	printf 'export JANET_PATH=%s\n' "$$(quote "$$PWD/$(TREE)")"

# --- tests ---

$B/test/c/%: test/c/%.c $(CORE_OBJECTS) Makefile
	@mkdir -p $(@D)
	@$(say) CC $<
	$Q $(CC) $(COMPILE) -Itest/c -MMD -MP -MF $@.d $< $(CORE_OBJECTS) -o $@ $(OPENSSL_LIBS) -pthread

test: all $(C_TESTS) ## run the tests; T=word: only files whose path contains it
	$(if $(C_TESTS)$(JANET_TESTS),,$(error no test file has "$T" in its path))
	$Q PATH="$$PWD/$J/bin:$$PATH" JANET_PATH="$$PWD/$(TREE)" $(TEST_ENV) janet test/run.janet $(C_TESTS) $(JANET_TESTS)

# Slow runs carry a tenth of the load and have ten times the time.
SLOW := JSEC_SLOW=10 JSEC_LOAD=0.1 JSEC_TIMEOUT=600

asan: ## run the tests under AddressSanitizer, LeakSanitizer and UBSan
	@$(MAKE) ASAN=1 test TEST_ENV='$(SLOW) ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 \
	  UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1'

# System programs that tests start aren't traced, a janet of ours is.
valgrind: ## run the tests under valgrind
	@$(MAKE) test TEST_ENV='$(SLOW) JSEC_WRAPPER="valgrind -q --error-exitcode=99 --leak-check=full \
	  --show-leak-kinds=definite --errors-for-leak-kinds=definite --trace-children=yes --trace-children-skip=/usr/*,/bin/*,/sbin/*"'

packages: all ## install in each way into empty places, use it from there, and remove it again
	$Q PATH="$$PWD/$J/bin:$$PATH" JANET_PATH="$$PWD/$(TREE)" janet test/run.janet test/packages/install.janet

# --- fuzzing ---

# One libFuzzer target for each parser of the core, SECONDS each. Inputs that were found go to build/fuzz/corpus/. Random bytes of
# their own take RAND_METHOD, which is deprecated.
SECONDS := 30
FUZZERS := $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/fuzz_*.c))
FUZZ_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION \
  -DOPENSSL_SUPPRESS_DEPRECATED

build/fuzz/obj/%.o: %.c Makefile | build/openssl
	@mkdir -p $(@D)
	@$(say) CC $<
	$Q clang -std=c11 $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(OPENSSL_CFLAGS) -Isrc -Itest/fuzz -MMD -MP -c $< -o $@

build/fuzz/%: build/fuzz/obj/test/fuzz/%.o $(patsubst %,build/fuzz/obj/%,$(patsubst %.c,%.o,$(filter src/core/%,$(SOURCES))))
	@$(say) LINK $@
	$Q clang $(FUZZ_FLAGS) -fsanitize=fuzzer $^ -o $@ $(OPENSSL_LIBS) -pthread

.PRECIOUS: build/fuzz/obj/%.o build/fuzz/%

fuzz: $(FUZZERS:%=fuzz-%) ## fuzz the parsers (clang with libFuzzer); SECONDS=60: for each of them; SEED=1: the same inputs again

fuzz-%: build/fuzz/%
	@mkdir -p build/fuzz/corpus/$*
	@$(say) FUZZ $*
	$Q cd build/fuzz && ./$* -max_total_time=$(SECONDS) $(SEED:%=-seed=%) -timeout=20 -verbosity=0 -print_final_stats=1 \
	  corpus/$* $(wildcard $(CURDIR)/test/fuzz/corpus/$(*:fuzz_%=%))

corpus: $(FUZZERS:%=corpus-%) ## run each fuzz target on its corpus, under AddressSanitizer and UBSan

corpus-%: build/fuzz/%
	@$(say) CORPUS $*
	$Q build/fuzz/$* -runs=0 -timeout=20 -verbosity=0 -artifact_prefix=build/fuzz/ test/fuzz/corpus/$(*:fuzz_%=%)

# Debian's other suites bring the versions; what is fetched stays below build/matrix.
matrix: all ## run the tests on OpenSSL 3.0, 3.5, 3.6 and 4.0; SUITES="trixie ..." chooses
	@MAKE='$(MAKE)' tools/matrix $(SUITES)

# --- independent judges, and load ---

# SECONDS of fuzzing are others: SOAK_SECONDS=3600 for an hour.
RUN_JANET = PATH="$$PWD/$J/bin:$$PATH" JANET_PATH="$$PWD/$(TREE)" janet

conform: all ## test against testssl.sh, sslscan and eleven peers (tools/conform-deps), into docs/conformance.md
	@mkdir -p build/conform
	$Q $(RUN_JANET) test/conform/judges.janet build/conform/judges.md
	$Q $(RUN_JANET) test/conform/matrix.janet build/conform/matrix.md
	$Q cat test/conform/head.md build/conform/judges.md test/conform/between.md build/conform/matrix.md >docs/conformance.md

soak: all ## handshakes and transfers for SOAK_SECONDS=300; prints the slopes of memory and descriptors
	$Q JSEC_SECONDS=$(or $(SOAK_SECONDS),300) $(RUN_JANET) test/conform/soak.janet

# Each run of the suite writes what it reached into build/coverage; gcovr lists what was missed, test/coverage.md tells why.
coverage: ## measure which lines of C the tests reach (gcovr), and that those missed have a reason
	@rm -rf build/coverage
	@$(MAKE) test B=build/coverage J=build/janet CFLAGS='-O0 -g' SANITIZE='--coverage -fprofile-update=atomic' \
	  TEST_ENV='JSEC_SLOW=2 JSEC_MEMORY_MAX=400 JSEC_TIMEOUT=600'
	$Q gcovr --root . --filter 'src/' --print-summary --txt build/coverage/lines.txt --object-directory build/coverage build/coverage
	@echo "  missed lines: build/coverage/lines.txt"
	$Q $(RUN_JANET) tools/coverage.janet build/coverage/lines.txt test/coverage.md

tsan: ## run the core's C tests under ThreadSanitizer
	@$(MAKE) build/janet/bin/janet
	@$(MAKE) test-c B=build/tsan J=build/janet SANITIZE='-fsanitize=thread'

test-c: $(C_TESTS) ## run the core's C tests alone
	$Q for t in $(C_TESTS); do $$t >$$t.log || { cat $$t.log; exit 1; }; tail -1 $$t.log; done

# gcc 12 finds a shift "beyond" a type of two bits; cppcheck takes a text that is to be filled in for one that is read, and
# knows nothing of janet.h.
ANALYZED := $(SOURCES:%.c=build/analyze/%.o)
build/analyze/%.o: %.c Makefile | $(JANET)
	@mkdir -p $(@D)
	@$(say) analyze $<
	$Q gcc $(COMPILE) -fanalyzer -Wno-analyzer-shift-count-overflow -Werror -c $< -o $@

analyze: $(ANALYZED) ## look for defects with gcc -fanalyzer and cppcheck
	$Q cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --std=c11 -Isrc \
	  --suppress=missingInclude --suppress=unknownMacro --suppress=ctuuninitvar --suppress=arrayIndexThenCheck \
	  -DOPENSSL_VERSION_NUMBER=0x30000000L -DJSEC_VERSION=$(VERSION) '-DJANET_NO_RETURN=__attribute__((noreturn))' src

# --- checks ---

clang_flags := -Wno-missing-prototypes
LINT_SOURCES := $(SOURCES) $(wildcard tools/*.c test/c/*.c bench/c/*.c)
FORMATTED := $(LINT_SOURCES) $(wildcard src/*.h src/*/*.h src/*/*/*.h test/c/*.h bench/c/*.h test/fuzz/*.[ch])
LINT := $(foreach check,gcc clang tidy,$(LINT_SOURCES:%.c=build/lint/$(check)/%.o))

lint: build/lint/format $(LINT) ## check the format, and that gcc, clang and clang-tidy have no word to say
	@wc -l $(SOURCES) | awk '$$2 != "total" && $$1 > 500 { print "  note: " $$2 " has " $$1 " lines" }'

build/lint/format: $(FORMATTED) .clang-format
	@mkdir -p $(@D)
	@$(say) format 'of all C files'
	$Q clang-format --dry-run -Werror $(FORMATTED)
	@touch $@

# Real builds, not -fsyntax-only: some warnings of gcc need its optimizer. A prototype that is missing is gcc's to find:
# clang also misses those of the functions that JANET_MODULE_ENTRY makes.
define lint_build
build/lint/$1/%.o: %.c Makefile | $(JANET)
	@mkdir -p $$(@D)
	@$(say) $1 $$<
	$Q $1 $(COMPILE) -Itest/c -Werror $2 -MMD -MP -c $$< -o $$@
endef
$(eval $(call lint_build,gcc))
$(eval $(call lint_build,clang,$(clang_flags)))

# An empty "object", so that the three checks share their rules; the header dependencies are clang's.
build/lint/tidy/%.o: %.c build/lint/clang/%.o .clang-tidy
	@mkdir -p $(@D)
	@$(say) tidy $<
	$Q clang-tidy --quiet $< -- $(COMPILE) -Itest/c $(clang_flags) 2>build/lint/tidy/$*.log || { cat build/lint/tidy/$*.log; exit 1; }
	@touch $@

format: ## format the C sources in place
	clang-format -i $(FORMATTED)

# --- the rest ---

# Programs of the bench, in C, and in Go where there is one.
BENCH_PROGRAMS := $(patsubst %,build/bench/%,bound load limit dtls_limit crypto $(if $(shell command -v go),go-peer))
BENCH_RUN = $Q PATH="$$PWD/$J/bin:$$PATH" JANET_PATH="$$PWD/$(TREE)" janet

build/bench/%: bench/c/%.c bench/c/common.c bench/c/common.h Makefile | build/openssl
	@mkdir -p $(@D)
	@$(say) CC $<
	$Q $(CC) -std=c11 $(WARNINGS) $(CFLAGS) $(OPENSSL_CFLAGS) $(filter %.c,$^) -o $@ $(OPENSSL_LIBS)

build/bench/go-peer: bench/peers/peer.go
	@mkdir -p $(@D)
	@$(say) GO $<
	$Q GOCACHE="$$PWD/build/bench/go-cache" GO111MODULE=off go build -o $@ $<

bench: all $(BENCH_PROGRAMS) ## measure all, into bench/RESULTS.md; ROW="full handshake": only such rows; BENCH=crypto: that bench
	$(BENCH_RUN) bench/$(or $(BENCH),bench).janet $(if $(ROW),'$(ROW)')

bench-quick: all $(BENCH_PROGRAMS) ## measure the rows that matter while working
	$(BENCH_RUN) bench/bench.janet quick

demo: all ## run examples/demo.janet
	$Q PATH="$$PWD/$J/bin:$$PATH" JANET_PATH="$$PWD/$(TREE)" janet examples/demo.janet

# Docs are made of docstrings, sources and tables; what stands in the repository is made anew, the site goes to build/site.
docs: all ## make docs/api, errors.md, tool.md, examples.md, the manual page, and a site of all docs in build/site
	$Q export PATH="$$PWD/$J/bin:$$PATH" JANET_PATH="$$PWD/$(TREE)"; janet tools/api.janet && janet tools/errors.janet && \
	  janet tools/tool.janet && janet tools/examples.janet && janet tools/manual.janet >man/jsec.1 && janet tools/site.janet

test-site: docs ## look at the site in headless Chromium; screenshots go to build/site-shots
	$Q PATH="$$PWD/$J/bin:$$PATH" JANET_PATH="$$PWD/$(TREE)" janet test/run.janet test/site/site.janet

# Into PREFIX, or by default where the janet in use looks for modules: its folders bin and man then.
INSTALL_ROOT = $(DESTDIR)$(or $(PREFIX),$(shell env -u JANET_PATH $(JANET) -e '(prin (dyn *syspath*))'))
INSTALL_MODULES = $(INSTALL_ROOT)$(if $(PREFIX),/lib/janet)
INSTALL_SHARE = $(INSTALL_ROOT)$(if $(PREFIX),/share)

install: all ## install modules, the tool, its manual page and completions; PREFIX=/usr/local chooses where
	$Q JANET='$(JANET)' tools/install '$(TREE)' '$(INSTALL_ROOT)' '$(INSTALL_MODULES)' '$(INSTALL_SHARE)' '$(DESTDIR)'

uninstall: $(JANET) ## remove what `make install` installed
	$Q tools/install --remove '$(TREE)' '$(INSTALL_ROOT)' '$(INSTALL_MODULES)' '$(INSTALL_SHARE)'

clean: ## remove all that was built
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 12

-include $(wildcard build/fuzz/obj/*/*.d build/fuzz/obj/*/*/*.d build/fuzz/obj/*/*/*/*.d) $(OBJECTS:.o=.d) $(LINT:.o=.d) $(C_TESTS:%=%.d)

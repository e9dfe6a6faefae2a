# For work on jsec itself. To install it, use jpm, janet-pm or `janet --install .` (project.janet).
# All output goes to build/. `make help` lists the targets, V=1 shows the commands.

# ASAN=1, set by `make asan`, makes a second, sanitized build beside the plain one. KQUEUE=prefix
# makes one that uses libkqueue, installed below that prefix, in place of epoll.
B := build$(if $(ASAN),/asan,$(if $(KQUEUE),/kqueue))
J := $B/janet
TREE := $B/tree
JANET := $J/bin/janet
LIBJANET := build/libjanet

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
  -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 \
  -Wimplicit-fallthrough
ifdef ASAN
SANITIZE := -fsanitize=address,undefined -fno-sanitize=object-size \
  -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif
ifdef KQUEUE
$(if $(wildcard $(KQUEUE)/include/kqueue/sys/event.h),,\
  $(error libkqueue is not installed below $(KQUEUE): github.com/mheily/libkqueue))
QUEUE := -DJSEC_KQUEUE -isystem $(KQUEUE)/include/kqueue
QUEUE_OBJECTS := $B/obj/test/support/libkqueue.o $B/libkqueue.a
QUEUE_LIBS := -pthread
endif
# Without pkg-config, OpenSSL is searched in the compiler's own paths.
OPENSSL_CFLAGS := $(shell pkg-config --cflags openssl 2>/dev/null)
OPENSSL_LIBS := $(or $(shell pkg-config --libs openssl 2>/dev/null),-lssl -lcrypto)
# Argon2 of libargon2, where OpenSSL is older than 3.2 and has none; JSEC_LIBARGON2=no omits it.
ifneq ($(JSEC_LIBARGON2),no)
ARGON2_LIBS := $(shell pkg-config --exists 'openssl < 3.2' 2>/dev/null && \
  pkg-config --libs libargon2 2>/dev/null)
ARGON2_CFLAGS := $(if $(ARGON2_LIBS),-DJSEC_LIBARGON2 $(shell pkg-config --cflags libargon2))
OPENSSL_CFLAGS += $(ARGON2_CFLAGS)
OPENSSL_LIBS += $(ARGON2_LIBS)
endif
VERSION := $(shell sed -n 's/^(def- version "\(.*\)")$$/\1/p' project.janet)
# janet.h is a system header here, so that its warnings do not count.
# Debugging data names no folder of this machine: two builds of one source are equal.
COMPILE = -std=c11 -fPIC -fvisibility=hidden -ffile-prefix-map="$$PWD"=. $(WARNINGS) \
  $(CFLAGS) $(CPPFLAGS) $(SANITIZE) \
  -DJSEC_VERSION=$(VERSION) $(QUEUE) $(OPENSSL_CFLAGS) -Isrc -isystem $J/include
MODULE_LDFLAGS := $(if $(filter Darwin,$(shell uname -s)),-bundle -undefined dynamic_lookup,-shared)

SOURCES := $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c))
OBJECTS := $(SOURCES:%.c=$B/obj/%.o)
CORE_OBJECTS := $(filter $B/obj/src/core/%,$(OBJECTS))
MODULES := $(patsubst %,$(TREE)/%,$(wildcard jsec/*.janet jsec/*/*.janet)) \
  $(TREE)/jsec/native.so
C_TESTS := $(patsubst test/c/%.c,$B/test/c/%,$(wildcard test/c/test_*.c))
TEST_FOLDERS := acme contract crypto docs dtls generic harness hostile module peers pki tls tool
JANET_TESTS := $(wildcard $(TEST_FOLDERS:%=test/%/*.janet))
# T=word selects the test files with the word in their path.
ifdef T
C_TESTS := $(foreach f,$(C_TESTS),$(if $(findstring $T,$(f)),$(f)))
JANET_TESTS := $(foreach f,$(JANET_TESTS),$(if $(findstring $T,$(f)),$(f)))
endif

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
MAKEFLAGS += --no-builtin-rules --no-print-directory
Q := $(if $V,,@)
say = $(if $(or $V,$(findstring s,$(firstword -$(MAKEFLAGS)))),:,printf '  %-8s %s\n')
# The janet of this build, with the modules of this build.
RUN_JANET = PATH="$$PWD/$J/bin:$$PATH" JANET_PATH="$$PWD/$(TREE)" $(TEST_ENV) janet

.PHONY: all deps env test test-c asan tsan valgrind conform bogo tlsfuzzer programs chaos soak \
  coverage analyze packages matrix janets compilers cross fuzz corpus bench bench-quick demo docs \
  test-site lint lint-text format install uninstall dist deb clean compare help \
  ALWAYS
.DELETE_ON_ERROR:

all: $(JANET) $(MODULES) ## build the modules; names what is missing

# --- OpenSSL's headers and Janet ---

# Only these targets run apt-get: to install OpenSSL's headers as root, and to unpack Janet into
# build/. The others name the command for what is missing. With OFFLINE=1, and in the build of a
# package, which sets SOURCE_DATE_EPOCH, nothing is downloaded.
OFFLINE ?= $(SOURCE_DATE_EPOCH)
export OFFLINE
FETCH := $(if $(OFFLINE),,$(if $(filter demo test deps,$(MAKECMDGOALS)),--fetch))

build/openssl:
	@mkdir -p $(@D)
	$Q CC='$(CC)' tools/get-openssl $(FETCH) $@

$(JANET): | build/openssl
	$Q CC='$(CC)' CFLAGS='$(SANITIZE)' tools/get-janet $(FETCH) $(if $(ASAN),--static) \
	  $J $(LIBJANET)

deps: ## install what tests and checks need with apt-get, as root, and make a janet
	$Q tools/test-deps
	@$(MAKE) FETCH=--fetch $(JANET)

# --- the modules ---

# Objects depend on the content of janet.h: a package of Janet has files older than our objects.
JANET_STAMP := $J/janet.h.sum

$(JANET_STAMP): ALWAYS | $(JANET)
	@sum=$$(cksum <$J/include/janet.h); [ "$$sum" = "$$(cat $@ 2>/dev/null)" ] || echo "$$sum" >$@

ALWAYS:

$B/obj/%.o: %.c Makefile $(JANET_STAMP)
	@mkdir -p $(@D)
	@$(say) CC $<
	$Q $(CC) $(COMPILE) -MMD -MP -c $< -o $@

$B/obj/src/tls/features.o: project.janet

$(TREE)/jsec/native.so: $(OBJECTS) $(QUEUE_OBJECTS)
	@mkdir -p $(@D)
	@$(say) LINK $@
	$Q $(CC) $(MODULE_LDFLAGS) $(SANITIZE) $(LDFLAGS) $^ -o $@ $(OPENSSL_LIBS) $(QUEUE_LIBS)

# libkqueue with functions of test/support/libkqueue.c in place of libc's.
$B/libkqueue.a: $(KQUEUE)/lib/libkqueue.a Makefile
	@mkdir -p $(@D)
	$Q objcopy $(foreach f,epoll_create1 epoll_wait getsockopt, \
	  --redefine-sym $f=libkqueue_$f) $< $@

# For static executables: the objects of the shared one but for the entry, whose name tells modules
# apart.
ENTRY := src/module.c
STATIC_ENTRY := janet_module_entry_jsec_47_native
$B/obj/entry.o: $(ENTRY) Makefile $(JANET_STAMP)
	@mkdir -p $(@D)
	@$(say) CC $<
	$Q $(CC) $(COMPILE) -DJANET_ENTRY_NAME=$(STATIC_ENTRY) -Wno-missing-prototypes \
	  -MMD -MP -c $< -o $@

$(TREE)/jsec/native.a: $B/obj/entry.o $(filter-out $B/obj/$(ENTRY:.c=.o),$(OBJECTS))
	@mkdir -p $(@D)
	@$(say) AR $@
	@rm -f $@
	$Q $(AR) rc $@ $^

$(TREE)/jsec/native.meta.janet: Makefile
	@mkdir -p $(@D)
	$Q printf '{:static-entry "%s" :cpp false :lflags @[%s]}\n' $(STATIC_ENTRY) \
	  '$(OPENSSL_LIBS:%="%")' >$@

$(TREE)/jsec/%.janet: jsec/%.janet
	@mkdir -p $(@D)
	$Q cp $< $@

# For `eval`: values stand in single quotes, and a single quote in a path becomes '\''.
env: ## print settings for a shell that uses this build: eval "$(make -s env)"
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
	$(if $(strip $(C_TESTS) $(JANET_TESTS)),,$(error no test file has "$T" in its path))
	$Q $(RUN_JANET) test/run.janet $(C_TESTS) $(JANET_TESTS)

# Slow runs have a tenth of the load and ten times the time.
SLOW := JSEC_SLOW=10 JSEC_LOAD=0.1 JSEC_TIMEOUT=600

ASAN_ENV := $(SLOW) ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 \
  UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

asan: ## run the tests under AddressSanitizer, LeakSanitizer and UBSan
	@$(MAKE) ASAN=1 test TEST_ENV='$(ASAN_ENV)'

# Programs of the system that tests start are not traced, a janet of ours is.
VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
  --errors-for-leak-kinds=definite --trace-children=yes \
  --trace-children-skip=/usr/*,/bin/*,/sbin/* \
  --suppressions=test/support/valgrind.supp

valgrind: ## run the tests under valgrind
	@$(MAKE) test TEST_ENV='$(SLOW) JSEC_WRAPPER="$(VALGRIND)"'

packages: all ## test the archive of a release and each way of installing, in empty folders
	$Q $(RUN_JANET) test/run.janet test/packages/release.janet test/packages/install.janet

# --- fuzzing ---

# One libFuzzer target for each parser of the core. Inputs that reach new code go to
# build/fuzz/corpus/. The targets replace RAND_METHOD, which OpenSSL has deprecated.
SECONDS := 30
FUZZERS := $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/fuzz_*.c))
FUZZ_OBJECTS := $(patsubst %.c,build/fuzz/obj/%.o,$(filter src/core/%,$(SOURCES)))
FUZZ_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
  -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -DOPENSSL_SUPPRESS_DEPRECATED

build/fuzz/obj/%.o: %.c Makefile | build/openssl
	@mkdir -p $(@D)
	@$(say) CC $<
	$Q clang -std=c11 $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(OPENSSL_CFLAGS) \
	  -Isrc -Itest/fuzz -MMD -MP -c $< -o $@

build/fuzz/%: build/fuzz/obj/test/fuzz/%.o $(FUZZ_OBJECTS)
	@$(say) LINK $@
	$Q clang $(FUZZ_FLAGS) -fsanitize=fuzzer $^ -o $@ $(OPENSSL_LIBS) -pthread

.PRECIOUS: build/fuzz/obj/%.o build/fuzz/%

fuzz: $(FUZZERS:%=fuzz-%) ## fuzz the parsers with clang, SECONDS=30 each; SEED=1 repeats a run

fuzz-%: build/fuzz/%
	@mkdir -p build/fuzz/corpus/$*
	@$(say) FUZZ $*
	$Q cd build/fuzz && ./$* -max_total_time=$(SECONDS) $(SEED:%=-seed=%) -timeout=20 \
	  -verbosity=0 -print_final_stats=1 corpus/$* $(wildcard $(CURDIR)/test/fuzz/corpus/$(*:fuzz_%=%))

corpus: $(FUZZERS:%=corpus-%) ## run each fuzz target on its corpus

corpus-%: build/fuzz/%
	@$(say) CORPUS $*
	$Q build/fuzz/$* -runs=0 -timeout=20 -verbosity=0 -artifact_prefix=build/fuzz/ \
	  test/fuzz/corpus/$(*:fuzz_%=%)

# The versions come from other suites of Debian, unpacked into build/matrix.
matrix: all ## run the tests on OpenSSL 3.0 to 4.0, fetched; SUITES="trixie ..." chooses
	@MAKE='$(MAKE)' tools/matrix $(SUITES)

# These write the tables of docs/conformance.md.
janets: all ## run the tests on other builds of Janet: NAMES="poll 1.41.2", JANET_GIT=path
	@MAKE='$(MAKE)' tools/janets $(NAMES)

compilers: all ## run the tests with other compilers: NAMES="clang musl"
	@MAKE='$(MAKE)' tools/compilers $(NAMES)

cross: ## test for another processor: ARCH=i386, armhf, arm64, riscv64 or s390x
	@MAKE='$(MAKE)' FOLDERS='$(FOLDERS)' tools/cross '$(ARCH)'

# --- other implementations, and load ---

conform: all ## test against other implementations (tools/conform-deps): docs/conformance.md
	@mkdir -p build/conform
	$Q $(RUN_JANET) test/conform/judges.janet build/conform/judges.md
	$Q $(RUN_JANET) test/conform/matrix.janet build/conform/matrix.md
	$Q cat test/conform/head.md build/conform/judges.md test/conform/between.md \
	  build/conform/matrix.md test/conform/runners.md test/conform/reach.md >docs/conformance.md

bogo: all ## run BoringSSL's tests; RUNNER=its ssl/test/runner, TEST=pattern
	$Q $(RUN_JANET) test/conform/bogo/run.janet '$(RUNNER)' $(if $(TEST),'$(TEST)')

tlsfuzzer: all ## run tlsfuzzer's scripts; CHECKOUT=path, ALL=1, PEER=openssl
	$Q $(if $(ALL),ALL=1) $(PEER:%=PEER=%) $(RUN_JANET) test/conform/tlsfuzzer/run.janet '$(CHECKOUT)'

programs: all ## run public programs over TLS; DIR=folder with checkouts of janet, spork and others
	$Q $(RUN_JANET) test/programs/run.janet '$(DIR)'

CHAOS_ENV = JSEC_SECONDS=$(SECONDS) $(SEED:%=JSEC_SEED=%) $(if $(ASAN),$(ASAN_ENV))

chaos: all ## cancel, close and collect at random and check each byte; SECONDS=30, SEED=1, ASAN=1
	$Q $(CHAOS_ENV) $(RUN_JANET) test/conform/chaos/main.janet

# SECONDS is the fuzzers' time, not this one.
soak: all ## run for SOAK_SECONDS=300; prints the growth of memory and descriptors
	$Q JSEC_SECONDS=$(or $(SOAK_SECONDS),300) $(RUN_JANET) test/conform/soak.janet

# gcovr lists the lines that no test reached; test/coverage.md has a reason for each function.
coverage: ## measure which lines of C the tests reach; the others need a reason
	@rm -rf build/coverage
	@$(MAKE) test B=build/coverage J=build/janet CFLAGS='-O0 -g' \
	  SANITIZE='--coverage -fprofile-update=atomic' \
	  TEST_ENV='JSEC_SLOW=2 JSEC_MEMORY_MAX=400 JSEC_TIMEOUT=600'
	$Q gcovr --root . --filter 'src/' --print-summary --txt build/coverage/lines.txt \
	  --object-directory build/coverage build/coverage
	@echo "  missed lines: build/coverage/lines.txt"
	$Q $(RUN_JANET) tools/coverage.janet build/coverage/lines.txt test/coverage.md

tsan: ## run the core's C tests under ThreadSanitizer
	@$(MAKE) build/janet/bin/janet
	@$(MAKE) test-c B=build/tsan J=build/janet SANITIZE='-fsanitize=thread'

test-c: $(C_TESTS) ## run only the core's C tests
	$Q for t in $(C_TESTS); do $$t >$$t.log || { cat $$t.log; exit 1; }; tail -1 $$t.log; done

# gcc 12 reports a wrong shift count for a two-bit field. cppcheck reports output arguments as
# uninitialised, and does not find janet.h.
ANALYZED := $(SOURCES:%.c=build/analyze/%.o)
build/analyze/%.o: %.c Makefile | $(JANET)
	@mkdir -p $(@D)
	@$(say) analyze $<
	$Q gcc $(COMPILE) -fanalyzer -Wno-analyzer-shift-count-overflow -Werror -c $< -o $@

analyze: $(ANALYZED) ## look for defects with gcc -fanalyzer and cppcheck
	$Q cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --std=c11 \
	  --suppress=missingInclude --suppress=unknownMacro --suppress=ctuuninitvar \
	  --suppress=arrayIndexThenCheck -DOPENSSL_VERSION_NUMBER=0x30000000L \
	  -DJSEC_VERSION=$(VERSION) '-DJANET_NO_RETURN=__attribute__((noreturn))' -Isrc src

# --- checks ---

clang_flags := -Wno-missing-prototypes
LINT_SOURCES := $(SOURCES) $(wildcard tools/*.c test/c/*.c bench/c/*.c)
FORMATTED := $(LINT_SOURCES) \
  $(wildcard src/*.h src/*/*.h src/*/*/*.h test/c/*.h bench/c/*.h test/fuzz/*.[ch])
LINT := $(foreach check,gcc clang tidy,$(LINT_SOURCES:%.c=build/lint/$(check)/%.o))

lint: lint-text build/lint/format $(LINT) ## check lines, words, format; no warnings of compilers
	@wc -l $(SOURCES) | \
	  awk '$$2 != "total" && $$1 > 500 { print "  note: " $$2 " has " $$1 " lines" }'

lint-text:
	@$(say) text 'lines and words of all files'
	$Q tools/check-text

build/lint/format: $(FORMATTED) .clang-format
	@mkdir -p $(@D)
	@$(say) format 'of all C files'
	$Q clang-format --dry-run -Werror $(FORMATTED)
	@touch $@

# Real builds, not -fsyntax-only: some warnings of gcc need its optimizer. gcc finds missing
# prototypes; clang would also report the functions that JANET_MODULE_ENTRY defines.
define lint_build
build/lint/$1/%.o: %.c Makefile $(JANET_STAMP)
	@mkdir -p $$(@D)
	@$(say) $1 $$<
	$Q $1 $$(COMPILE) -Itest/c -Werror $2 -MMD -MP -c $$< -o $$@
endef
$(eval $(call lint_build,gcc))
$(eval $(call lint_build,clang,$(clang_flags)))

# The empty "object" lets the three checks share their rules; clang's run lists the headers.
build/lint/tidy/%.o: %.c build/lint/clang/%.o .clang-tidy
	@mkdir -p $(@D)
	@$(say) tidy $<
	$Q clang-tidy --quiet $< -- $(COMPILE) -Itest/c $(clang_flags) 2>build/lint/tidy/$*.log || \
	  { cat build/lint/tidy/$*.log; exit 1; }
	@touch $@

format: ## format the C sources in place
	clang-format -i $(FORMATTED)

# --- the rest ---

# Programs of the benchmark, in C, and in Go if it is installed.
BENCH_PROGRAMS := $(patsubst %,build/bench/%,bound load limit dtls_limit crypto \
  $(if $(shell command -v go),go-peer go-http))

build/bench/%: bench/c/%.c bench/c/common.c bench/c/common.h Makefile | build/openssl
	@mkdir -p $(@D)
	@$(say) CC $<
	$Q $(CC) -std=c11 $(WARNINGS) $(CFLAGS) $(OPENSSL_CFLAGS) $(filter %.c,$^) -o $@ \
	  $(OPENSSL_LIBS)

build/bench/go-peer: bench/peers/peer.go
build/bench/go-http: bench/peers/http.go
build/bench/go-peer build/bench/go-http:
	@mkdir -p $(@D)
	@$(say) GO $<
	$Q GOCACHE="$$PWD/build/bench/go-cache" GO111MODULE=off go build -o $@ $<

bench: all $(BENCH_PROGRAMS) ## measure: bench/RESULTS.md; ROW="full handshake", BENCH=crypto choose
	$Q $(RUN_JANET) bench/$(or $(BENCH),bench).janet $(if $(ROW),'$(ROW)')

bench-quick: all $(BENCH_PROGRAMS) ## measure the rows that matter while working
	$Q $(RUN_JANET) bench/bench.janet quick

demo: all ## run examples/demo.janet
	$Q $(RUN_JANET) examples/demo.janet

# Generated pages stand in the repository; the site does not.
docs: all ## generate pages and manual from docstrings and tables, and the site in build/site
	$Q $(RUN_JANET) tools/api.janet
	$Q $(RUN_JANET) tools/errors.janet
	$Q $(RUN_JANET) tools/tool.janet
	$Q $(RUN_JANET) tools/examples.janet
	$Q $(RUN_JANET) tools/manual.janet >man/jsec.1
	$Q tools/site

compare: all ## compare the tool with curl, openssl and sslscan on nine servers, for docs/tool.md
	$Q $(RUN_JANET) tools/compare.janet
	@$(MAKE) docs

test-site: docs ## check the site in headless Chromium; screenshots go to build/site-shots
	$Q $(RUN_JANET) test/run.janet test/site/site.janet

# Without PREFIX: where the janet in use looks for modules, with bin and man in that folder.
SYSPATH = $(shell env -u JANET_PATH $(JANET) -e '(prin (dyn *syspath*))')
INSTALL_ROOT = $(DESTDIR)$(or $(PREFIX),$(SYSPATH))
INSTALL_MODULES = $(INSTALL_ROOT)$(if $(PREFIX),/lib/janet)
INSTALL_SHARE = $(INSTALL_ROOT)$(if $(PREFIX),/share)
INSTALL_FOLDERS = '$(TREE)' '$(INSTALL_ROOT)' '$(INSTALL_MODULES)' '$(INSTALL_SHARE)'

install: all $(TREE)/jsec/native.a $(TREE)/jsec/native.meta.janet ## install all; PREFIX=/usr/local
	$Q JANET='$(JANET)' VERSION='$(VERSION)' STATIC_ENTRY=$(STATIC_ENTRY) \
	  LIBARGON2='$(ARGON2_LIBS)' \
	  tools/install $(INSTALL_FOLDERS) '$(DESTDIR)'

uninstall: $(JANET) ## remove what `make install` installed
	$Q tools/install --remove $(INSTALL_FOLDERS)

# --- releases: CONTRIBUTING.md, "Releasing" ---

ARCHIVE := build/dist/jsec-$(VERSION).tar.gz

dist: ## make build/dist/jsec-VERSION.tar.gz of the commit; REF=v0.3.0 chooses another
	@mkdir -p $(dir $(ARCHIVE))
	@$(say) DIST $(ARCHIVE)
	$Q git archive --format=tar --prefix=jsec-$(VERSION)/ $(or $(REF),HEAD) | gzip -9n >$(ARCHIVE)

deb: all dist ## make Debian packages of the commit in build/deb, and run lintian on them
	$Q VERSION='$(VERSION)' tools/deb $(ARCHIVE) $J

clean: ## remove build/
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 12

-include $(wildcard build/fuzz/obj/*/*.d build/fuzz/obj/*/*/*.d build/fuzz/obj/*/*/*/*.d)
-include $(OBJECTS:.o=.d) $B/obj/entry.d $(LINT:.o=.d) $(C_TESTS:%=%.d)

# The front door; meson does the building (build/).  `make help` lists what there is.
BUILD ?= build
SEEDS ?= 1000
FIRST ?= 1
ROUNDS ?= 200
SECONDS_EACH ?= 20
KEEP ?= 0
SEEDS_PLAN ?= 5
MINUTES_PLAN ?= 180
HOURS ?= 8
MESON_FLAGS ?=

.PHONY: all help build run test bench bench-plan guest asan tsan coverage valgrind sim torture fuzz defences night tidy ci-clean install clean
all: build

help:
	@echo 'make run            build, then show a working day of a small team on this machine (KEEP=1 leaves it up)'
	@echo 'make test           build and run every test; ends in "N passed, N failed"'
	@echo 'make bench          figures beside floors and peers measured in the same run'
	@echo 'make bench-plan     the policies on made-up teams and real logs, beside targets and bounds (SEEDS_PLAN=$(SEEDS_PLAN) MINUTES_PLAN=$(MINUTES_PLAN))'
	@echo 'make asan           the tests again under the address and undefined behaviour sanitizers'
	@echo 'make tsan           the one program with a thread under the thread sanitizer'
	@echo 'make sim            SEEDS=$(SEEDS) FIRST=$(FIRST): simulated team-weeks with faults'
	@echo 'make torture        ROUNDS=$(ROUNDS): kill -9 at named points while an array runs'
	@echo 'make guest          system mode on a whole machine, emulated: systemd, cgroups, restarts (root; up to an hour)'
	@echo 'make fuzz           SECONDS_EACH=$(SECONDS_EACH) FIRST=$(FIRST): every fuzz target for so long, from that seed'
	@echo 'make coverage       the tests once more, counting which lines and branches of src/ they go through; fails below 90 and 85 %'
	@echo 'make valgrind       chosen unit tests under valgrind: the parsers and what they are made of'
	@echo 'make defences       each defence of doc/threat.md switched off once, in a copy: does its test fail? (root; half an hour)'
	@echo 'make night          HOURS=$(HOURS): everything with the full figures, as far as the time goes'
	@echo 'make tidy           who may include whom, purity of the core, banned calls, hardening, analyzers, models of the protocols'
	@echo 'make install        PREFIX, DESTDIR as usual'

$(BUILD)/build.ninja:
	@tools/deps.sh build
	@meson setup $(BUILD) $(MESON_FLAGS) -Dtests=$$(pkg-config --exists cmocka && echo true || echo false) >$(BUILD).log 2>&1 || { cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

run: build
	@KEEP=$(KEEP) examples/day.sh $(abspath $(BUILD))

with-tests:
	@tools/deps.sh test
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@meson configure $(BUILD) -Dtests=true
	@ninja -C $(BUILD) --quiet

test: with-tests
	@python3 tools/tests.py $(BUILD) --timeout-multiplier 2

bench: with-tests
	@tools/deps.sh bench
	@test/bench/bench.sh $(abspath $(BUILD))

bench-plan: build
	@python3 test/bench/plan.py $(abspath $(BUILD)) --seeds $(SEEDS_PLAN) --first $(FIRST) --minutes $(MINUTES_PLAN)

asan:
	@tools/deps.sh test
	@test -f build-asan/build.ninja || meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false -Dtests=true >/dev/null
	@ninja -C build-asan --quiet
	@ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	  python3 tools/tests.py build-asan --timeout-multiplier 5 --suite unit --suite story

# tools/threads.sh sees to it that there is no other.
TSAN_TARGETS = test/unit/test_probe eoul-probe $(foreach f,v1 v2 v3 bare,test/lib/libfake_nvml_$(f).so)
tsan: with-tests
	@tools/threads.sh $(BUILD)
	@test -f build-tsan/build.ninja || meson setup build-tsan -Db_sanitize=thread -Db_lundef=false -Dtests=true >/dev/null
	@ninja -C build-tsan --quiet $(TSAN_TARGETS)
	@TSAN_OPTIONS=halt_on_error=1 meson test -C build-tsan --no-rebuild --quiet --print-errorlogs --timeout-multiplier 5 probe

# Not optimized: a branch is then what the source says.  What test/lib/coverage.c is for is said there.  The files of
# counts are there beforehand, for daemons and jobs of other users to write.
COVERED = -Wl,--wrap=_exit -Wl,--wrap=sandbox_shut_in $(CURDIR)/build-cov/coverage.o -lgcov
coverage:
	@tools/deps.sh test
	@grep -qs coverage.o build-cov/build.ninja || { rm -rf build-cov; mkdir build-cov; }
	@$(CC) -O1 -fPIC -c test/lib/coverage.c -o build-cov/coverage.o
	@test -f build-cov/build.ninja || meson setup build-cov --buildtype=debug -Db_coverage=true -Db_lundef=false -Dtests=true \
	  -Dc_link_args='$(COVERED)' >/dev/null
	@ninja -C build-cov --quiet
	@find build-cov -type d -exec chmod a+rwx {} +
	@find build-cov -name '*.gcno' | sed 's/gcno$$/gcda/' | xargs -I@ sh -c ': >@; chmod a+rw @'
	@begin=$$(date +%s); EOUL_COVERAGE=1 python3 tools/tests.py build-cov --timeout-multiplier 5; tests=$$?; \
	  python3 tools/coverage.py build-cov $$begin && exit $$tests

VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite
valgrind: with-tests
	@tools/deps.sh lint
	@meson test -C $(BUILD) --no-rebuild --quiet --print-errorlogs --timeout-multiplier 20 --wrap '$(VALGRIND)' base term json request stoprule draw lint

defences:
	@tools/deps.sh test
	@python3 test/threat/off.py . $(abspath build-defences)

night: with-tests
	@tools/deps.sh lint
	@tools/night.sh $(abspath $(BUILD)) $(HOURS)

sim: build
	@$(BUILD)/eoul-sim seeds --first $(FIRST) --seeds $(SEEDS) --jobs 2

torture: with-tests
	@test/torture/torture.sh $(abspath $(BUILD)) $(ROUNDS) $(FIRST)

guest: with-tests
	@tools/deps.sh guest
	@test/guest/guest.sh $(abspath $(BUILD))

fuzz:
	@tools/deps.sh lint
	@test/fuzz/run.sh $(SECONDS_EACH) $(FIRST)

tidy: with-tests
	@tools/deps.sh lint
	@tools/tidy.sh $(BUILD)

install: build
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-asan build-tsan build-cov build-fuzz build-defences

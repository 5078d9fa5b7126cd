# The commands of everyday work. Each installs what it lacks first (tools/setup.sh).

.PHONY: build run test test-long test-peers bench docs deb format check clean

build:
	@tools/setup.sh build
	@tools/build.sh build

# make run ARGS='--seconds 10'
run:
	@tools/setup.sh run
	@tools/build.sh build
	build/leat demo $(ARGS)

# make test T=unit, T=json, T=e2e, T=test_restart ...: one suite, or one test by its name
test:
	@tools/setup.sh test
	@tests/run.py $(T)

check:
	@tools/setup.sh test
	@tests/run.py check

# HOURS=1 KILLS=50 SEED=... SIM_SEEDS=1000000 make test-long: what takes hours (DEVELOPING.md)
test-long:
	@tools/setup.sh test
	@tests/run.py --long

test-peers:
	@tools/setup.sh test
	@tools/setup.sh peers
	@tests/run.py --peers

bench:
	@test -x bench/run || { echo "there is no benchmark yet" >&2; exit 1; }
	@tools/setup.sh test
	@tools/build.sh build
	bench/run $(ARGS)

docs:
	@tools/setup.sh build
	@tools/build.sh build
	build/leat plugins --markdown docs/connectors

# The Debian package, in build/
deb:
	@tools/setup.sh build
	@tools/build.sh build
	@packaging/deb.sh

format:
	@git ls-files -z '*.c' '*.h' | xargs -0r clang-format-14 -i

clean:
	rm -rf build build-*

# make demo    a backup and a restore, with everything they need made on the spot
# make test    everything: installs what is missing, formats, lints, tests

.PHONY: demo test lint bench bench-memory bench-serve-memory bench-end-to-end bench-copies bench-levels bench-restore-jobs recording dashboard-picture doc clean
.DEFAULT_GOAL := test

# What install.sh brings by rustup is not yet on the PATH of the shell that called make.
export PATH := $(PATH):$(HOME)/.cargo/bin

# One call of cargo for both, so that what they share is built once; the dependencies of the tests, because a release
# build takes twice as long, nearly half of it link-time optimization, and `make test` needs these anyway. Our own code
# is built once, for running: what debuggers and later builds need of it takes a minute.
demo: export CARGO_INCREMENTAL = 0
demo: export CARGO_PROFILE_DEV_DEBUG = 0
demo:
	tests/testbed/install.sh demo
	cargo build --bin pgcoffer --example demo
	target/debug/examples/demo

# The rest is installed beside the build, half of which has work for one core alone.
test:
	tests/testbed/install.sh demo
	tests/testbed/install.sh & installing=$$!; tests/testbed/run.sh --build-only; built=$$?; wait $$installing && exit $$built
	tests/testbed/run.sh

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

# Sealing, in GB/s and ratios.
bench:
	tests/testbed/install.sh demo
	cargo bench

# The agent's memory at 1 GiB and 20 GiB: about two minutes.
bench-memory:
	tests/testbed/install.sh demo
	cargo build --release --bin pgcoffer --example stage
	target/release/examples/stage --scale 0.1 --discard python3 benches/memory.py

# The memory of `serve` with its dashboard, at rest and at work.
bench-serve-memory:
	tests/testbed/install.sh demo
	cargo build --release --bin pgcoffer --example stage
	target/release/examples/stage --scale 5 python3 benches/serve_memory.py

# A whole backup against the scripts that people use; needs gpg, age, zstd and the AWS CLI.
bench-end-to-end:
	tests/testbed/install.sh demo
	cargo build --release --bin pgcoffer --example stage
	target/release/examples/stage --scale 20 python3 benches/end_to_end.py

# Copies to a server by SFTP, beside sftp and, where it is installed, rclone.
bench-copies:
	tests/testbed/install.sh all
	cargo build --release --bin pgcoffer --example stage
	target/release/examples/stage --scale 20 python3 benches/copies.py

# What each level of compression costs and saves.
bench-levels:
	tests/testbed/install.sh demo
	cargo build --release --bin pgcoffer --example stage
	target/release/examples/stage --scale 20 python3 benches/levels.py

# Restores by several jobs, beside pg_restore from a pipe and from a file on disk.
bench-restore-jobs:
	tests/testbed/install.sh demo
	cargo build --release --bin pgcoffer --example stage
	target/release/examples/stage --scale 20 python3 benches/restore_jobs.py

# The pictures that move in README: pgcoffer on a terminal, answered by a program. Look at them before you commit them.
recording:
	tests/testbed/install.sh demo
	cargo build --bin pgcoffer --example stage
	python3 -m venv .testbed/recording
	.testbed/recording/bin/python -m pip install --quiet --disable-pip-version-check pyte==0.8.2
	PGCOFFER_BINARIES="$(CURDIR)/target/debug" target/debug/examples/stage --scale 0.3 \
		.testbed/recording/bin/python docs/recording/record.py target/recordings

# The picture of the dashboard in README, out of the test that looks at every page with a browser.
dashboard-picture:
	tests/testbed/install.sh
	mkdir -p target/shots
	SHOTS="$(CURDIR)/target/shots" cargo test --test dashboard -- browser::
	cp target/shots/overview-768-light.png docs/dashboard.png

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

clean:
	cargo clean
	# the fresh Debian in it is root's
	rm -rf .testbed 2>/dev/null || sudo rm -rf .testbed
	[ ! -O /var/tmp/pgcoffer-testbed-0 ] || rm -rf /var/tmp/pgcoffer-testbed-0

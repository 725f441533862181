# make demo    a backup and a restore, with everything they need made on the spot
# make test    everything: installs what is missing, formats, lints, tests

.PHONY: demo test lint bench doc clean
.DEFAULT_GOAL := test

# What install.sh brings by rustup is not yet on the PATH of the shell that called make.
export PATH := $(PATH):$(HOME)/.cargo/bin

# One call of cargo for both, so that what they share is built once.
demo:
	tests/testbed/install.sh demo
	cargo build --release --bin pgcoffer --example demo
	target/release/examples/demo

test:
	tests/testbed/install.sh
	tests/testbed/run.sh

lint:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

bench:
	tests/testbed/install.sh
	cargo bench

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

clean:
	cargo clean
	rm -rf .testbed
	[ ! -O /var/tmp/pgcoffer-testbed-0 ] || rm -rf /var/tmp/pgcoffer-testbed-0

# syntax=docker/dockerfile:1.26@sha256:ecfaec9ed6d810b56388c508f4121597bfbba70d41a6dfeee4d8cad5f295fc32
# pgcoffer with the PostgreSQL clients 14 to 18, and the servers for drills, as a user without rights.
#
#   docker build -t pgcoffer .
#   docker build -t pgcoffer --build-arg POSTGRESQL_SERVERS= .        without servers, some 250 MB smaller
#   docker build -t pgcoffer --build-arg POSTGRESQL_SERVERS=16 .      with the server of your own version alone
#
# Images are named by the digest of what they are for all machines: a tag is whatever its owner last put there.

FROM rust:1.95-bookworm@sha256:6258907abe69656e41cd992e0b705cdcfabcbbe3db374f92ed2d47121282d4a1 AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock README.md Aptfile Procfile ./
COPY src src
# Cargo wants to see what Cargo.toml names; the recovery sheet holds how to do without pgcoffer.
COPY benches/seal.rs benches/seal.rs
COPY docs/restore-by-hand.md docs/restore-by-hand.md
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin pgcoffer && cp target/release/pgcoffer /pgcoffer

FROM debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171
# The major versions whose servers drills can start, each some 50 MB: docs/drills.md.
ARG POSTGRESQL_SERVERS="14 15 16 17 18"
# PostgreSQL's own repository, trusted by the key that Debian signs as part of postgresql-common and by no other.
# https://wiki.postgresql.org/wiki/Apt
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    key=/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc; \
    apt-get update; \
    apt-get install -y --no-install-recommends ca-certificates gnupg postgresql-common; \
    gpg --batch --show-keys --with-colons "$key" | grep -q '^fpr:::::::::B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8:$'; \
    test "$(gpg --batch --show-keys --with-colons "$key" | grep -c '^pub:')" = 1; \
    install -D -m 644 "$key" /usr/share/keyrings/pgdg.asc; \
    echo "deb [signed-by=/usr/share/keyrings/pgdg.asc] https://apt.postgresql.org/pub/repos/apt bookworm-pgdg main" \
        > /etc/apt/sources.list.d/pgdg.list; \
    apt-get purge -y --auto-remove gnupg postgresql-common; \
    apt-get update; \
    apt-get install -y --no-install-recommends \
        postgresql-client-14 postgresql-client-15 postgresql-client-16 postgresql-client-17 postgresql-client-18; \
    if [ -n "$POSTGRESQL_SERVERS" ]; then \
        apt-get install -y --no-install-recommends postgresql-common; \
        echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
        for major in $POSTGRESQL_SERVERS; do \
            apt-get install -y --no-install-recommends "postgresql-$major"; \
        done; \
        # a server of a drill compiles no queries, and LLVM is as large as two servers
        rm -rf /usr/lib/postgresql/*/lib/bitcode /usr/lib/postgresql/*/lib/llvmjit* /usr/lib/*/libLLVM*; \
    fi; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*.log /usr/share/doc/* /usr/share/man/*; \
    useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin pgcoffer
COPY --from=build /pgcoffer /usr/bin/pgcoffer
# By number, so that Kubernetes can tell that it isn't root.
USER 10001:10001
CMD ["pgcoffer", "serve"]

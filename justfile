# What CI runs.
ci:
    .ci/run

# Every test, doc test and example.
test:
    scripts/test

# Writes the code as rustfmt wants it.
fmt:
    cargo fmt --all

# Warnings as errors, as CI has them.
lint:
    cargo clippy --workspace --all-targets --all-features -- -D warnings

# The documents, opened.
doc:
    cargo doc --workspace --all-features --no-deps --open

# Takes what the compiler says now as the expected texts of ui-tests; read the diff before you commit it.
bless:
    TRYBUILD=overwrite cargo test -p queue-ui-tests

# The first command of the README.
welcome *args:
    cargo run --example welcome -- {{args}}

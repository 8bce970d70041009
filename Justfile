# Commands of the project; `just --list` shows them.

# Build all programs for production.
build:
    cargo build --release --workspace

# All tests, unit and end to end.
test:
    cargo test --workspace

# Formatting and lints, as CI runs them.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# The main job on one screen.
demo *args:
    cargo demo {{args}}

# The budgets, measured.
bench *args:
    cargo bench --package e2e {{args}}

# Write deploy/crds and deploy/rbac from the Rust types.
manifests:
    cargo manifests

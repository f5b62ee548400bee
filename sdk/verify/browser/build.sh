#!/usr/bin/env bash
# Builds the browser's verifier into sdk/verify/browser/.build/linli-browser.wasm, unless its sources
# are unchanged.
#
#   sdk/verify/browser/build.sh FOLDER     FOLDER keeps the compiler and its work between builds
#
# The compiler is the contracts' own; the page around the module is put together by build.rs.
set -euo pipefail

readonly root=$(cd "$(dirname "$0")/../../.." && pwd)
readonly work=$(realpath -m "${1:?usage: sdk/verify/browser/build.sh FOLDER}")
readonly out=$root/sdk/verify/browser/.build
readonly module=$out/linli-browser.wasm
cd "$root"

note() { printf 'browser: %s\n' "$*" >&2; }

# What the module is made of, and by which compiler.
stamp() {
    {
        "$rustc" -vV
        find sdk/verify/src sdk/verify/Cargo.toml sdk/verify/browser/src sdk/verify/browser/Cargo.toml \
            sdk/verify/browser/build.sh proto/types/src proto/types/Cargo.toml Cargo.toml Cargo.lock \
            -type f ! -path '*/tests/*' ! -name '*.md' -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
    } | sha256sum | cut -d ' ' -f 1
}

# A person's cargo may be told to unify features over the workspace; see contracts/build.sh.
if grep -qs feature-unification "${CARGO_HOME:-$HOME/.cargo}"/config.toml; then
    export CARGO_RESOLVER_FEATURE_UNIFICATION=selected
fi

mkdir -p "$work" "$out"
# Two clones may share the folder.
exec 9>"$work/modules.lock"
flock 9
rustc=$(contracts/toolchain.sh "$work")
now=$(stamp)
if [ "$(cat "$out/stamp" 2>/dev/null)" = "$now" ] && [ -f "$module" ]; then
    exit 0
fi
# A MiB of stack below the data, so that an overflow traps. No path of this machine gets in.
flags=$(printf '%s\x1f' -Clink-arg=-zstack-size=1048576 -Clink-arg=--stack-first \
    "--remap-path-prefix=$root=/linli" "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo")
CARGO_TARGET_DIR=$work/modules RUSTC=$rustc CARGO_ENCODED_RUSTFLAGS=${flags%?} \
    cargo rustc --locked -p linli-browser --lib --crate-type cdylib \
    --target wasm32v1-none --profile contract >&2
cp "$work/modules/wasm32v1-none/contract/linli_browser.wasm" "$module.new"
mv "$module.new" "$module"
note "built linli-browser.wasm, $(stat -c %s "$module") bytes"
echo "$now" >"$out/stamp"

#!/usr/bin/env bash
# Builds the contract modules into contracts/.build/NAME.wasm, unless their sources are unchanged.
#
#   contracts/build.sh FOLDER          FOLDER keeps the compiler's work between builds
#
# The modules have a target folder of their own: their compiler may not be the host's.
set -euo pipefail

readonly contracts=(evidence hostile probe)
readonly root=$(cd "$(dirname "$0")/.." && pwd)
readonly work=$(realpath -m "${1:?usage: contracts/build.sh FOLDER}")
readonly out=$root/contracts/.build
cd "$root"

note() { printf 'contracts: %s\n' "$*" >&2; }

# What the modules are made of, and by which compiler.
stamp() {
    {
        "$rustc" -vV
        find "${contracts[@]/#/contracts/}" contracts/build.sh sdk/contract proto Cargo.toml \
            Cargo.lock -type f ! -path '*/tests/*' ! -name '*.md' -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
    } | sha256sum | cut -d ' ' -f 1
}

all_built() {
    local name
    for name in "${contracts[@]}"; do [ -f "$out/$name.wasm" ] || return 1; done
}

build() {
    local name=$1 home=${CARGO_HOME:-$HOME/.cargo}
    # An eighth of a MiB for the shadow stack would be waste: 64 KiB, below the data, so that an
    # overflow traps. No path of this machine gets into the module.
    local flags
    flags=$(printf '%s\x1f' -Clink-arg=-zstack-size=65536 -Clink-arg=--stack-first \
        "--remap-path-prefix=$root=/linli" "--remap-path-prefix=$home=/cargo")
    CARGO_TARGET_DIR=$work/modules RUSTC=$rustc CARGO_ENCODED_RUSTFLAGS=${flags%?} \
        cargo rustc --locked -p "linli-$name" --lib --crate-type cdylib \
        --target wasm32v1-none --profile contract >&2
    cp "$work/modules/wasm32v1-none/contract/linli_$name.wasm" "$out/$name.wasm.new"
    mv "$out/$name.wasm.new" "$out/$name.wasm"
}

# A person's cargo may be told to unify features over the workspace; a module must not get the
# node's features, which need std. (Said only where it is set: elsewhere cargo would warn.)
if grep -qs feature-unification "${CARGO_HOME:-$HOME/.cargo}"/config.toml; then
    export CARGO_RESOLVER_FEATURE_UNIFICATION=selected
fi

mkdir -p "$work" "$out"
# Two clones may share the folder.
exec 9>"$work/modules.lock"
flock 9
rustc=$(contracts/toolchain.sh "$work")
now=$(stamp)
if [ "$(cat "$out/stamp" 2>/dev/null)" = "$now" ] && all_built; then
    exit 0
fi
for name in "${contracts[@]}"; do
    build "$name"
    note "built $name.wasm, $(stat -c %s "$out/$name.wasm") bytes"
done
echo "$now" >"$out/stamp"

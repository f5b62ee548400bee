#!/usr/bin/env bash
# Prints the path of a rustc that builds for wasm32v1-none; what it does goes to stderr.
#
#   contracts/toolchain.sh FOLDER      FOLDER keeps a private compiler, if one is needed
#
# In this order: the pinned compiler as it is; rustup, which downloads the target's core and alloc;
# Debian's rustc-web, unpacked into FOLDER and completed with core and alloc built from its own
# sources. Nothing is installed system-wide, and no root is needed. Idempotent.
# LINLI_WASM_FALLBACK=1 skips the first two.
set -euo pipefail

readonly target=wasm32v1-none
readonly root=$(cd "$(dirname "$0")/.." && pwd)
readonly private=$(realpath -m "${1:?usage: contracts/toolchain.sh FOLDER}")/rustc-web
cd "$root" # where rust-toolchain.toml counts

note() { printf 'toolchain: %s\n' "$*" >&2; }
fail() { note "$*"; exit 1; }

# Whether compiler $1 finds core and alloc of the target.
can_build() {
    local folder
    folder=$("$1" --print target-libdir --target "$target" 2>/dev/null) &&
        compgen -G "$folder/libcore-*.rlib" >/dev/null && compgen -G "$folder/liballoc-*.rlib" >/dev/null
}

pinned() {
    command -v rustc >/dev/null || return 1
    if can_build rustc; then return 0; fi
    command -v rustup >/dev/null || return 1
    note "asking rustup for $target"
    timeout 180 rustup target add "$target" >&2 </dev/null && can_build rustc
}

# The dependency of package $1 whose name matches $2.
needed_by() {
    apt-cache depends "$1" | sed -nE "s/^ *Depends: ($2)\$/\1/p" | head -n 1
}

fetch() { # unpacks the compiler's packages into $1
    local version std llvm
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
        fail "no apt-get here: please run 'rustup target add $target' where it can download"
    version=$(apt-cache policy rustc-web | sed -n 's/^ *Candidate: //p')
    if [ -z "$version" ] || [ "$version" = "(none)" ]; then
        fail "apt knows no rustc-web: run 'apt-get update', or 'rustup target add $target'"
    fi
    std=$(needed_by "libstd-rust-web-dev=$version" 'libstd-rust-web-[0-9.]+')
    llvm=$(needed_by "$std" 'libllvm[0-9]+')
    mkdir -p "$1/packages"
    (cd "$1/packages" && timeout 900 apt-get download -qq -o APT::Sandbox::User=root \
        "rustc-web=$version" "$std=$version" "libstd-rust-web-dev=$version" \
        "rust-web-src=$version" "$llvm" "lld-${llvm#libllvm}" >&2)
    local package
    for package in "$1"/packages/*.deb; do dpkg-deb -x "$package" "$1"; done
    rm -r "$1/packages"
}

# Callers know nothing of the private libraries: two small programs set their path.
wrap() {
    local lld host
    lld=$(cd "$1" && ls -d usr/lib/llvm-*/bin/lld | tail -n 1)
    host=$1/usr/lib/rustlib/$(uname -m)-unknown-linux-gnu/bin
    mkdir -p "$1/bin" "$host"
    cat >"$1/bin/rustc" <<'END'
#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")
libraries=$(echo "$here"/usr/lib/*-linux-gnu | tr ' ' ':')
LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$here/usr/bin/rustc" "$@"
END
    cat >"$host/rust-lld" <<END
#!/bin/sh
here=\$(readlink -f "\$(dirname "\$0")/../../../../..")
LD_LIBRARY_PATH=\$(echo "\$here"/usr/lib/*-linux-gnu | tr ' ' ':') exec "\$here/$lld" "\$@"
END
    chmod +x "$1/bin/rustc" "$host/rust-lld"
}

# Builds core, compiler_builtins and alloc of the compiler's own sources into its own sysroot.
complete() {
    local rustc=$1/bin/rustc source builtins out
    source=$(echo "$1"/usr/src/rustc-*/library)
    builtins=$source/compiler-builtins/compiler-builtins
    out=$1/usr/lib/rustlib/$target/lib
    mkdir -p "$out"
    library() { # name, root file, more options
        local name=$1 file=$2
        shift 2
        note "building $name"
        RUSTC_BOOTSTRAP=1 "$rustc" --crate-name "$name" --crate-type rlib --edition 2024 \
            --target "$target" -C opt-level=3 -C panic=abort -C embed-bitcode=yes \
            -C metadata="linli-$name" -C extra-filename=-linli -Z force-unstable-if-unmarked \
            --cap-lints allow --remap-path-prefix "$source=/library" \
            -L "dependency=$out" --out-dir "$out" "$@" "$file"
    }
    library core "$source/core/src/lib.rs" -C codegen-units=1
    CARGO_PKG_VERSION=0.1.0 CARGO_MANIFEST_DIR=$builtins CFG_OPT_LEVEL=3 CFG_TARGET_FEATURES='[]' \
        CFG_CARGO_FEATURES='["compiler-builtins"]' \
        library compiler_builtins "$builtins/src/lib.rs" -C codegen-units=10000 \
        --extern "core=$out/libcore-linli.rlib" --cfg 'feature="compiler-builtins"' \
        --cfg 'feature="mem"' --cfg 'feature="unstable-intrinsics"' --cfg intrinsics_enabled \
        --cfg arch_enabled --cfg optimizations_enabled --cfg f16_enabled --cfg f128_enabled
    library alloc "$source/alloc/src/lib.rs" -C codegen-units=1 \
        --extern "core=$out/libcore-linli.rlib" \
        --extern "compiler_builtins=$out/libcompiler_builtins-linli.rlib"
    rm -rf "$1/usr/src" "$1/usr/share"
}

if [ -z "${LINLI_WASM_FALLBACK:-}" ] && pinned; then
    rustup which rustc 2>/dev/null || command -v rustc
    exit 0
fi
if ! { [ -x "$private/bin/rustc" ] && can_build "$private/bin/rustc"; }; then
    note "rustup has no $target for us: unpacking Debian's rustc-web into $private"
    work=$private.new
    rm -rf "$work"
    fetch "$work"
    wrap "$work"
    complete "$work"
    rm -rf "$private"
    mv "$work" "$private"
    can_build "$private/bin/rustc" || fail "the private compiler does not find core"
fi
echo "$private/bin/rustc"

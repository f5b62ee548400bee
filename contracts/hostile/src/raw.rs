//! The host's functions with any numbers at all: the one file here with `unsafe`.

use crate::FUNCTIONS;

/// A function's arguments; what a function does not take is ignored.
pub(crate) type Args = [i64; 8];

/// Calls a host function by its place in the table and answers with what it returned.
///
/// Pointers may be anything: the host must stop what lies outside, and what lies inside is only
/// this instance's own memory.
#[cfg(target_arch = "wasm32")]
pub(crate) fn invoke(function: usize, args: &Args) -> i64 {
    wasm::invoke(function % FUNCTIONS, args)
}

/// Natively there is no host to fight.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn invoke(function: usize, _: &Args) -> i64 {
    let _ = function % FUNCTIONS;
    linli_contract::abi::trap()
}

/// The address of some bytes, as the host takes it.
#[allow(clippy::cast_possible_wrap, reason = "addresses are 32 bits wide in a module")]
pub(crate) fn at(bytes: &[u8]) -> i64 {
    bytes.as_ptr() as i64
}

/// The same of bytes that the host may write to.
#[allow(clippy::cast_possible_wrap, reason = "addresses are 32 bits wide in a module")]
pub(crate) fn at_mut(bytes: &mut [u8]) -> i64 {
    bytes.as_mut_ptr() as i64
}

pub(crate) fn len(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).unwrap_or(i64::MAX)
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    #![allow(
        unsafe_code,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        reason = "functions of the host"
    )]

    use super::Args;

    mod import {
        #[link(wasm_import_module = "linli_v1")]
        unsafe extern "C" {
            pub(super) fn context(out: i32);
            pub(super) fn caller(out: i32, cap: i32) -> i32;
            pub(super) fn read(key: i32, key_len: i32, out: i32, cap: i32) -> i32;
            pub(super) fn write(key: i32, key_len: i32, value: i32, value_len: i32);
            pub(super) fn remove(key: i32, key_len: i32);
            pub(super) fn claimed(id: i32, id_len: i32, out: i32) -> i32;
            pub(super) fn claim(id: i32, id_len: i32, digest: i32) -> i32;
            pub(super) fn emit(k: i32, k_len: i32, about: i32, a_len: i32, data: i32, d_len: i32);
            pub(super) fn append(digest: i32) -> i64;
            pub(super) fn schedule(at_ms: i64, payload: i32, payload_len: i32, out: i32);
            pub(super) fn cancel(id: i32) -> i32;
            pub(super) fn call(
                room: i32,
                room_len: i32,
                method: i32,
                method_len: i32,
                args: i32,
                args_len: i32,
                out: i32,
                cap: i32,
            ) -> i32;
            pub(super) fn hash(algorithm: i32, data: i32, data_len: i32, out: i32);
            pub(super) fn result(data: i32, data_len: i32);
            pub(super) fn refuse(code: i32, params: i32, params_len: i32);
        }
    }

    pub(super) fn invoke(function: usize, args: &Args) -> i64 {
        let [a, b, c, d, e, f, g, h] = args.map(|arg| arg as i32);
        // SAFETY: the host checks every address against this memory. What it writes inside is
        // what the callers here gave it, or, for a program that asks for it, its own undoing.
        unsafe {
            match function {
                0 => import::context(a),
                1 => return import::caller(a, b).into(),
                2 => return import::read(a, b, c, d).into(),
                3 => import::write(a, b, c, d),
                4 => import::remove(a, b),
                5 => return import::claimed(a, b, c).into(),
                6 => return import::claim(a, b, c).into(),
                7 => import::emit(a, b, c, d, e, f),
                8 => return import::append(a),
                9 => import::schedule(args[0], b, c, d),
                10 => return import::cancel(a).into(),
                11 => return import::call(a, b, c, d, e, f, g, h).into(),
                12 => import::hash(a, b, c, d),
                13 => import::result(a, b),
                _ => import::refuse(a, b, c),
            }
        }
        0
    }
}

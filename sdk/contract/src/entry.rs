//! From the host's bytes to a contract's function and back.
//!
//! Decides nothing: splits the input, runs the function, hands over its result or refusal.

use crate::env::Env;
use crate::refusal::Refusal;
use alloc::vec::Vec;
use prost::Message;

/// What an entry returns when all is done.
pub const DONE: i32 = 0;
/// What an entry returns after a refusal.
pub const REFUSED: i32 = 1;

/// A contract's `call` or `query`: method, arguments, result.
pub type Method = fn(&mut Env<'_>, &str, &[u8]) -> Result<Vec<u8>, Refusal>;
/// A contract's `init` (arguments) or `fire` (a timer's payload).
pub type Plain = fn(&mut Env<'_>, &[u8]) -> Result<Vec<u8>, Refusal>;

/// Runs `call` or `query`: one byte length of the method's name, the name, the arguments.
pub fn method(env: &mut Env<'_>, input: &[u8], run: Method) -> i32 {
    let split = input.split_first().and_then(|(len, rest)| {
        let (name, args) = rest.split_at_checked(usize::from(*len))?;
        Some((core::str::from_utf8(name).ok()?, args))
    });
    match split {
        Some((name, args)) => {
            let answer = run(env, name, args);
            finish(env, answer)
        }
        // The host frames every input: this is no client's fault.
        None => crate::abi::trap(),
    }
}

/// Runs `init` or `fire`.
pub fn plain(env: &mut Env<'_>, input: &[u8], run: Plain) -> i32 {
    let answer = run(env, input);
    finish(env, answer)
}

/// Frames an input of `call` or `query`. `None` if the name is longer than a byte can say.
pub fn frame(method: &str, args: &[u8]) -> Option<Vec<u8>> {
    let len = u8::try_from(method.len()).ok()?;
    Some([&[len], method.as_bytes(), args].concat())
}

fn finish(env: &mut Env<'_>, answer: Result<Vec<u8>, Refusal>) -> i32 {
    match answer {
        Ok(result) => {
            env.host().result(&result);
            DONE
        }
        Err(Refusal { code, params }) => {
            let params = linli_types::wire::Params { params }.encode_to_vec();
            env.host().refuse(code, &params);
            REFUSED
        }
    }
}

/// Makes a module's entries and its schema section.
///
/// ```text
/// linli_contract::export! { call: call, query: query, fire: fire }
/// ```
///
/// `init` and `fire` are [`Plain`], `call` and `query` are [`Method`]; each may be left out. The
/// crate's `build.rs` has written `schema.bin` to `OUT_DIR`. Natively nothing is exported: the
/// functions are called through `testing::Pretend`.
#[macro_export]
macro_rules! export {
    ($($entry:ident : $run:ident),+ $(,)?) => {
        /// The contract's file descriptor set.
        pub const SCHEMA: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/schema.bin"));

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "names that the host looks for")]
        mod linli_module {
            #[used]
            #[unsafe(link_section = "linli.schema")]
            static SECTION: [u8; super::SCHEMA.len()] =
                *include_bytes!(concat!(env!("OUT_DIR"), "/schema.bin"));

            #[unsafe(no_mangle)]
            extern "C" fn alloc(len: u32) -> u32 {
                $crate::abi::room_for(len)
            }

            $($crate::export_one! { $entry, $run })+
        }
    };
}

/// One entry of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! export_one {
    (init, $run:ident) => {
        $crate::export_one! { @ init, $crate::entry::plain, $run }
    };
    (fire, $run:ident) => {
        $crate::export_one! { @ fire, $crate::entry::plain, $run }
    };
    (call, $run:ident) => {
        $crate::export_one! { @ call, $crate::entry::method, $run }
    };
    (query, $run:ident) => {
        $crate::export_one! { @ query, $crate::entry::method, $run }
    };
    // For a contract that frames its own answers: `fn(&mut Env, &[u8]) -> i32`.
    (raw_call, $run:ident) => {
        #[unsafe(no_mangle)]
        extern "C" fn call(ptr: u32, len: u32) -> i32 {
            // SAFETY: the host wrote `len` bytes where `alloc` told it to.
            unsafe { $crate::abi::entry(ptr, len, |env, input| super::$run(env, input)) }
        }
    };
    (@ $entry:ident, $frame:path, $run:ident) => {
        #[unsafe(no_mangle)]
        extern "C" fn $entry(ptr: u32, len: u32) -> i32 {
            // SAFETY: the host wrote `len` bytes where `alloc` told it to.
            unsafe { $crate::abi::entry(ptr, len, |env, input| $frame(env, input, super::$run)) }
        }
    };
}

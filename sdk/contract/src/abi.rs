//! The boundary of the module: imports, the memory that the host writes into, the allocator.
//! The only file of a contract with `unsafe`; everything behind it is safe Rust.
//!
//! # Invariants
//!
//! - **S1 one table.** [`IMPORTS`] and the `extern` block come from one list, and a test compares
//!   it with `linli_types::abi::HOST`.
//! - **S4 inside.** Every (address, length) handed to the host names bytes this module owns.

use linli_types::abi::Kind;

/// An import as this SDK declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name in `linli_types::abi::MODULE`.
    pub name: &'static str,
    /// Arguments.
    pub params: &'static [Kind],
    /// Result, if any.
    pub result: Option<Kind>,
}

macro_rules! kind {
    (i32) => {
        Kind::I32
    };
    (i64) => {
        Kind::I64
    };
    () => {
        None
    };
    (some $kind:ident) => {
        Some(kind!($kind))
    };
}

macro_rules! imports {
    ($($name:ident($($arg:ident: $kind:ident),*) $(-> $result:ident)?;)*) => {
        /// Every import, in the order of the table.
        pub const IMPORTS: &[Import] = &[$(Import {
            name: stringify!($name),
            params: &[$(kind!($kind)),*],
            result: kind!($(some $result)?),
        }),*];

        #[cfg(target_arch = "wasm32")]
        mod import {
            #![allow(unsafe_code, reason = "functions of the host")]
            #[link(wasm_import_module = "linli_v1")]
            unsafe extern "C" {
                $(pub(super) fn $name($($arg: $kind),*) $(-> $result)?;)*
            }
        }
    };
}

imports! {
    context(out: i32);
    caller(out: i32, cap: i32) -> i32;
    read(key: i32, key_len: i32, out: i32, cap: i32) -> i32;
    write(key: i32, key_len: i32, value: i32, value_len: i32);
    remove(key: i32, key_len: i32);
    claimed(id: i32, id_len: i32, out: i32) -> i32;
    claim(id: i32, id_len: i32, digest: i32) -> i32;
    emit(kind: i32, kind_len: i32, about: i32, about_len: i32, data: i32, data_len: i32);
    append(digest: i32) -> i64;
    schedule(at_ms: i64, payload: i32, payload_len: i32, out: i32);
    cancel(id: i32) -> i32;
    call(room: i32, room_len: i32, method: i32, method_len: i32, args: i32, args_len: i32,
         out: i32, cap: i32) -> i32;
    hash(algorithm: i32, data: i32, data_len: i32, out: i32);
    result(data: i32, data_len: i32);
    refuse(code: i32, params: i32, params_len: i32);
}

#[cfg(target_arch = "wasm32")]
pub use module::{Module, entry, room_for};

/// Ends the call with a trap: whatever the reason, the receipt has one code.
#[cfg(target_arch = "wasm32")]
pub fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

/// Ends the call with a trap: whatever the reason, the receipt has one code.
///
/// # Panics
///
/// Always: that is a trap, natively.
#[cfg(not(target_arch = "wasm32"))]
pub fn trap() -> ! {
    panic!("the contract traps")
}

#[cfg(target_arch = "wasm32")]
mod module {
    #![allow(unsafe_code, clippy::cast_possible_wrap, reason = "addresses are 32 bits wide here")]

    use super::import;
    use crate::env::Env;
    use crate::host::{CONTEXT_BYTES, Host};
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::alloc::{GlobalAlloc, Layout};
    use core::arch::wasm32::{memory_grow, memory_size};
    use core::cell::Cell;
    use linli_types::id::{PrincipalId, TimerId};
    use linli_types::limits;

    /// What `read` fetches at once; longer entries cost a second call.
    const READ_BYTES: usize = 1024;

    /// The ledger's host, behind the imports.
    #[derive(Debug)]
    pub struct Module;

    fn at(bytes: &[u8]) -> i32 {
        bytes.as_ptr() as i32
    }

    fn len(bytes: &[u8]) -> i32 {
        bytes.len() as i32
    }

    /// Lets `fill(address, capacity)` write into fresh memory. It returns a full length; a longer
    /// one than the capacity means: nothing but a part was copied.
    fn filled(cap: usize, fill: impl FnOnce(i32, i32) -> i32) -> Result<Vec<u8>, i32> {
        let mut bytes = Vec::<u8>::with_capacity(cap);
        let found = fill(bytes.as_mut_ptr() as i32, cap as i32);
        match usize::try_from(found) {
            Ok(found) if found <= cap => {
                // SAFETY: the host wrote `found` bytes at the start of the vector, which has room
                // for `cap`, no less.
                unsafe { bytes.set_len(found) };
                Ok(bytes)
            }
            _ => Err(found),
        }
    }

    impl Host for Module {
        fn context(&mut self) -> [u8; CONTEXT_BYTES] {
            let mut out = [0; CONTEXT_BYTES];
            // SAFETY: S4; the host writes 64 bytes.
            unsafe { import::context(out.as_mut_ptr() as i32) };
            out
        }

        fn caller(&mut self) -> String {
            // SAFETY: S4; the host writes at most `cap` bytes.
            let name =
                filled(limits::NAME_BYTES_MAX, |out, cap| unsafe { import::caller(out, cap) });
            name.ok().and_then(|name| String::from_utf8(name).ok()).unwrap_or_default()
        }

        fn read(&mut self, key: &[u8]) -> Option<Vec<u8>> {
            // SAFETY: S4; the host writes at most `cap` bytes.
            let get = |out, cap| unsafe { import::read(at(key), len(key), out, cap) };
            match filled(READ_BYTES, get) {
                Ok(value) => Some(value),
                Err(absent) if absent < 0 => None,
                Err(longer) => filled(longer as usize, get).ok(),
            }
        }

        fn write(&mut self, key: &[u8], value: &[u8]) {
            // SAFETY: S4; the host only reads.
            unsafe { import::write(at(key), len(key), at(value), len(value)) }
        }

        fn remove(&mut self, key: &[u8]) {
            // SAFETY: S4; the host only reads.
            unsafe { import::remove(at(key), len(key)) }
        }

        fn claimed(&mut self, id: &[u8]) -> Option<[u8; 32]> {
            let mut out = [0; 32];
            // SAFETY: S4; the host writes 32 bytes or none.
            let found = unsafe { import::claimed(at(id), len(id), out.as_mut_ptr() as i32) };
            (found == 1).then_some(out)
        }

        fn claim(&mut self, id: &[u8], digest: &[u8; 32]) -> i32 {
            // SAFETY: S4; the host only reads.
            unsafe { import::claim(at(id), len(id), at(digest)) }
        }

        fn emit(&mut self, kind: &str, about: &[PrincipalId], data: &[u8]) {
            let about: Vec<u8> = about.iter().flat_map(|id| id.0).collect();
            let (kind, about) = (kind.as_bytes(), about.as_slice());
            // SAFETY: S4; the host only reads.
            unsafe { import::emit(at(kind), len(kind), at(about), len(about), at(data), len(data)) }
        }

        fn append(&mut self, digest: &[u8; 32]) -> u64 {
            // SAFETY: S4; the host only reads.
            unsafe { import::append(at(digest)) as u64 }
        }

        fn schedule(&mut self, at_ms: u64, payload: &[u8]) -> TimerId {
            let mut out = [0; 16];
            let to = out.as_mut_ptr() as i32;
            // SAFETY: S4; the host writes 16 bytes.
            unsafe { import::schedule(at_ms as i64, at(payload), len(payload), to) };
            TimerId(out)
        }

        fn cancel(&mut self, id: &TimerId) -> bool {
            // SAFETY: S4; the host only reads.
            unsafe { import::cancel(at(&id.0)) == 1 }
        }

        fn call(&mut self, room: &str, method: &str, args: &[u8]) -> Vec<u8> {
            let (room, method) = (room.as_bytes(), method.as_bytes());
            // SAFETY: S4; the host writes at most `cap` bytes.
            let result = filled(limits::RESULT_BYTES_MAX, |out, cap| unsafe {
                import::call(
                    at(room),
                    len(room),
                    at(method),
                    len(method),
                    at(args),
                    len(args),
                    out,
                    cap,
                )
            });
            // The host bounds results by the same number.
            result.unwrap_or_else(|_| super::trap())
        }

        fn hash(&mut self, algorithm: u32, data: &[u8]) -> [u8; 32] {
            let mut out = [0; 32];
            // SAFETY: S4; the host writes 32 bytes.
            unsafe { import::hash(algorithm as i32, at(data), len(data), out.as_mut_ptr() as i32) };
            out
        }

        fn result(&mut self, data: &[u8]) {
            // SAFETY: S4; the host only reads.
            unsafe { import::result(at(data), len(data)) }
        }

        fn refuse(&mut self, code: u32, params: &[u8]) {
            // SAFETY: S4; the host only reads.
            unsafe { import::refuse(code as i32, at(params), len(params)) }
        }
    }

    /// Makes room for the host to write an input into. The instance dies with the call.
    pub fn room_for(len: u32) -> u32 {
        Vec::<u8>::with_capacity(len as usize).leak().as_mut_ptr() as u32
    }

    /// Runs an entry over the input that the host wrote.
    ///
    /// # Safety
    ///
    /// `ptr` is what [`room_for`] returned for `len`, and the host has written all `len` bytes.
    pub unsafe fn entry(ptr: u32, len: u32, run: impl FnOnce(&mut Env<'_>, &[u8]) -> i32) -> i32 {
        let input = match len {
            0 => &[][..],
            // SAFETY: as the caller promises.
            _ => unsafe { core::slice::from_raw_parts(ptr as *const u8, len as usize) },
        };
        run(&mut Env::new(&mut Module), input)
    }

    /// Gives memory from the end of the data on, and takes back only the last piece: an instance
    /// lives for one call.
    struct Bump {
        next: Cell<usize>,
        end: Cell<usize>,
    }

    // SAFETY: a module has one thread: the proposal for threads is off.
    unsafe impl Sync for Bump {}

    unsafe extern "C" {
        static __heap_base: u8;
    }

    impl Bump {
        fn reach(&self, end: usize) -> bool {
            if end <= self.end.get() {
                return true;
            }
            let pages = (end - self.end.get()).div_ceil(65_536);
            if memory_grow(0, pages) == usize::MAX {
                return false;
            }
            self.end.set(self.end.get() + pages * 65_536);
            true
        }
    }

    // SAFETY: every piece lies between `__heap_base` and the end of the memory, is aligned as
    // asked, and overlaps no piece that is in use: `next` only falls back to the start of the
    // last piece when that piece is given back.
    unsafe impl GlobalAlloc for Bump {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            if self.end.get() == 0 {
                self.next.set(&raw const __heap_base as usize);
                self.end.set(memory_size(0) * 65_536);
            }
            let Some(start) = self.next.get().checked_next_multiple_of(layout.align()) else {
                return core::ptr::null_mut();
            };
            match start.checked_add(layout.size()) {
                Some(end) if self.reach(end) => {
                    self.next.set(end);
                    start as *mut u8
                }
                _ => core::ptr::null_mut(),
            }
        }

        unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
            if ptr as usize + layout.size() == self.next.get() {
                self.next.set(ptr as usize);
            }
        }

        unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            let last = ptr as usize + layout.size() == self.next.get();
            if let (true, Some(end)) = (last, (ptr as usize).checked_add(size)) {
                if self.reach(end) {
                    self.next.set(end);
                    return ptr;
                }
                return core::ptr::null_mut();
            }
            // SAFETY: the alignment was accepted for the first layout.
            let layout_new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
            // SAFETY: the caller's promise for `realloc` covers `alloc`.
            let new = unsafe { self.alloc(layout_new) };
            if !new.is_null() {
                // SAFETY: both pieces hold at least this many bytes and do not overlap.
                unsafe { core::ptr::copy_nonoverlapping(ptr, new, layout.size().min(size)) };
            }
            new
        }
    }

    #[global_allocator]
    static MEMORY: Bump = Bump { next: Cell::new(0), end: Cell::new(0) };

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        super::trap()
    }
}

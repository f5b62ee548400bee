//! The module's exports and its memory. Unsafe stands here alone.
//!
//! ```text
//! alloc(len) -> place            free(place, len)
//! hasher() -> handle             update(handle, place, len)         finish(handle, place)
//! verify(pack, len, files, len, genesis, len) -> place of the answer: its length (4 bytes), JSON
//! ```
#![allow(unsafe_code, reason = "a page passes places in memory")]

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size, unreachable};
use core::cell::Cell;
use linli_verify::FileHasher;

/// Room for `len` bytes.
#[unsafe(no_mangle)]
extern "C" fn alloc(len: u32) -> u32 {
    Vec::<u8>::with_capacity(len as usize).leak().as_mut_ptr() as u32
}

/// Gives room back.
#[unsafe(no_mangle)]
extern "C" fn free(place: u32, len: u32) {
    // SAFETY: the page gives back what `alloc(len)` gave, once.
    drop(unsafe { Vec::from_raw_parts(place as *mut u8, 0, len as usize) });
}

/// Begins a file.
#[unsafe(no_mangle)]
extern "C" fn hasher() -> u32 {
    Box::into_raw(Box::new(FileHasher::new())) as u32
}

/// Takes the next piece of a file.
#[unsafe(no_mangle)]
extern "C" fn update(handle: u32, place: u32, len: u32) {
    // SAFETY: the handle is of `hasher` and not yet finished; nothing else holds it.
    let hasher = unsafe { &mut *(handle as *mut FileHasher) };
    hasher.update(bytes(place, len));
}

/// Ends a file: writes its digests where there is room for them.
#[unsafe(no_mangle)]
extern "C" fn finish(handle: u32, place: u32) {
    // SAFETY: the handle is of `hasher` and is finished once.
    let hasher = unsafe { Box::from_raw(handle as *mut FileHasher) };
    let digests = super::digests_bytes(&hasher.finish(""));
    // SAFETY: the page made room for as many bytes at `place`.
    unsafe { core::ptr::copy_nonoverlapping(digests.as_ptr(), place as *mut u8, digests.len()) };
}

/// Verifies; the answer's length stands before it.
#[unsafe(no_mangle)]
extern "C" fn verify(
    pack: u32,
    pack_len: u32,
    files: u32,
    files_len: u32,
    genesis: u32,
    genesis_len: u32,
) -> u32 {
    let (pack, files) = (bytes(pack, pack_len), bytes(files, files_len));
    let json = super::verify(pack, files, bytes(genesis, genesis_len));
    let len = u32::try_from(json.len()).unwrap_or_default();
    [len.to_le_bytes().as_slice(), &json].concat().leak().as_ptr() as u32
}

fn bytes<'a>(place: u32, len: u32) -> &'a [u8] {
    match len {
        0 => &[],
        // SAFETY: the page wrote `len` bytes where `alloc(len)` said, and leaves them there.
        _ => unsafe { core::slice::from_raw_parts(place as *const u8, len as usize) },
    }
}

/// Gives memory from the end of the data on, and takes back only the last piece (W2).
struct Bump {
    next: Cell<usize>,
    end: Cell<usize>,
}

// SAFETY: a module has one thread.
unsafe impl Sync for Bump {}

unsafe extern "C" {
    static __heap_base: u8;
}

const PAGE_BYTES: usize = 65_536;

impl Bump {
    fn reach(&self, end: usize) -> bool {
        if end <= self.end.get() {
            return true;
        }
        let pages = (end - self.end.get()).div_ceil(PAGE_BYTES);
        if memory_grow(0, pages) == usize::MAX {
            return false;
        }
        self.end.set(self.end.get() + pages * PAGE_BYTES);
        true
    }
}

// SAFETY: every piece lies between `__heap_base` and the end of the memory, is aligned as asked, and
// overlaps no piece in use: `next` only falls back to the start of the last piece when that is given
// back.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.end.get() == 0 {
            self.next.set(&raw const __heap_base as usize);
            self.end.set(memory_size(0) * PAGE_BYTES);
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

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if place as usize + layout.size() == self.next.get() {
            self.next.set(place as usize);
        }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let last = place as usize + layout.size() == self.next.get();
        if let (true, Some(end)) = (last, (place as usize).checked_add(size)) {
            if self.reach(end) {
                self.next.set(end);
                return place;
            }
            return core::ptr::null_mut();
        }
        // SAFETY: the alignment was accepted for the first layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the caller's promise for `realloc` covers `alloc`.
        let new = unsafe { self.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: both pieces hold at least this many bytes and do not overlap.
            unsafe { core::ptr::copy_nonoverlapping(place, new, layout.size().min(size)) };
        }
        new
    }
}

#[global_allocator]
static MEMORY: Bump = Bump { next: Cell::new(0), end: Cell::new(0) };

/// Out of memory, or our own fault: the page says that it could not finish.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unreachable()
}

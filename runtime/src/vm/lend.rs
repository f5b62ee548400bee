//! Lends the ledger to the engine for the length of one run.
//!
//! The engine keeps a run's data in a box that may not hold borrows, but a [`Host`] is a borrow of
//! the ledger. So the box holds a slot, and the slot holds the host only while [`lend`] is at work.
//!
//! # Invariants
//!
//! - **B1 returned.** When [`lend`] ends, also by a panic, the slot is empty: whatever was kept of
//!   [`Lent`] reaches nothing.
//! - **B2 one at a time.** A slot has one [`Lent`], which cannot be cloned and gives the host out
//!   only under a mutable borrow of itself.

use super::seam::Host;
use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

type Slot = Rc<Cell<Option<NonNull<dyn Host>>>>;

/// A host, as long as it is lent.
pub(super) struct Lent(Slot);

impl Lent {
    /// The host, or `None` once it was given back (B1).
    #[expect(unsafe_code, reason = "a borrow across the engine's box")]
    pub(super) fn host(&mut self) -> Option<&mut dyn Host> {
        let host = self.0.get()?;
        // SAFETY: the slot is filled only by `lend`, from a mutable borrow that `lend` holds and
        // does not use until it has emptied the slot (B1). There is one `Lent` for a slot and this
        // method borrows it mutably, so no second borrow of the host can be alive (B2). `Lent` is
        // not `Send` (it holds an `Rc`), so all of it happens on one thread.
        Some(unsafe { &mut *host.as_ptr() })
    }
}

/// Runs `work` with the host lent to it.
pub(super) fn lend<R>(host: &mut dyn Host, work: impl FnOnce(Lent) -> R) -> R {
    let slot: Slot = Rc::new(Cell::new(Some(erased(host))));
    let _return = Return(&slot);
    work(Lent(Rc::clone(&slot)))
}

/// Forgets how long the borrow lives.
#[expect(unsafe_code, reason = "a borrow across the engine's box")]
fn erased<'a>(host: &'a mut (dyn Host + 'a)) -> NonNull<dyn Host> {
    let host: NonNull<dyn Host + 'a> = NonNull::from(host);
    // SAFETY: the two types differ in a lifetime only, so their layout is one. The pointer is used
    // only by `Lent::host`, only while `lend` holds the borrow.
    unsafe { std::mem::transmute::<NonNull<dyn Host + 'a>, NonNull<dyn Host>>(host) }
}

/// Empties the slot at the end, also when unwinding.
struct Return<'a>(&'a Slot);

impl Drop for Return<'_> {
    fn drop(&mut self) {
        self.0.set(None); // B1
    }
}

//! Threads on which contracts run: their stack is sized by what the engine may take, not by the
//! system's habit.
//!
//! The counter inside a module ends every recursion (runtime, H1) and the engine has a limit of
//! its own above it. Neither helps on a thread that ends before: that is a crash of the process.
//! So whatever executes blocks or answers queries runs here.

use linli_runtime::vm;
use linli_types::store::Broken;
use std::thread::{Builder, JoinHandle, ScopedJoinHandle, scope};

/// For everything that is not a contract: what a thread has by default.
const ROOM_BYTES: usize = 2 * 1024 * 1024;

/// Stack of a thread that runs contracts: the worst chain of calls, and room for the rest.
pub const STACK_BYTES: usize = vm::STACK_BYTES + ROOM_BYTES;

/// Starts such a thread.
///
/// # Errors
///
/// [`Broken`] if the system refuses.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Broken> {
    builder(name).spawn(work).map_err(|why| refused(&why))
}

/// Does `work` on such a thread and waits for it.
///
/// # Errors
///
/// [`Broken`] if the system refuses the thread, or the work panics.
pub fn run<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> Result<T, Broken> {
    let panicked = |_| Broken(format!("{name} panicked; the log says where"));
    scope(|scope| {
        let spawned: Result<ScopedJoinHandle<'_, T>, _> = builder(name).spawn_scoped(scope, work);
        spawned.map_err(|why| refused(&why))?.join().map_err(panicked)
    })
}

fn builder(name: &str) -> Builder {
    Builder::new().name(name.into()).stack_size(STACK_BYTES)
}

fn refused(why: &std::io::Error) -> Broken {
    Broken(format!("cannot start a thread: {why}"))
}

#[cfg(test)]
mod tests;
